"""The upstream venue of a live mirror: its REST answers passed on, its streams demultiplexed."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import websockets

from services.paper_exchange.logic.streams import Route, parse

_LOG = logging.getLogger("mraster.paper_exchange")
_BATCH = 100
_SILENT_S = 60.0

OnFrame = Callable[[str, bytes, Any], None]


_STOP = {418, 429}
_STOP_S, _STOP_MOST_S = 30.0, 600.0


def _retry_after_s(response: httpx.Response) -> float:
    """Seconds that the upstream wants to be left alone."""
    text = response.headers.get("retry-after", "")
    return min(float(text), _STOP_MOST_S) if text.isdigit() else _STOP_S


class UpstreamRest:
    """Forwards public requests. Equal requests within a second share one answer; after a 429 or 418 nothing is asked for a while."""

    def __init__(self, base: str) -> None:
        self.client = httpx.AsyncClient(base_url=base, timeout=10.0)
        self._cache: dict[str, tuple[float, httpx.Response]] = {}
        self._stopped: tuple[float, httpx.Response] | None = None

    async def get(self, path: str, query: str, *, keep_s: float = 1.0) -> httpx.Response:
        """An answer of the upstream, at most `keep_s` old.

        Raises:
            httpx.HTTPError: it did not answer.
        """
        now = asyncio.get_running_loop().time()
        url = f"{path}?{query}" if query else path
        known = self._cache.get(url)
        if known is not None and known[0] > now:
            return known[1]
        if self._stopped is not None and self._stopped[0] > now:
            return self._stopped[1]
        response = await self.client.get(url)
        if response.status_code in _STOP:
            # asking on would turn the limit into a ban; until then everybody gets the upstream's own words
            self._stopped = (now + _retry_after_s(response), response)
        if len(self._cache) > 2000:
            self._cache.clear()
        if response.status_code == 200:
            self._cache[url] = (now + keep_s, response)
        return response

    async def close(self) -> None:
        """Close connections."""
        await self.client.aclose()


class UpstreamStream:
    """One WebSocket to the upstream that carries whatever is wanted; reconnects with back-off and subscribes again."""

    def __init__(self, url: str, on_frame: OnFrame) -> None:
        self.url = url
        self.on_frame = on_frame
        self.connected = False
        self.bad_frames = 0
        self._wanted: dict[str, None] = {}
        self._sent: set[str] = set()
        self._changed = asyncio.Event()
        self._number = 0

    def want(self, name: str, *, wanted: bool) -> None:
        """Add or drop a stream; sent with the next batch of commands."""
        if wanted:
            self._wanted[name] = None
        else:
            self._wanted.pop(name, None)
        self._changed.set()

    async def run(self) -> None:
        """Stay connected for ever."""
        delay = 0.5
        while True:
            try:
                async with websockets.connect(self.url, max_size=None, open_timeout=10, ping_interval=20) as socket:
                    self._sent.clear()
                    self.connected, delay = True, 0.5
                    await self._serve(socket)
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                _LOG.warning("upstream stream %s lost (%s), again in %.1f s", self.url, error, delay)
            self.connected = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, 30.0)

    async def _serve(self, socket: websockets.ClientConnection) -> None:
        sender = asyncio.create_task(self._commands(socket))
        try:
            while True:
                self._take(await asyncio.wait_for(socket.recv(), _SILENT_S))
        finally:
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender

    def _take(self, text: str | bytes) -> None:
        try:
            frame = orjson.loads(text)
        except orjson.JSONDecodeError:
            self.bad_frames += 1
            return
        if isinstance(frame, dict) and isinstance(frame.get("stream"), str) and "data" in frame:
            self.on_frame(frame["stream"], orjson.dumps(frame["data"]), frame["data"])
        elif not (isinstance(frame, dict) and "id" in frame):
            self.bad_frames += 1

    async def _commands(self, socket: websockets.ClientConnection) -> None:
        """Bring the upstream's subscriptions in line with what is wanted: a few commands, at most five per second."""
        while True:
            fresh = [name for name in self._wanted if name not in self._sent][:_BATCH]
            gone = [name for name in self._sent if name not in self._wanted][:_BATCH]
            for method, names in (("SUBSCRIBE", fresh), ("UNSUBSCRIBE", gone)):
                if names:
                    self._number += 1
                    await socket.send(orjson.dumps({"method": method, "params": names, "id": self._number}).decode())
            self._sent.update(fresh)
            self._sent.difference_update(gone)
            if not fresh and not gone:
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(0.4)


def stream_urls(base: str, stream_base: str) -> dict[Route, str]:
    """WebSocket addresses by route. Binance has routed paths; other venues have one for everything."""
    if not stream_base:
        stream_base = base.replace("https://", "wss://").replace("http://", "ws://").replace("fapi.", "fstream.", 1)
    if "binance" in stream_base:
        return {Route.PUBLIC: f"{stream_base}/public/stream", Route.MARKET: f"{stream_base}/market/stream"}
    return {Route.LEGACY: f"{stream_base}/stream"}


class Upstream:
    """REST and streams of one upstream."""

    def __init__(self, base: str, stream_base: str, on_frame: OnFrame) -> None:
        self.base = base
        self.rest = UpstreamRest(base)
        self.streams = {route: UpstreamStream(url, on_frame) for route, url in stream_urls(base, stream_base).items()}

    def want(self, name: str, *, wanted: bool) -> None:
        """Add or drop a stream on the connection that carries its kind."""
        stream = parse(name)
        if stream is None:
            return
        route = Route.LEGACY if Route.LEGACY in self.streams else stream.route
        self.streams[route].want(name, wanted=wanted)

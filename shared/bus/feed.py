"""Messages of one JetStream consumer by pull requests: the only place where messages are fetched.

nats-py's own `fetch` starts two requests per call, loses track of messages that arrive as it times out and does not tell a
deleted consumer from an empty one. Here one request is open at a time, the server's heartbeats tell that it is alive, and a
message always reaches the callback.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import orjson
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import api

from shared.bus.delivery import Window
from shared.bus.link import Link, translated
from shared.domain.errors import BusLost, BusUnavailable, MrasterError

_LOG = logging.getLogger("mraster.bus")
_NANO = 1_000_000_000
_SOON_S = 0.02  # how long a small room waits to grow, so that requests ask for batches
_PAUSE_S = 0.25  # after the server refused or did not answer
_LOOK_S = 0.1  # before looking for a consumer that seems gone: a server that starts is not ready at once


class Feed:
    """Pulls into `deliver` as long as the window has room.

    `ensure` creates or finds the consumer and returns its name; it is called at the start and whenever the consumer seems gone.
    """

    def __init__(
        self, link: Link, stream: str, ensure: Callable[[], Awaitable[str]], deliver: Callable[[Msg], None], window: Window
    ) -> None:
        self._link = link
        self._stream = stream
        self._ensure = ensure
        self._deliver = deliver
        self.window = window
        self.consumer = ""
        self._inbox = ""
        self._asked = 0  # messages that the open request may still bring
        self._request = 0
        self._heard_s = 0.0
        self._missing = True
        self._wake = asyncio.Event()
        self._sub: Subscription | None = None
        self._pump: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make sure of the consumer, then begin.

        Raises:
            BusUnavailable: the server did not answer.
        """
        await self._look()
        self._inbox = self._link.new_inbox()
        with translated(f"subscribing to {self._stream}"):
            self._sub = await self._link.subscribe(f"{self._inbox}.*", cb=self._receive)
        self._link.on_reconnect.add(self._again)
        self._pump = asyncio.create_task(self._run())

    async def close(self) -> None:
        """What is on its way still reaches the callback; nothing after this returns."""
        self._link.on_reconnect.discard(self._again)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait([self._pump])
        if self._sub is not None:
            sub, self._sub = self._sub, None
            await self._link.end_delivery(sub)

    def released(self, waited_s: float | None = None) -> None:
        """A message is settled."""
        self.window.released(waited_s)
        if self._asked <= 0:
            self._wake.set()

    def widen(self) -> None:
        """Ask for one more if the window is full."""
        if self.window.widen() and self._asked <= 0:
            self._wake.set()

    def doubt(self) -> None:
        """Look whether the consumer is still there (and let `ensure` make another one)."""
        self._missing = True
        self._asked = 0
        self._wake.set()

    def _again(self) -> None:
        """Reconnected: the open request is gone, the consumer may be."""
        self.doubt()

    async def _receive(self, msg: Msg) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        status = (msg.headers or {}).get(api.Header.STATUS)
        if status is None:
            self._asked -= 1
            self.window.took()
            self._deliver(msg)
            if self._asked <= 0:
                self._wake.set()
        elif status != api.StatusCode.CONTROL_MESSAGE and msg.subject == f"{self._inbox}.{self._request}":
            self._ended(status, (msg.headers or {}).get(api.Header.DESCRIPTION, ""))

    def _ended(self, status: str, text: str) -> None:
        """The open request is over: expired (408), refused or cut short (409), or nobody is there (503)."""
        self._asked = 0
        if status in (api.StatusCode.SERVICE_UNAVAILABLE, api.StatusCode.CONFLICT):
            _LOG.info("consumer %s of %s: request ended with %s %s", self.consumer, self._stream, status, text)
            self._missing = True
        self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._step()
            except BusLost:
                return  # whoever runs this feed watches `lost`
            except MrasterError as error:
                _LOG.warning("consumer %s of %s: %s", self.consumer, self._stream, error)
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # noqa: BLE001 - a mistake of ours must not end consuming in silence
                _LOG.exception("consumer %s of %s", self.consumer, self._stream)
                await asyncio.sleep(_PAUSE_S)

    async def _step(self) -> None:
        if self._missing:
            await asyncio.sleep(_LOOK_S)
            await self._look()
        if self._asked <= 0 and self.window.room > 0:
            if self.window.room * 4 < self.window.size:
                await asyncio.sleep(_SOON_S)
            await self._pull()
        await self._rest()

    async def _look(self) -> None:
        self.consumer = await self._ensure()
        self._missing = False

    async def _pull(self) -> None:
        timing = self._link.timing
        self._request += 1
        self._asked = self.window.room
        self._heard_s = asyncio.get_running_loop().time()
        body = {"batch": self._asked, "expires": int(timing.pull_s * _NANO), "idle_heartbeat": int(timing.heartbeat_s * _NANO)}
        try:
            with translated("pull request"):
                await self._link.publish(
                    f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self.consumer}", orjson.dumps(body), f"{self._inbox}.{self._request}"
                )
        except BusUnavailable:
            self._asked = 0
            raise

    async def _rest(self) -> None:
        """Until there is something to do; silence for longer than two heartbeats is something to do."""
        silence_s = self._link.timing.heartbeat_s * 2.5
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(silence_s):
                await self._wake.wait()
        self._wake.clear()
        if self._asked > 0 and asyncio.get_running_loop().time() - self._heard_s > silence_s:
            self.doubt()

"""One WebSocket that is kept up: dial, read, watch, dial again."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from shared.domain.errors import Transient
from shared.exchange.clock import VenueClock

Job = Callable[[ClientConnection], Awaitable[None]]
_SETTLED_S = 10.0
_MAX_FRAME_BYTES = 1 << 24
_QUEUED_FRAMES = 1024
_MOST_PATIENCE = 8
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Timings of a stream, in seconds of our time; `proxy` such as "http://host:3128".

    `silent_s`: a connection without any text frame (market) or pong (user) for so long is dead.
    `ack_s`: a subscription that is not acknowledged by then makes us dial again.
    `lifetime_s` replaces the venue's own limit.
    """

    ping_s: float = 20.0
    silent_s: float = 60.0
    ack_s: float = 10.0
    open_s: float = 10.0
    close_s: float = 2.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 60.0
    renew_key_s: float = 1800.0
    retry_renew_s: float = 60.0
    lifetime_s: float | None = None
    user_agent: str = "mraster"
    proxy: str | None = None


class Reconnect(Exception):
    """Leave this connection and dial again; the text says why. Never leaves this package."""


@dataclass(slots=True)
class FrameCount:
    """Text frames that came in, and those that are dealt with; shared by all connections of a stream."""

    received: int = 0
    handled: int = 0
    refused: int = 0
    reconnects: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What a connection is for.

    `dial` gives the address, anew each time. `opened` runs before the first frame is handled, `jobs` beside the reading: when
    one ends, the connection is left. `watch_silence`: the peer must keep sending, answering pings is not enough.
    """

    name: str
    dial: Callable[[], Awaitable[str]]
    opened: Job
    on_frame: Callable[[bytes], Awaitable[None]]
    jobs: Sequence[Job] = ()
    lifetime_s: float = 85_680.0
    watch_silence: bool = True


class Link:
    """Keeps one connection of a plan up until cancelled.

    Errors of the plan's callbacks end `run`, but for `Reconnect` and `Transient`, which count as a failed connection.
    """

    def __init__(self, plan: LinkPlan, clock: VenueClock, options: StreamOptions, count: FrameCount) -> None:
        # at DEBUG the library logs addresses and frames, which are private ones too
        logging.getLogger("websockets").setLevel(logging.WARNING)
        self._plan = plan
        self._clock = clock
        self._options = options
        self._count = count
        self._jitter = random.SystemRandom()
        self._patience = 1
        self._last_frame_s = 0.0
        self._busy = False
        self.connected = False

    async def run(self) -> None:
        """Dial, read until the connection ends, wait, dial again."""
        failures = 0
        while True:
            started_s = self._clock.monotonic_s()
            reason = await self._once()
            lived_s = self._clock.monotonic_s() - started_s
            failures = 0 if lived_s > max(_SETTLED_S, self._options.backoff_first_s) else failures + 1
            self._count.reconnects += 1
            wait_s = self._wait_s(failures)
            _LOG.warning("%s: %s after %.1f s; dialling again in %.1f s", self._plan.name, reason, lived_s, wait_s)
            await asyncio.sleep(wait_s)

    async def _once(self) -> str:
        """One connection, from dialling to its end; why it ended."""
        try:
            socket = await self._connect(await self._plan.dial())
        except (OSError, WebSocketException, Transient) as error:
            return f"cannot connect ({_why(error)})"
        try:
            return await self._session(socket)
        finally:
            self.connected = False
            await socket.close()

    async def _connect(self, address: str) -> ClientConnection:
        """Open the socket. Its own pings find a dead peer; frames are not compressed, which costs more than it saves."""
        options = self._options
        return await connect(
            address,
            open_timeout=options.open_s,
            ping_interval=options.ping_s,
            ping_timeout=max(options.silent_s - options.ping_s, 1.0),
            close_timeout=options.close_s,
            compression=None,
            max_size=_MAX_FRAME_BYTES,
            max_queue=_QUEUED_FRAMES,
            user_agent_header=options.user_agent,
            proxy=options.proxy,
        )

    async def _session(self, socket: ClientConnection) -> str:
        """Read until the connection ends, with the jobs beside."""
        self._last_frame_s = self._clock.monotonic_s()
        jobs = [asyncio.ensure_future(job(socket)) for job in (self._watch, *self._plan.jobs)]
        closer = asyncio.create_task(_close_after_first(jobs, socket))
        try:
            reason = await self._read(socket)
        finally:
            for task in (*jobs, closer):
                task.cancel()
            *ends, _ = await asyncio.gather(*jobs, closer, return_exceptions=True)
        for end in ends:
            if isinstance(end, Reconnect | Transient):
                reason = str(end)
            elif isinstance(end, Exception):
                raise end
        return reason

    async def _read(self, socket: ClientConnection) -> str:
        """Hand each frame to its listener, one after the other."""
        try:
            self._busy = True
            await self._plan.opened(socket)
            self.connected = True
            while True:
                self._busy = False
                self._last_frame_s = self._clock.monotonic_s()
                try:
                    frame = await socket.recv(decode=False)
                except ConnectionClosed as closed:
                    return _describe(closed)
                self._busy = True
                self._count.received += 1
                try:
                    await self._plan.on_frame(frame)
                finally:
                    self._count.handled += 1
                self._patience = 1
        except (Reconnect, Transient) as error:
            return str(error)

    async def _watch(self, _socket: ClientConnection) -> None:
        """End the connection when it is silent or old. A silence that repeats is borne longer each time, up to eight times."""
        born_s = self._clock.monotonic_s()
        lifetime_s = self._options.lifetime_s or self._plan.lifetime_s
        while True:
            silence_s = self._options.silent_s * self._patience
            now_s = self._clock.monotonic_s()
            left_s = born_s + lifetime_s - now_s
            quiet_s = now_s - self._last_frame_s
            if left_s <= 0:
                raise Reconnect("rotated before the venue's limit")
            if self._plan.watch_silence and not self._busy and quiet_s >= silence_s:
                self._patience = min(2 * self._patience, _MOST_PATIENCE)
                raise Reconnect(f"silent for {quiet_s:.0f} s")
            await asyncio.sleep(min(left_s, max(silence_s - quiet_s, silence_s / 20)))

    def _wait_s(self, failures: int) -> float:
        """Wait before dialling: doubled with each failure in a row, spread by chance."""
        most = min(self._options.backoff_max_s, self._options.backoff_first_s * 2**failures)
        return float(self._jitter.uniform(most / 4, most))


async def _close_after_first(jobs: Sequence[asyncio.Future[None]], socket: ClientConnection) -> None:
    """The end of any job, whatever it is, ends the connection, which wakes the reader."""
    await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    await socket.close()


def _why(error: Exception) -> str:
    """Why there is no connection. The library's own texts may hold the address, and a private one holds the listen key."""
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__ if isinstance(error, WebSocketException) else f"{type(error).__name__}: {error}"


def _describe(closed: ConnectionClosed) -> str:
    """Why a connection ended, in the peer's words or ours."""
    frame = closed.rcvd or closed.sent
    return "connection lost" if frame is None else f"closed with {frame.code} {frame.reason!r}"

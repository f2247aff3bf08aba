"""Market and user streams: typed events in order, with a resync after every gap."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from websockets.asyncio.client import ClientConnection

from shared.domain.errors import ContractViolation, Permanent, Transient
from shared.exchange.clock import VenueClock
from shared.exchange.events import ListenKeyExpired, UserEvent
from shared.exchange.fields import Row
from shared.exchange.link import FrameCount, Link, LinkPlan, Reconnect, StreamOptions
from shared.exchange.market import MarketEvent
from shared.exchange.parse_stream import Control, Events, event_ms, parse_market_event, unwrap
from shared.exchange.parse_user import parse_user_event
from shared.exchange.subscription import Shard, Wiring, spread
from shared.exchange.venues.shape import VenuePolicy

__all__ = ["ListenKeys", "MarketStream", "StreamOptions", "UserStream"]

_LOG = logging.getLogger(__name__)


class ListenKeys(Protocol):
    """What the user stream needs of the account client."""

    async def create_listen_key(self) -> str:
        """A key that is valid for 60 minutes; the same one while it is active."""
        ...

    async def keepalive_listen_key(self) -> None:
        """Renew it; `Permanent` with code `listen_key_unknown` when it is gone."""
        ...


class _Counted:
    """What both streams tell about themselves."""

    def __init__(self) -> None:
        self._count = FrameCount()
        self.ignored: Counter[str] = Counter()

    @property
    def frames_received(self) -> int:
        """Text frames that came in, answers to subscriptions included."""
        return self._count.received

    @property
    def frames_handled(self) -> int:
        """Text frames whose listener has returned."""
        return self._count.handled

    @property
    def frames_refused(self) -> int:
        """Text frames that did not parse."""
        return self._count.refused

    @property
    def reconnects(self) -> int:
        """How often a connection was lost or left."""
        return self._count.reconnects

    def _refuse(self, error: ContractViolation) -> None:
        """Count a frame that does not parse; of a flood, only every doubling is logged."""
        self._count.refused += 1
        if self._count.refused & (self._count.refused - 1) == 0:
            _LOG.error("stream frame refused (%d so far): %s", self._count.refused, error)


class MarketStream(_Counted):
    """Public streams by name, for example "abcusdt@kline_5m" or "!bookTicker"; names are lower-case.

    `on_event` gets one event at a time per connection. `on_resync(streams)` is awaited when streams have just become live,
    all of a connection after a (re)connect or those added by `set_streams`, before their next event is handled: the place to
    fill gaps over REST. When either raises `Transient`, the connection is made again; other errors end `run`.
    """

    def __init__(
        self,
        policy: VenuePolicy,
        clock: VenueClock,
        streams: Iterable[str],
        on_event: Callable[[MarketEvent], Awaitable[None]],
        *,
        on_resync: Callable[[frozenset[str]], Awaitable[None]] | None = None,
        options: StreamOptions | None = None,
    ) -> None:
        super().__init__()
        self._policy = policy
        self._clock = clock
        self._on_event = on_event
        self._wiring = Wiring(
            policy=policy,
            clock=clock,
            options=options or StreamOptions(),
            count=self._count,
            open_frame=self._open_frame,
            on_events=self._on_events,
            on_live=on_resync or _nobody_asks,
        )
        self._shards: list[Shard] = []
        self._tasks: dict[Shard, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.set_streams(streams)

    @property
    def streams(self) -> frozenset[str]:
        """What is wanted now."""
        return frozenset().union(*(shard.wanted for shard in self._shards))

    @property
    def live_streams(self) -> frozenset[str]:
        """What the venue has acknowledged on connections that are up."""
        return frozenset().union(*(shard.live for shard in self._shards))

    def set_streams(self, streams: Iterable[str]) -> None:
        """Change what is subscribed, while running or before. Streams that stay keep their connection."""
        self._shards = spread(self._shards, frozenset(streams), self._policy, lambda route: Shard(route, self._wiring))
        self._changed.set()

    async def run(self) -> None:
        """Deliver events until cancelled."""
        try:
            while True:
                self._changed.clear()
                self._start_and_stop()
                changed = asyncio.create_task(self._changed.wait())
                done, _ = await asyncio.wait({changed, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                for task in done - {changed}:
                    await task
        finally:
            tasks = list(self._tasks.values())
            self._tasks.clear()
            await _stop(tasks)

    def _start_and_stop(self) -> None:
        """One task per connection that is wanted."""
        for shard in self._shards:
            if shard not in self._tasks:
                self._tasks[shard] = asyncio.create_task(shard.run())
        for shard in set(self._tasks) - set(self._shards):
            self._tasks.pop(shard).cancel()

    def _open_frame(self, frame: bytes) -> Events | Control | None:
        """A frame taken apart, or None after it was refused."""
        try:
            return unwrap(frame)
        except ContractViolation as error:
            self._refuse(error)
            return None

    async def _on_events(self, items: tuple[Row, ...]) -> None:
        """Hand the events of a frame to the listener, after their time was taken."""
        for item in items:
            try:
                self._clock.observe(event_ms(item))
                event = parse_market_event(item)
            except ContractViolation as error:
                self._refuse(error)
                continue
            if event is None:
                self.ignored[str(item["e"])] += 1
            else:
                await self._on_event(event)


class UserStream(_Counted):
    """The private stream of an account; one per process.

    `on_resync()` is awaited after each (re)connect, before the next event is handled, and after a frame that could not be
    read: the place to read orders, positions and balance over REST. When a callback raises `Transient`, the connection is
    made again; other errors end `run`, as do refused credentials. Events may come out of order: compare `transaction_ms`.
    """

    def __init__(
        self,
        private: ListenKeys,
        policy: VenuePolicy,
        clock: VenueClock,
        on_event: Callable[[UserEvent], Awaitable[None]],
        on_resync: Callable[[], Awaitable[None]],
        *,
        options: StreamOptions | None = None,
    ) -> None:
        super().__init__()
        self._private = private
        self._policy = policy
        self._clock = clock
        self._on_event = on_event
        self._on_resync = on_resync
        self._options = options or StreamOptions()
        plan = LinkPlan(
            name="user stream",
            dial=self._dial,
            opened=self._opened,
            on_frame=self._on_frame,
            jobs=(self._renew,),
            lifetime_s=policy.stream_limits.lifetime_s,
            watch_silence=False,
        )
        self._link = Link(plan, clock, self._options, self._count)

    @property
    def connected(self) -> bool:
        """Whether events arrive and the resync after connecting is done."""
        return self._link.connected

    async def run(self) -> None:
        """Deliver events until cancelled."""
        await self._link.run()

    async def _dial(self) -> str:
        """The address of a fresh or still active key."""
        return self._policy.user_stream_url(await self._private.create_listen_key())

    async def _opened(self, _socket: ClientConnection) -> None:
        """What happened while nobody listened is read over REST."""
        await self._on_resync()

    async def _on_frame(self, frame: bytes) -> None:
        """Hand the events of a frame to the listener; what cannot be read is replaced by a resync."""
        try:
            content = unwrap(frame)
            events = [self._parsed(item) for item in content.items] if isinstance(content, Events) else []
        except ContractViolation as error:
            self._refuse(error)
            await self._on_resync()
            return
        for event in events:
            if isinstance(event, ListenKeyExpired):
                raise Reconnect("the listen key has expired")
            if event is not None:
                await self._on_event(event)

    def _parsed(self, item: Row) -> UserEvent | ListenKeyExpired | None:
        """One event, after its time was taken."""
        if "E" in item:
            self._clock.observe(event_ms(item))
        event = parse_user_event(item)
        if event is None:
            self.ignored[str(item["e"])] += 1
        return event

    async def _renew(self, _socket: ClientConnection) -> None:
        """Renew the key again and again; a key that the venue does not know any more means dialling with a new one."""
        wait_s = self._options.renew_key_s
        while True:
            await asyncio.sleep(wait_s)
            try:
                await self._private.keepalive_listen_key()
                wait_s = self._options.renew_key_s
            except Transient as error:
                wait_s = min(self._options.retry_renew_s, self._options.renew_key_s)
                _LOG.warning("listen key not renewed, next attempt in %.0f s: %s", wait_s, error)
            except Permanent as error:
                if error.code != "listen_key_unknown":
                    raise
                raise Reconnect("the venue does not know the listen key any more") from error


async def _nobody_asks(_streams: frozenset[str]) -> None:
    """The listener does not want to hear about new connections."""


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel and wait."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

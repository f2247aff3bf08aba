"""The sentinel. Hears the venue's 24 h statistics and mark prices; publishes the event risk of symbols and of the market.

Owns the states in Redis (written before they are published). Calls the venue's public REST at start and once per UTC day. One instance
is active. Switched off, it listens to nothing and removes its states, so that nobody is held back by an old warning.
"""

import asyncio

from services.sentinel.logic.frames import Frames
from services.sentinel.logic.profile import Profile
from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Told, Watch, newest
from services.sentinel.memory import Memory
from services.sentinel.profiles import Profiles
from shared.contracts.envelope import Outgoing
from shared.domain.errors import Transient
from shared.exchange.market import MarketEvent, MarkPrice, Ticker24h
from shared.exchange.stream import MarketStream
from shared.runtime.context import Context
from shared.runtime.service import Service, every, loop

STREAMS = ("!ticker@arr", "!markPrice@arr@1s")
RETRY_S = 0.5
REPEAT_S = 10.0
"""How soon a warning is back in a Redis that lost it."""
_MINUTE_MS = 60_000


def build(ctx: Context) -> Service:
    """The whole wiring."""
    sentinel = Sentinel(ctx)
    if not ctx.settings.sentinel.enabled:
        return Service("sentinel", (loop(sentinel.idle),), warm=sentinel.clear, one_active=True)
    parts = (loop(sentinel.stream.run), loop(sentinel.run), loop(sentinel.profiles.run), every(REPEAT_S, sentinel.repeat))
    return Service("sentinel", parts, warm=sentinel.warm, one_active=True)


class Sentinel:
    """Takes events, and publishes what the watch finds; what the numbers mean is in `logic`."""

    def __init__(self, ctx: Context) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._table = Table()
        self._watch = Watch(int(ctx.settings.sentinel.decay_minutes * _MINUTE_MS))
        profile = Profile()
        self._frames = Frames(self._table, self._watch, profile)
        self.profiles = Profiles(ctx, profile, lambda: self._table.symbols, lambda: self._table.now_ms)
        self._memory = Memory(ctx)
        self._news: list[Told] = []
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._quote = ctx.settings.core.quote
        self.stream = MarketStream(venue.policy, venue.clock, STREAMS, self.on_market, options=venue.streams)
        self._states = ctx.metrics.counter("states_total", "Published states by label", ("label",))
        ctx.activity.track("frames", lambda: self.stream.frames_handled)
        ctx.activity.track("busy", lambda: int(self._frames.waiting or bool(self._news) or self.profiles.waiting))

    async def warm(self) -> None:
        """Statistics over REST, the states of an earlier life, and a first judgement."""
        public = self._ctx.venue.public
        days, marks = await public.tickers_24h(), await public.premium_index()
        newest_ms = max((day.time_ms for day in days), default=0)
        for told in await self._memory.load(newest_ms):
            self._watch.restore(told.state, told.track)
        for mark in marks:
            await self.on_market(mark)
        for day in days:
            await self.on_market(day)
        await self.profiles.at_once()
        self._news += self._frames.settle()
        await self._publish()

    async def clear(self) -> None:
        """Switched off: no state stays behind."""
        await self._memory.clear()

    async def idle(self) -> None:
        """Switched off: stay until the service stops."""
        await self._ctx.stopping.wait()

    async def on_market(self, event: MarketEvent) -> None:
        """Take one event. Symbols of other quote assets, and dated contracts, are not judged."""
        if not isinstance(event, Ticker24h | MarkPrice) or not event.symbol.endswith(self._quote):
            return
        if isinstance(event, Ticker24h):
            day = Day(event.time_ms, event.last, event.high, event.low, event.change_ratio, event.quote_volume)
            self._news += self._frames.day(event.symbol, day)
            self._wake.set()
        else:
            self._news += self._frames.mark(event.symbol, event.mark, event.index, funding_rate=event.funding_rate, time_ms=event.time_ms)

    async def run(self) -> None:
        """Publish whenever there is something new, until the service stops."""
        while not self._ctx.stopping.is_set():
            await self._woken()
            self._wake.clear()
            await self.profiles.at_once()
            self._news += self._frames.settle()
            try:
                await self._publish()
            except Transient as error:
                self._ctx.log.warning("warnings_wait", code=error.code, detail=str(error), count=len(self._news))
                self._news = newest(self._news)
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def repeat(self) -> None:
        """Write what holds once more: a Redis that crashed or was emptied must not mean that there is no risk."""
        if not self._news:
            async with self._writing:
                await self._memory.keep(self._watch.standing())

    async def _woken(self) -> None:
        """Wait for news or the end."""
        waits = {asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._ctx.stopping.wait())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    async def _publish(self) -> None:
        """Redis first, then the bus: whoever reads Redis after hearing of a state finds at least that one."""
        batch = list(self._news)
        async with self._writing:
            await self._memory.keep(newest(batch))
        await self._ctx.bus.publish_all([Outgoing(told.state, ts_ms=told.state.ts_ms) for told in batch])
        del self._news[: len(batch)]
        for told in batch:
            state = told.state
            self._states.labels(state.label.value).inc()
            why = {"risk": state.event_risk, "clamp": str(state.size_clamp), "reasons": "; ".join(state.reasons)}
            self._ctx.log.info("sentinel_state", symbol=state.symbol, label=state.label.value, **why)

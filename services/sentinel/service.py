"""The sentinel. Hears the venue's 24 h statistics and mark prices; publishes the event risk of symbols and of the market.

Owns the states in Redis (written before they are published). Calls the venue's public REST at start. One instance is active.
Switched off, it listens to nothing and removes its states, so that nobody is held back by an old warning.
"""

import asyncio

from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Watch
from services.sentinel.memory import Memory
from shared.contracts.envelope import Outgoing
from shared.domain.errors import Transient
from shared.exchange.market import MarketEvent, MarkPrice, Ticker24h
from shared.exchange.stream import MarketStream
from shared.runtime.context import Context
from shared.runtime.service import Service, loop

STREAMS = ("!ticker@arr", "!markPrice@arr@1s")
RETRY_S = 0.5
_MINUTE_MS = 60_000


def build(ctx: Context) -> Service:
    """The whole wiring."""
    sentinel = Sentinel(ctx)
    if not ctx.settings.sentinel.enabled:
        return Service("sentinel", (loop(sentinel.idle),), warm=sentinel.clear, one_active=True)
    return Service("sentinel", (loop(sentinel.stream.run), loop(sentinel.run)), warm=sentinel.warm, one_active=True)


class Sentinel:
    """Collects frames and judges after each; what the numbers mean is in `logic`."""

    def __init__(self, ctx: Context) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._table = Table()
        self._usual: dict[str, float] = {}
        self._watch = Watch(int(ctx.settings.sentinel.decay_minutes * _MINUTE_MS))
        self._memory = Memory(ctx)
        self._wake = asyncio.Event()
        self._judging = False
        self._quote = ctx.settings.core.quote
        self.stream = MarketStream(venue.policy, venue.clock, STREAMS, self.on_market, options=venue.streams)
        self._states = ctx.metrics.counter("states_total", "Published states by label", ("label",))
        ctx.activity.track("frames", lambda: self.stream.frames_handled)
        ctx.activity.track("busy", lambda: int(self._judging or self._wake.is_set()))

    async def warm(self) -> None:
        """Statistics over REST, the states of an earlier life, and a first judgement."""
        public = self._ctx.venue.public
        for ticker in await public.tickers_24h():
            self._take_ticker(ticker)
        for mark in await public.premium_index():
            self._take_mark(mark)
        for told in await self._memory.load(self._table.now_ms):
            self._watch.restore(told.state, told.track)
        await self._judge()

    async def clear(self) -> None:
        """Switched off: no state stays behind."""
        await self._memory.clear()

    async def idle(self) -> None:
        """Switched off: stay until the service stops."""
        await self._ctx.stopping.wait()

    async def on_market(self, event: MarketEvent) -> None:
        """Take one event; statistics wake the judge, who runs once all events of the frame are taken."""
        if isinstance(event, Ticker24h):
            self._take_ticker(event)
            self._wake.set()
        elif isinstance(event, MarkPrice):
            self._take_mark(event)

    async def run(self) -> None:
        """Judge whenever there is something new, until the service stops."""
        while not self._ctx.stopping.is_set():
            await self._woken()
            self._judging = True
            self._wake.clear()
            try:
                await self._judge()
            except Transient as error:
                self._ctx.log.warning("warnings_wait", code=error.code, detail=str(error))
                await asyncio.sleep(RETRY_S)
                self._wake.set()
            finally:
                self._judging = False

    async def _woken(self) -> None:
        """Wait for news or the end."""
        waits = {asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._ctx.stopping.wait())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    async def _judge(self) -> None:
        """Redis first, then the bus: whoever reads Redis after hearing of a state finds at least that one."""
        news = self._watch.judge(self._table, self._usual)
        if not news:
            return
        await self._memory.keep(news)
        await self._ctx.bus.publish_all([Outgoing(told.state, ts_ms=told.state.ts_ms) for told in news])
        for told in news:
            self._watch.told(told.state)
            self._states.labels(told.state.label.value).inc()
            self._ctx.log.info(
                "sentinel_state",
                symbol=told.state.symbol,
                label=told.state.label.value,
                risk=told.state.event_risk,
                clamp=str(told.state.size_clamp),
                reasons="; ".join(told.state.reasons),
            )

    def _take_ticker(self, ticker: Ticker24h) -> None:
        """Symbols of other quote assets, and dated contracts, are not judged."""
        if ticker.symbol.endswith(self._quote):
            self._table.day(
                ticker.symbol,
                Day(ticker.time_ms, ticker.last, ticker.high, ticker.low, ticker.change_ratio, ticker.quote_volume),
            )

    def _take_mark(self, mark: MarkPrice) -> None:
        if mark.symbol.endswith(self._quote):
            self._table.mark(mark.symbol, mark.mark, mark.index, mark.funding_rate)

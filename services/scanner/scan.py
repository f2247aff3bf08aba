"""From arrived candles to published messages: takes in what is here, decides, publishes, at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from services.scanner.board import Board
from services.scanner.logic.decide import ClosedBatch, Rules, judge, signals
from services.scanner.logic.features import Features
from services.scanner.logic.inbox import Arrival, Closed
from services.scanner.logic.rules import rules_of
from services.scanner.logic.setups import trend_quality
from services.scanner.logic.windows import Index
from services.scanner.offers import Offers
from shared.contracts.envelope import Outgoing
from shared.contracts.market import CandleClosed
from shared.contracts.signal import Candidate, Skip, decision_id
from shared.domain.control import TradingState
from shared.domain.errors import StoreUnavailable
from shared.domain.order import Direction
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox
from shared.state.port import Control

VALID_MS = 30_000
"""How long a candidate may be traded after its close, in our time."""
STALE_MS = 90_000
"""Age from which books and marks count as stale, in our time, but never less than a candle: housekeeping renews them more often."""
LOSS_FIELD = "loss:"


Meet = Callable[[Sequence[str]], Awaitable[None]]


async def _nobody(_symbols: Sequence[str]) -> None:
    """The place of `Scan.meet` before there is one."""


class Scan:
    """The scanner's one worker. Batches form by themselves: whatever arrived while the last one was handled is the next one.

    Decisions and candles leave by two queues, so that an entry never waits behind the candles of other symbols.
    """

    def __init__(self, ctx: Context, board: Board) -> None:
        self._ctx = ctx
        self._board = board
        self.decided = Outbox(ctx)
        self.candles = Outbox(ctx)
        self.offers = Offers(ctx)
        self._wake = asyncio.Event()
        self._working = 0
        self.on_bar: Callable[[int], None] = lambda _bar: None
        self.meet: Meet = _nobody
        self.tally: dict[str, int] = {}
        metrics = ctx.metrics
        self._taken = metrics.counter("candles_total", "Closed candles by source", ("source",))
        self._candidates = metrics.counter("candidates_total", "Candidates by setup", ("setup",))
        self._skips = metrics.counter("skips_total", "Skips by reason", ("reason",))
        self._ignored = metrics.counter("candles_ignored_total", "Candles that were not taken, by cause", ("cause",))
        self._undecided = metrics.counter("undecided_signals_total", "Findings that nobody could decide about, by cause", ("cause",))
        self._latency = metrics.histogram(
            "close_to_published_seconds", "From a close frame's arrival to its messages being stored, by kind", ("kind",)
        )
        ctx.activity.track("busy", lambda: self._working + board.inbox.waiting_count())

    def offer(self, closed: Closed) -> None:
        """A closed candle arrived."""
        taken = self._board.takes(closed.candle.symbol)
        arrival = self._board.inbox.offer(closed) if taken else Arrival.UNKNOWN
        if arrival is Arrival.TAKEN:
            self._wake.set()
        else:
            self._ignored.labels(arrival.value).inc()

    def wake(self) -> None:
        """Look at the inbox again."""
        self._wake.set()

    async def run(self) -> None:
        """Handle batches for the life of the service."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (batch := self._board.inbox.ready()) is not None:
                self._working += 1
                try:
                    await self._take(*batch)
                finally:
                    self._working -= 1

    async def _take(self, bar: int, arrivals: list[Closed]) -> None:
        """One bar of some symbols; of those that others scan, only the candle is kept."""
        board = self._board
        self.on_bar(bar)
        board.windows.append(bar, [closed.candle for closed in arrivals])
        if board.followed:
            arrivals = [closed for closed in arrivals if board.watches(closed.candle.symbol)]
        rows = board.windows.rows_of([closed.candle.symbol for closed in arrivals])
        if not len(rows):
            return
        features = board.observe(rows, bar)
        for closed in arrivals:
            self._taken.labels(closed.source).inc()
        decided = await self.decisions(rows, bar, features)
        if decided:
            self.decided.put(decided, partial(self._stored, arrivals, "decision"))
        close_ms = board.frame.close_ms(bar)
        self.candles.put([candle_message(closed, close_ms) for closed in arrivals], partial(self._stored, arrivals, "candle"))

    async def _stored(self, arrivals: Sequence[Closed], kind: str) -> None:
        """Messages are out: measure, and do idle work when nothing waits."""
        now, latency = self._ctx.clock.monotonic_s(), self._latency.labels(kind)
        for closed in arrivals:
            if closed.source == "stream":
                latency.observe(now - closed.arrived_s)
        if kind == "candle" and not self._board.inbox.waiting_count():
            self._board.windows.settle_all(ahead=True)
            await self.offers.tell()

    async def decisions(self, rows: Index, bar: int, features: Features, *, first: bool = False) -> list[Outgoing]:
        """Candidates and skips about one candle of some symbols; none while trading is stopped or nobody can say.

        `first`: after a start market facts that are newer than the candle are taken when there are no older ones.
        """
        board, clock, rules = self._board, self._ctx.clock, self.rules()
        ranks = board.ranks(rows, bar)
        symbols = [board.windows.symbols[row] for row in rows]
        leaders = None
        if rules.book.trend_scan:
            leaders = await self.offers.leaders(symbols, bar, trend_quality(features, ranks), first=first)
        fired = signals(features, ranks, rules, leaders)
        control = await self._control(len(fired.place)) if len(fired.place) else None
        if control is None:
            return []
        if strangers := board.strangers():
            await self.meet(strangers)
        close_ms = board.frame.close_ms(bar)
        closed = ClosedBatch(
            symbols=symbols,
            interval=board.frame.interval,
            close_ms=close_ms,
            now_ms=close_ms + 1 if self._ctx.settings.core.run_once else clock.now_ms(),
            valid_ms=clock.horizon_ms(VALID_MS),
            features=features,
        )
        decided = judge(closed, fired, board.snapshot(rows[fired.place], bar, or_later=first), rules)
        for decision in decided:
            self._count(decision)
        return [_decision_message(decision, control.epoch) for decision in sorted(decided, key=lambda d: d.symbol)]

    def rules(self) -> Rules:
        """The settings as they are now (some may change while running)."""
        settings, venue = self._ctx.settings, self._ctx.venue
        age_ms = max(self._board.frame.length_ms, self._ctx.clock.horizon_ms(STALE_MS))
        return rules_of(
            (settings.strategy, settings.filters, settings.exits),
            self._board.frame,
            max_age_ms=float(age_ms),
            taker_ratio=float(venue.policy.taker_default),
            paper=settings.core.paper,
            ai=settings.core.ai_enabled,
        )

    async def _control(self, found: int) -> Control | None:
        """The trading state, with what the account holds and lost; None when there is nothing to decide."""
        ctx, state, keys = self._ctx, self._ctx.state, self._ctx.keys
        control: Control | None
        try:
            control, positions, own = await asyncio.gather(state.control(), state.get_all(keys.positions), state.get_all(keys.universe))
        except StoreUnavailable as error:
            ctx.log.warning("undecided", signals=found, code=error.code, detail=str(error))
            self._undecided.labels("store_unavailable").inc(found)
            return None
        if control is None or control.state is TradingState.STOPPED:
            self._undecided.labels("stopped").inc(found)
            return None
        self._board.positions = {symbol: Direction(document["direction"]) for symbol, document in positions.items()}
        self._board.losses = {
            field.removeprefix(LOSS_FIELD): int(document["closed_ms"]) for field, document in own.items() if field.startswith(LOSS_FIELD)
        }
        return control

    def _count(self, decision: Candidate | Skip) -> None:
        if isinstance(decision, Candidate):
            self._candidates.labels(decision.setup.value).inc()
            key = "candidate"
        else:
            self._skips.labels(decision.reason.value).inc()
            key = decision.reason.value
        self.tally[key] = self.tally.get(key, 0) + 1

    async def recheck(self, symbols: Sequence[str], *, any_age: bool = False) -> None:
        """Decide about the newest candle of symbols that have just been loaded, while the decision would still be valid.

        Whoever decided before us gave it the same id, so nothing is doubled.
        """
        board = self._board
        rows = board.windows.rows_of(symbols)
        for bar in sorted({int(bar) for bar in board.windows.last[rows] if bar >= 0}):
            fresh = self._ctx.clock.now_ms() <= board.frame.close_ms(bar) + 1 + self._ctx.clock.horizon_ms(VALID_MS)
            if fresh or any_age:
                chosen = rows[board.windows.last[rows] == bar]
                board.windows.settle(chosen, bar)
                self.decided.put(await self.decisions(chosen, bar, board.observe(chosen, bar), first=True))


def candle_message(closed: Closed, close_ms: int) -> Outgoing:
    """A closed candle as the other services get it."""
    candle = closed.candle
    payload = CandleClosed(
        symbol=candle.symbol,
        interval=candle.interval,
        open_ms=candle.open_ms,
        close_ms=close_ms,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=candle.volume,
        quote_volume=candle.quote_volume,
        trades=candle.trades,
        source=closed.source,
    )
    return Outgoing(payload, ts_ms=close_ms)


def _decision_message(decision: Candidate | Skip, epoch: int) -> Outgoing:
    """A decision under its own id, with the epoch in which it was made."""
    identity = decision_id(decision.symbol, decision.interval, decision.close_ms, decision.direction)
    return Outgoing(decision, ts_ms=decision.close_ms, decision_id=identity, epoch=epoch)

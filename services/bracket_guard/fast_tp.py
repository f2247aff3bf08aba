"""FastTP and break-even on the venue's mark prices: they propose moves of the stop, which the guard carries out like every other."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.fasttp import Marks, Rules, Trade, break_even, snapped, watch
from services.bracket_guard.logic.moves import Move, Mover
from services.bracket_guard.plans import Plans
from shared.domain.position import VenuePosition
from shared.exchange.market import MarketEvent, MarkPrice
from shared.runtime.context import Context

AGAIN_S = 5.0
"""After a range could not be read."""


@dataclass(frozen=True, slots=True)
class Held:
    """A position with the bracket that stands."""

    position: VenuePosition
    desired: Desired


class FastTp:
    """Listens to marks; `held` is what the guard's last looks found."""

    def __init__(self, ctx: Context, plans: Plans, propose: Callable[[Move], None]) -> None:
        self._ctx = ctx
        self._plans = plans
        self._propose = propose
        self._marks: defaultdict[str, Marks] = defaultdict(Marks)
        self.held: dict[str, Held] = {}
        self._ask_again_s: dict[str, float] = {}
        self._signals = ctx.metrics.counter("fast_tp_turns_total", "Turns of winning trades by what came of them", ("outcome",))

    async def on_market(self, event: MarketEvent) -> None:
        """One mark of one symbol."""
        if not isinstance(event, MarkPrice):
            return
        mark = Decimal(repr(event.mark))
        marks = self._marks[event.symbol]
        marks.add(event.time_ms, mark)
        held = self.held.get(event.symbol)
        if held is not None:
            await self._look(held, marks, event.time_ms, mark)

    async def _look(self, held: Held, marks: Marks, now_ms: int, mark: Decimal) -> None:
        trade, rules = trade_of(held, self._ctx.venue.policy.taker_default), self._rules()
        instrument = self._plans.instruments.get(held.position.symbol)
        if trade is None or instrument is None:
            return
        turned = await self._turned(held, trade, rules, marks, mark, now_ms)
        found = turned or self._paid(held, trade, rules, mark, now_ms)
        if found is not None:
            self._propose(found)

    async def _turned(self, held: Held, trade: Trade, rules: Rules, marks: Marks, mark: Decimal, now_ms: int) -> Move | None:
        """FastTP."""
        signal = watch(trade, rules, marks, now_ms, mark)
        if signal is None:
            return None
        symbol, desired = held.position.symbol, held.desired
        atr = await self._range(symbol, desired.interval or self._ctx.settings.strategy.interval, now_ms)
        price = None if atr is None else snapped(trade, rules, mark, atr, self._plans.instruments[symbol])
        self._signals.labels("unknown_range" if atr is None else "no_gain" if price is None else "move").inc()
        if price is None:
            return None
        reason = f"fast_tp {signal.turn.value} {signal.value:.5f} at {signal.open_r:.2f} R, mark {mark}, ATR {atr}"
        return Move(symbol=symbol, position_id=desired.position_id, price=price, time_ms=now_ms, reason=reason, by=Mover.FAST_TP)

    async def _range(self, symbol: str, interval: str, now_ms: int) -> Decimal | None:
        """The ATR; after a failure the venue is left alone for a while, because all other marks wait meanwhile."""
        now_s = self._ctx.clock.monotonic_s()
        if now_s < self._ask_again_s.get(symbol, now_s):
            return None
        atr = await self._plans.atr(symbol, interval, now_ms)
        if atr is None:
            self._ask_again_s[symbol] = self._ctx.clock.monotonic_s() + AGAIN_S
        return atr

    def _paid(self, held: Held, trade: Trade, rules: Rules, mark: Decimal, now_ms: int) -> Move | None:
        """Break-even."""
        symbol, desired = held.position.symbol, held.desired
        price = break_even(trade, rules, now_ms, mark, self._plans.instruments[symbol])
        if price is None:
            return None
        reason = f"break_even from {rules.break_even_r} R on, mark {mark}"
        return Move(symbol=symbol, position_id=desired.position_id, price=price, time_ms=now_ms, reason=reason, by=Mover.BREAK_EVEN)

    def _rules(self) -> Rules:
        exits = self._ctx.settings.exits
        return Rules(
            enabled=exits.fast_tp_enabled,
            min_r=exits.fast_tp_min_r,
            ret1=exits.fast_tp_ret1,
            ret3=exits.fast_tp_ret3,
            snap_atr=exits.fast_tp_snap_atr,
            cooldown_s=exits.fast_tp_cooldown_s,
            break_even_r=exits.break_even_r,
        )


def trade_of(held: Held, taker_fee: Decimal) -> Trade | None:
    """What FastTP watches; None for a position without a plan, whose risk is not known. Costs are two taker fees."""
    position, desired = held.position, held.desired
    if desired.default or desired.planned_stop is None or desired.stop_price is None:
        return None
    return Trade(
        direction=position.direction,
        entry=position.entry_price,
        risk=(position.entry_price - desired.planned_stop) * position.direction.sign,
        cost=position.entry_price * taker_fee * 2,
        stop=desired.stop_price,
        target=desired.target_price,
        moved_ms=desired.moved_ms,
    )

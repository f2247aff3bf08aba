"""The one way in which a stop is moved on purpose, whoever asks: rules, people. The venue's confirmation is what is told."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.jobs import Job, JobKind
from services.bracket_guard.logic.moves import Move, Mover, Stand, settled
from services.bracket_guard.plans import Plans
from services.bracket_guard.repairs import Done, Result
from services.bracket_guard.telling import Telling
from shared.contracts.bracket import BracketEventKind, StopRefusal
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition
from shared.domain.units import Price
from shared.runtime.context import Context

Find = Callable[[str, VenuePosition, Desired, list[VenueOrder]], list[Job]]
Carry = Callable[[Job, VenuePosition, Desired], Awaitable[Done | None]]


class Moving:
    """`find` names the jobs of a bracket, `carry` carries one out within the churn limit (None: not now)."""

    def __init__(self, ctx: Context, plans: Plans, telling: Telling, find: Find, carry: Carry) -> None:
        self._ctx = ctx
        self._plans = plans
        self._telling = telling
        self._find = find
        self._carry = carry
        self._open: dict[str, tuple[Move, Desired, Price | None]] = {}
        self._moves = ctx.metrics.counter("stop_moves_total", "Moves of stops by who wanted them and what came of it", ("by", "result"))

    async def move(self, move: Move, position: VenuePosition, desired: Desired, orders: list[VenueOrder]) -> Desired:
        """Move the stop; when the venue does not take it at all, the old one stays and stays wanted."""
        if move.position_id and move.position_id != desired.position_id:
            self.refuse(move, StopRefusal.OTHER_POSITION)
            return desired
        price = self._price(move, position, desired)
        if isinstance(price, StopRefusal):
            self.refuse(move, price, desired)
            return desired
        wanted = replace(desired, stop_price=price, moves=desired.moves + 1, moved_ms=move.time_ms)
        self._plans.remember(move.symbol, wanted)
        change = next((job for job in self._find(move.symbol, position, wanted, orders) if job.kind is JobKind.STOP_WRONG), None)
        done = None if change is None else await self._carry(change, position, wanted)
        if done is not None and done.result is Result.DONE:
            self._tell(move, wanted, desired.stop_price, "" if done.order is None else done.order.client_id)
            return wanted
        if done is not None and done.open:  # the old stop may be gone: the new price is what is wanted from now on
            self._open[move.symbol] = (move, wanted, desired.stop_price)
            return wanted
        kept = replace(desired, moved_ms=move.time_ms)
        self._plans.remember(move.symbol, kept)
        why = StopRefusal.NO_STOP if change is None else StopRefusal.COOLDOWN if done is None else StopRefusal.VENUE
        self.refuse(move, why, desired)
        return kept

    def look(self, symbol: str, desired: Desired, orders: list[VenueOrder]) -> None:
        """A move whose outcome was not known is told when the stop is seen."""
        found = self._open.get(symbol)
        if found is None:
            return
        move, wanted, before = found
        if desired.position_id != wanted.position_id or desired.moves != wanted.moves:
            del self._open[symbol]
            return
        stop = next((o for o in orders if o.type.is_stop and o.close_position and o.trigger_price == wanted.stop_price), None)
        if stop is not None:
            del self._open[symbol]
            self._tell(move, wanted, before, stop.client_id)

    def gone(self, symbol: str) -> None:
        """The position is closed."""
        self._open.pop(symbol, None)

    def refuse(self, move: Move, why: StopRefusal, desired: Desired | None = None) -> None:
        """It stays as it is. A person is told why; a rule decides anew with the next mark."""
        self._moves.labels(move.by.value, why.value).inc()
        if move.by is Mover.PERSON:
            self._telling.refused(move, why, None if desired is None else desired.stop_price)

    def _price(self, move: Move, position: VenuePosition, desired: Desired) -> Price | StopRefusal:
        instrument = self._plans.instruments.get(move.symbol)
        if instrument is None:
            return StopRefusal.VENUE
        stand = Stand(
            direction=position.direction,
            entry=position.entry_price,
            cost=position.entry_price * self._ctx.venue.policy.taker_default * 2,
            stop=desired.stop_price,
            mark=position.mark_price,
            moved_ms=desired.moved_ms,
            cooldown_ms=int(self._ctx.settings.exits.fast_tp_cooldown_s * 1000),
        )
        return settled(move, stand, instrument)

    def _tell(self, move: Move, desired: Desired, before: Price | None, client_id: str) -> None:
        self._moves.labels(move.by.value, "moved").inc()
        kind = BracketEventKind.SNAPPED if move.by is Mover.FAST_TP else BracketEventKind.MOVED
        self._telling.moved(kind, move, desired, before, client_id)

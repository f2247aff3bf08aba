"""The newest ideas, bounded; skips have a shelf of their own so that they cannot push out what was traded."""

from collections import OrderedDict
from collections.abc import Callable

from services.dashboard.logic import decision
from services.dashboard.logic.decision import DecisionRow, Stage
from shared.contracts.ai import Postmortem
from shared.contracts.bracket import BracketEvent
from shared.contracts.envelope import Meta, Payload
from shared.contracts.order import OrderEvent, PositionEvent, TradeClosed
from shared.contracts.plan import Plan
from shared.contracts.signal import Candidate, Signal, Skip, decision_id

LIMIT = 400

Update = Callable[[DecisionRow], DecisionRow]


class Decisions:
    """Rows by decision id; `take` gives those that changed since the last time."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._skips: OrderedDict[str, DecisionRow] = OrderedDict()
        self._ideas: OrderedDict[str, DecisionRow] = OrderedDict()
        self._changed: dict[str, DecisionRow] = {}

    def apply(self, payload: Payload, meta: Meta) -> None:
        """Take a message that belongs to a decision; others (of positions that we did not open) are left."""
        found = _update(payload, meta)
        if found is None:
            return
        key, symbol, update = found
        if not key:
            return
        before = self._skips.get(key) or self._ideas.get(key) or decision.blank(key, symbol, meta.ts_ms)
        after = update(before)
        if after is not before:
            self._put(key, after)

    def _put(self, key: str, row: DecisionRow) -> None:
        shelf, other = (self._skips, self._ideas) if row.stage is Stage.SKIPPED else (self._ideas, self._skips)
        other.pop(key, None)
        shelf[key] = row
        self._changed[key] = row
        while len(shelf) > self._limit:
            old, _ = shelf.popitem(last=False)
            self._changed.pop(old, None)

    def rows(self, limit: int, *, skips: bool = True) -> tuple[DecisionRow, ...]:
        """Newest first, by the candle's close."""
        rows = [*self._ideas.values(), *(self._skips.values() if skips else ())]
        rows.sort(key=lambda row: (row.ms, row.updated_ms, row.decision_id), reverse=True)
        return tuple(rows[:limit])

    def one(self, key: str) -> DecisionRow | None:
        """A decision by its id."""
        return self._ideas.get(key) or self._skips.get(key)

    def take(self, limit: int) -> tuple[DecisionRow, ...]:
        """What changed since the last time, the newest `limit` of them, oldest first."""
        rows = tuple(self._changed.values())[-limit:]
        self._changed.clear()
        return rows


def _update(payload: Payload, meta: Meta) -> tuple[str, str, Update] | None:
    """Decision id, symbol and what to do with the row; None for messages that no decision has."""
    match payload:
        case Candidate() | Skip():
            return _id_of(payload, meta), payload.symbol, lambda row: decision.with_signal(row, payload, meta)
        case Plan():
            return _id_of(payload, meta), payload.symbol, lambda row: decision.with_plan(row, payload, meta)
        case OrderEvent() | PositionEvent() | BracketEvent() | TradeClosed() | Postmortem():
            return meta.decision_id, payload.symbol, lambda row: _followed(row, payload, meta)
        case _:
            return None


def _followed(row: DecisionRow, payload: OrderEvent | PositionEvent | BracketEvent | TradeClosed | Postmortem, meta: Meta) -> DecisionRow:
    """What came of the plan."""
    match payload:
        case OrderEvent():
            return decision.with_order(row, payload, meta)
        case PositionEvent():
            return decision.with_position(row, payload, meta)
        case BracketEvent():
            return decision.with_bracket(row, payload, meta)
        case TradeClosed():
            return decision.with_trade(row, payload, meta)
        case Postmortem():
            return decision.with_postmortem(row, payload, meta)


def _id_of(signal: Signal | Plan, meta: Meta) -> str:
    return meta.decision_id or decision_id(signal.symbol, signal.interval, signal.close_ms, signal.direction)

"""A person's moves of a stop: what is asked before, and what the guard answered."""

from collections import OrderedDict
from decimal import Decimal

from services.dashboard.logic.answers import Answer
from services.dashboard.logic.rows import PositionRow
from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.domain.order import Direction

KEPT = 500

WORDS = {
    StopRefusal.NO_POSITION: "there is no open position in this symbol",
    StopRefusal.OTHER_POSITION: "that position is closed; another one is open now",
    StopRefusal.NOT_OURS: "MrAster does not protect this position",
    StopRefusal.NO_STOP: "the position has no stop at this moment; the guard is placing one, try again shortly",
    StopRefusal.LOOSER: "the stop is already at least as close, and it is never loosened",
    StopRefusal.BEYOND_PRICE: "the price has already reached that level: the stop would close the position at once",
    StopRefusal.NOT_PAID: "the price has not passed entry plus fees yet: there is nothing to lock in",
    StopRefusal.COOLDOWN: "the stop was moved a moment ago, try again shortly",
    StopRefusal.VENUE: "the venue did not take the new stop; the old one stays",
    StopRefusal.EXPIRED: "the command came too late and was not carried out",
}
"""For scripts; the page has its own words in each language."""


class StopPreview(Answer):
    """Where the position stands before its stop is moved. None = not told."""

    symbol: str
    direction: Direction | None
    entry_price: Decimal | None
    mark_price: Decimal | None
    stop_price: Decimal | None


class StopMoved(Answer):
    """The new stop as it rests at the venue; `moved_ms` is the venue time of the decision."""

    command_id: str
    symbol: str
    stop_price: Decimal
    previous_price: Decimal | None
    client_id: str
    moved_ms: int


def stop_preview(row: PositionRow) -> StopPreview:
    """From the row that the page shows."""
    return StopPreview(
        symbol=row.symbol, direction=row.direction, entry_price=row.entry_price, mark_price=row.mark_price, stop_price=row.stop_price
    )


class StopAnswers:
    """The guard's newest answers by the id of the command."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, StopMoved | StopRefusal] = OrderedDict()

    def hear(self, event: BracketEvent, ts_ms: int) -> None:
        """An event that answers a command; others are left out."""
        found = _answer(event, ts_ms) if event.command_id else None
        if found is None:
            return
        self._answers[event.command_id] = found
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)

    def get(self, command_id: str) -> StopMoved | StopRefusal | None:
        """None as long as there is no answer."""
        return self._answers.get(command_id)


def _answer(event: BracketEvent, ts_ms: int) -> StopMoved | StopRefusal | None:
    if event.event is BracketEventKind.MOVE_REFUSED:
        return StopRefusal(event.reason) if event.reason in set(StopRefusal) else StopRefusal.VENUE
    if event.event is not BracketEventKind.MOVED or event.trigger_price is None:
        return None
    return StopMoved(
        command_id=event.command_id,
        symbol=event.symbol,
        stop_price=event.trigger_price,
        previous_price=event.previous_price,
        client_id=event.client_id,
        moved_ms=ts_ms,
    )

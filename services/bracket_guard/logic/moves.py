"""Moves of a stop that are meant: who may ask, and the one rule that each of them passes. Values in, values out.

A decision depends on the move with its venue time, on the bracket, and on one mark price only, so that it can be replayed.
The tuner and the copilots act on new plans only; nothing of theirs moves the stop of an open trade.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.contracts.bracket import StopRefusal
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction
from shared.domain.units import Price

PERSON_COOLDOWN_MS = 2_000
"""A person need not wait for the cooldown of the rules; two clicks are one wish all the same."""


class Mover(StrEnum):
    """Who wants a stop moved."""

    FAST_TP = "fast_tp"
    BREAK_EVEN = "break_even"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A new stop for a position, decided at a venue time.

    A price of None is where the trade costs nothing any more: entry plus costs. An empty `position_id` fits the position that is
    open when the move is carried out.
    """

    symbol: str
    position_id: str
    price: Decimal | None
    time_ms: int
    reason: str
    by: Mover
    command_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a position stands: `cost` is the round trip per unit in quote units, `cooldown_ms` that of the rules."""

    direction: Direction
    entry: Decimal
    cost: Decimal
    stop: Decimal | None
    mark: Decimal
    moved_ms: int | None
    cooldown_ms: int


def settled(move: Move, stand: Stand, instrument: Instrument) -> Price | StopRefusal:
    """The price at which the stop will rest, or why it stays where it is."""
    if stand.stop is None:
        return StopRefusal.NO_STOP
    aim = paid_off(stand.direction, stand.entry, stand.cost) if move.price is None else move.price
    found = tightened(stand.direction, stand.stop, aim, stand.mark, instrument)
    if isinstance(found, StopRefusal):
        return StopRefusal.NOT_PAID if move.price is None and found is StopRefusal.BEYOND_PRICE else found
    cooldown_ms = PERSON_COOLDOWN_MS if move.by is Mover.PERSON else stand.cooldown_ms
    hot = stand.moved_ms is not None and move.time_ms - stand.moved_ms < cooldown_ms
    return StopRefusal.COOLDOWN if hot else found


def paid_off(direction: Direction, entry: Decimal, cost: Decimal) -> Decimal:
    """Where the trade costs nothing any more, in quote units."""
    return entry + direction.sign * cost


def tightened(direction: Direction, stop: Decimal, aim: Decimal, mark: Decimal, instrument: Instrument) -> Price | StopRefusal:
    """The one rule for every move of a stop: on the tick, rounded toward the price, never looser, never at or beyond the mark."""
    sign = direction.sign
    if (aim - stop) * sign <= 0:
        return StopRefusal.LOOSER
    if (mark - aim) * sign <= 0:
        return StopRefusal.BEYOND_PRICE
    price = instrument.price(aim, Rounding.UP if sign > 0 else Rounding.DOWN)
    return StopRefusal.BEYOND_PRICE if (mark - price) * sign <= 0 else price

"""The bracket that a position should have: from its plan, from what was remembered, or a default. Values in, values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from services.bracket_guard.logic.orders import covers, protects, tag_of
from shared.contracts.order import Leg
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction, VenueOrder, parse_client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price
from shared.risk.bracket import bracket_prices

LAST_RESORT_RATIO = Decimal("0.03")
"""Distance of the stop where neither a plan nor the range of the candles is known: wider than any planned stop."""
MOVE_STEP = 1000
"""Revisions of a stop that was moved n times lie between n and n + 1 thousand; the executor's and repairs of the plan below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """Stop and target of one position; a price of None is not wanted (and not known).

    `planned_stop` is where the plan had the stop: it measures one R, `stop_price` moves. `epoch` is the plan's.
    """

    position_id: str
    direction: Direction
    stop_price: Price | None
    target_price: Price | None = None
    entry_price: Price | None = None
    planned_stop: Price | None = None
    interval: str = ""
    owned: bool = True
    epoch: int = 0
    opened_ms: int | None = None
    moves: int = 0
    moved_ms: int | None = None
    default: bool = False

    @property
    def tag(self) -> str:
        """How client ids name the position."""
        return tag_of(self.position_id)


def from_record(document: Mapping[str, Any], position: VenuePosition, instrument: Instrument | None) -> Desired | None:
    """The bracket of the executor's record of a position; None when the record is of another one or has no plan yet.

    Where the executor ended between the entry and the bracket, the prices follow from the planned distances.
    """
    if document.get("phase") == "closed" or document.get("direction") != position.direction.value:
        return None
    planned = document.get("planned") or {}
    prices = (_price(document.get("stop_price")), _price(document.get("target_price")))
    if prices[0] is None:
        prices = _from_distances(planned, position, instrument)
    return Desired(
        position_id=str(document["position_id"]),
        direction=position.direction,
        stop_price=prices[0],
        target_price=prices[1],
        entry_price=position.entry_price,
        planned_stop=prices[0],
        interval=str(planned.get("interval") or ""),
        owned=bool(document.get("owned", True)),
        epoch=int(planned.get("epoch", 0)),
        opened_ms=int(document.get("opened_ms") or 0) or None,
    )


def from_intent(document: Mapping[str, Any], position: VenuePosition, instrument: Instrument | None) -> Desired | None:
    """The same from an entry that was written down before it was sent."""
    if document.get("direction") != position.direction.value:
        return None
    stop, target = _from_distances(document, position, instrument)
    return Desired(
        position_id=str(document["intent_id"]),
        direction=position.direction,
        stop_price=stop,
        target_price=target,
        entry_price=position.entry_price,
        planned_stop=stop,
        interval=str(document.get("interval") or ""),
        epoch=int(document.get("epoch", 0)),
    )


def default_bracket(
    position: VenuePosition, instrument: Instrument, orders: Sequence[VenueOrder], position_id: str, distance: Decimal | None
) -> Desired:
    """No plan is known: the tightest stop that already covers the position, else one at `distance` (quote units) from the entry.

    From the mark price where that has run beyond it: a default protects, it does not close a position that somebody holds.
    """
    found = [o.trigger_price for o in orders if o.trigger_price is not None and _stops(o, position)]
    stop = tightest(position.direction, found) if found else _default_stop(position, instrument, distance)
    return Desired(
        position_id=position_id,
        direction=position.direction,
        stop_price=stop,
        entry_price=position.entry_price,
        planned_stop=stop,
        default=True,
    )


def with_memory(desired: Desired, remembered: Desired | None) -> Desired:
    """The moves of the stop that we remember stay: a stop is never loosened."""
    if remembered is None or remembered.position_id != desired.position_id or not remembered.moves:
        return desired
    return _moved(desired, remembered.stop_price, remembered.moves, remembered.moved_ms)


def with_orders(desired: Desired, orders: Sequence[VenueOrder]) -> Desired:
    """Moves that the venue remembers: the client id of a stop tells that it was moved, and how often."""
    for order in orders:
        parts = parse_client_id(order.client_id)
        if parts is None or parts.leg != "s" or parts.intent_hash != desired.tag or not order.status.open:
            continue
        moves = parts.revision // MOVE_STEP
        if moves:
            desired = _moved(desired, order.trigger_price, max(moves, desired.moves), desired.moved_ms or order.update_ms)
    return desired


def tightest(direction: Direction, prices: Sequence[Price]) -> Price:
    """The stop that is hit first."""
    return max(prices) if direction is Direction.LONG else min(prices)


def beyond(direction: Direction, mark: Decimal, stop: Decimal) -> bool:
    """Whether the price has reached the stop."""
    return (mark - stop) * direction.sign <= 0


def _moved(desired: Desired, stop: Price | None, moves: int, moved_ms: int | None) -> Desired:
    prices = [p for p in (desired.stop_price, stop) if p is not None]
    price = tightest(desired.direction, prices) if prices else None
    return replace(desired, stop_price=price, moves=moves, moved_ms=moved_ms)


def _stops(order: VenueOrder, position: VenuePosition) -> bool:
    return protects(order, position.direction.exit_side) is Leg.STOP and covers(order, position)


def _default_stop(position: VenuePosition, instrument: Instrument, distance: Decimal | None) -> Price:
    sign = position.direction.sign
    away = distance if distance is not None and 0 < distance < position.entry_price else position.entry_price * LAST_RESORT_RATIO
    anchor = min(position.entry_price * sign, position.mark_price * sign) * sign
    return instrument.price(anchor - sign * away, Rounding.UP if sign > 0 else Rounding.DOWN)


def _from_distances(
    planned: Mapping[str, Any], position: VenuePosition, instrument: Instrument | None
) -> tuple[Price | None, Price | None]:
    distances = (planned.get("stop_distance"), planned.get("target_distance"))
    if instrument is None or distances[0] is None or distances[1] is None:
        return None, None
    prices = bracket_prices(instrument, position.direction, position.entry_price, Decimal(distances[0]), Decimal(distances[1]))
    return prices.stop, prices.target


def _price(value: Any) -> Price | None:
    return None if value is None else Price(Decimal(value))

"""What a symbol should have on the venue against what it has: the repairs that follow. Values in, values out.

For each position exactly one stop and the planned target; nothing of ours where there is no position. Orders of others
are never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.bracket_guard.logic.desired import Desired
from shared.contracts.order import Leg
from shared.domain.order import Side, VenueOrder, parse_client_id
from shared.domain.position import VenuePosition


class RepairKind(StrEnum):
    """What is to be done."""

    PLACE_STOP = "place_stop"
    PLACE_TARGET = "place_target"
    CANCEL_DUPLICATE = "cancel_duplicate"
    CANCEL_ORPHAN = "cancel_orphan"


@dataclass(frozen=True, slots=True)
class Repair:
    """One action; `order` is what is to be cancelled, for the cancelling kinds."""

    kind: RepairKind
    symbol: str
    leg: Leg
    order: VenueOrder | None = None


def ours(order: VenueOrder, prefixes: Sequence[str]) -> bool:
    """Whether we (or a named earlier bot of the user) placed the order."""
    return parse_client_id(order.client_id) is not None or any(p and order.client_id.startswith(p) for p in prefixes)


def protects(order: VenueOrder, exit_side: Side) -> Leg | None:
    """The leg that an open order is for a position with this exit side: a closing stop, a closing target, or none."""
    if not order.status.open or order.side is not exit_side or not (order.close_position or order.reduce_only):
        return None
    if order.type.is_stop:
        return Leg.STOP
    return Leg.TARGET if order.type.is_target else None


def covers(order: VenueOrder, position: VenuePosition) -> bool:
    """Whether the order closes the whole position."""
    return order.close_position or order.quantity - order.filled >= position.quantity


def diff(
    symbol: str,
    position: VenuePosition | None,
    desired: Desired | None,
    orders: Sequence[VenueOrder],
    prefixes: Sequence[str] = (),
) -> list[Repair]:
    """Repairs for one symbol, in the order in which they must be done: place first, then cancel."""
    if position is None:
        return [
            Repair(RepairKind.CANCEL_ORPHAN, symbol, _leg(order), order)
            for order in orders
            if order.status.open and order.type.conditional and ours(order, prefixes)
        ]
    exit_side = position.direction.exit_side
    stops = [o for o in orders if protects(o, exit_side) is Leg.STOP]
    targets = [o for o in orders if protects(o, exit_side) is Leg.TARGET]
    repairs = []
    if desired is not None and desired.stop_price is not None and not any(covers(o, position) for o in stops):
        repairs.append(Repair(RepairKind.PLACE_STOP, symbol, Leg.STOP))
    if desired is not None and desired.target_price is not None and not targets:
        repairs.append(Repair(RepairKind.PLACE_TARGET, symbol, Leg.TARGET))
    repairs += _duplicates(symbol, stops, Leg.STOP, desired, position, prefixes)
    repairs += _duplicates(symbol, targets, Leg.TARGET, desired, position, prefixes)
    repairs += [
        Repair(RepairKind.CANCEL_ORPHAN, symbol, _leg(o), o)
        for o in orders
        if o.status.open and o.type.conditional and o.side is not exit_side and ours(o, prefixes)
    ]
    return repairs


def _duplicates(
    symbol: str,
    found: Sequence[VenueOrder],
    leg: Leg,
    desired: Desired | None,
    position: VenuePosition,
    prefixes: Sequence[str],
) -> list[Repair]:
    """All of ours but the one to keep; the keeper covers the position and stands where it should, else is the newest."""
    mine = [o for o in found if ours(o, prefixes)]
    if len(found) < 2 or not mine:
        return []
    wanted = None if desired is None else (desired.stop_price if leg is Leg.STOP else desired.target_price)
    keep = max(found, key=lambda o: (covers(o, position), o.trigger_price == wanted, o.update_ms, o.order_id))
    return [Repair(RepairKind.CANCEL_DUPLICATE, symbol, leg, o) for o in mine if o is not keep]


def _leg(order: VenueOrder) -> Leg:
    return Leg.STOP if order.type.is_stop else Leg.TARGET

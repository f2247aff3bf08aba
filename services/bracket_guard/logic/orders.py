"""What an open order means for a position: whose it is, and what it protects."""

from collections.abc import Collection, Sequence

from shared.contracts.order import Leg
from shared.domain.order import Side, VenueOrder, client_id, parse_client_id
from shared.domain.position import VenuePosition

REPAIR = 100
"""Revisions of the guard's own orders start here within each thousand, so that their ids never meet the executor's."""
_MOST = 900


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


def tag_of(position_id: str) -> str:
    """The ten characters by which client ids name a position."""
    parts = parse_client_id(client_id(position_id, "s", 0))
    assert parts is not None  # noqa: S101 - `client_id` has just made it
    return parts.intent_hash


def fresh_id(position_id: str, leg: str, moves: int, taken: Collection[str]) -> str:
    """The first free client id of a leg after so many moves of its stop.

    The same state always gives the same id, so that a request that is repeated after a lost answer or a stale list is refused
    as a duplicate and not taken twice.
    """
    for attempt in range(_MOST):
        name = client_id(position_id, leg, moves * 1000 + REPAIR + attempt)
        if name not in taken:
            return name
    raise ValueError(f"{position_id}: {_MOST} orders of one leg are open, expected one")

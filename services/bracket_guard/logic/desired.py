"""The bracket that a position should have, from the executor's record of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.domain.instrument import Instrument, Rounding
from shared.domain.position import VenuePosition
from shared.domain.units import Price

DEFAULT_STOP_RATIO = Decimal("0.03")
"""Distance of the stop for a position of ours whose plan is lost: a last resort, wider than any planned stop."""


@dataclass(frozen=True, slots=True)
class Desired:
    """Stop and target of one position; None = not wanted. `epoch` is that of the plan."""

    position_id: str
    stop_price: Price | None
    target_price: Price | None
    owned: bool
    epoch: int = 0


def from_document(document: Mapping[str, Any]) -> Desired | None:
    """The planned bracket in the executor's position document; None while it is not planned yet."""
    if document.get("stop_price") is None:
        return None
    target = document.get("target_price")
    planned = document.get("planned") or {}
    return Desired(
        position_id=str(document["position_id"]),
        stop_price=Price(Decimal(document["stop_price"])),
        target_price=None if target is None else Price(Decimal(target)),
        owned=bool(document.get("owned", True)),
        epoch=int(planned.get("epoch", 0)),
    )


def last_resort(position: VenuePosition, instrument: Instrument, position_id: str) -> Desired:
    """A stop at a fixed share of the entry price, no target: for a position of ours whose plan cannot be found."""
    sign = position.direction.sign
    rounding = Rounding.UP if sign > 0 else Rounding.DOWN
    stop = instrument.price(position.entry_price * (1 - sign * DEFAULT_STOP_RATIO), rounding)
    return Desired(position_id, stop, None, owned=True)

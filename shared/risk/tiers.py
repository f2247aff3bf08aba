"""The venue's margin table of a symbol: what leverage a notional may have, and what it must keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.units import Ratio, Usd


@dataclass(frozen=True, slots=True)
class Tier:
    """A step for notionals in [floor, cap): the highest leverage and the maintenance ratio."""

    leverage: int
    floor: Decimal
    cap: Decimal
    maintenance_ratio: Ratio


UNKNOWN = (Tier(1, Decimal(0), Decimal("Infinity"), Ratio(Decimal("0.5"))),)
"""Taken for a symbol whose table the venue does not tell: leverage 1, and half the value kept as margin."""


def tier_of(tiers: Sequence[Tier], notional: Decimal) -> Tier:
    """The step that a notional falls into; the last one for anything larger."""
    return next((tier for tier in tiers if notional < tier.cap), tiers[-1])


def largest_notional(tiers: Sequence[Tier], leverage: int) -> Usd:
    """The most that may be held at a leverage: the cap of the last step that allows it (0 when none does)."""
    return Usd(max((tier.cap for tier in tiers if tier.leverage >= leverage), default=Decimal(0)))

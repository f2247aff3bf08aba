"""Money and quantities. Decimal at run time, different types for the type checker.

Arithmetic on these yields a plain `Decimal`; wrapping the result again states what it means.
"""

from decimal import Decimal
from typing import NewType

Price = NewType("Price", Decimal)
"""Quote units per base unit, for example USDT per BTC."""

Qty = NewType("Qty", Decimal)
"""Base units (contracts), unsigned unless a name says otherwise."""

Usd = NewType("Usd", Decimal)
"""Quote money (USDT is counted as USD)."""

Ratio = NewType("Ratio", Decimal)
"""A share or a factor: 0.01 is one percent."""

MICRO = 1_000_000


def to_micro(value: Decimal) -> int:
    """Money as integer micro-USD, rounded half to even (what Redis counters hold)."""
    return int((value * MICRO).to_integral_value())


def from_micro(value_uusd: int) -> Usd:
    """The inverse of `to_micro`, exact."""
    return Usd(Decimal(value_uusd) / MICRO)


def plain(value: Decimal) -> str:
    """A number as the venue wants it: no exponent, no trailing zeros ("0.10" -> "0.1", "1E+2" -> "100").

    Raises:
        ValueError: it is not finite.
    """
    if not value.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text not in {"-0", ""} else "0"

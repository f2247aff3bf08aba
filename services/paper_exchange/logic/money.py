"""Money as the venue keeps it: decimals cut after the eighth place, shown with a fixed number of places."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
EIGHT = Decimal("0.00000001")


def cut(value: Decimal) -> Decimal:
    """Cut (toward zero) after eight decimals, as the venue does with every amount of money."""
    return value.quantize(EIGHT, rounding=ROUND_DOWN)


def money(value: Decimal) -> str:
    """An amount as shown: always eight decimals."""
    return format(cut(value) + ZERO, ".8f") if value else "0.00000000"


def fixed(value: Decimal, places: int) -> str:
    """A number with a fixed number of decimals (cut, never rounded up)."""
    return format(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN), "f")


def snap_down(value: Decimal, grid: Decimal) -> Decimal:
    """The multiple of `grid` at or below a value."""
    return (value / grid).to_integral_value(rounding=ROUND_FLOOR) * grid


def snap_up(value: Decimal, grid: Decimal) -> Decimal:
    """The multiple of `grid` at or above a value."""
    return (value / grid).to_integral_value(rounding=ROUND_CEILING) * grid


def snap(value: Decimal, grid: Decimal) -> Decimal:
    """The nearest multiple of `grid`."""
    return (value / grid).to_integral_value(rounding=ROUND_HALF_EVEN) * grid

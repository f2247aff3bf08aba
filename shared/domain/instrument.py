"""What the venue allows for one symbol, and the only crossing from float to money."""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from shared.domain.units import Price, Qty


class Rounding(StrEnum):
    """The direction in which a price snaps to its tick."""

    DOWN = "down"
    UP = "up"
    NEAREST = "nearest"


_MODES = {Rounding.DOWN: ROUND_FLOOR, Rounding.UP: ROUND_CEILING, Rounding.NEAREST: ROUND_HALF_EVEN}


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual contract with the filters that orders must pass (Source: exchangeInfo `filters`)."""

    symbol: str
    base: str
    quote: str
    status: str
    tick: Decimal
    step: Decimal
    min_price: Price
    max_price: Price
    min_qty: Qty
    max_qty: Qty
    market_step: Decimal
    market_min_qty: Qty
    market_max_qty: Qty
    min_notional: Decimal
    percent_up: Decimal
    percent_down: Decimal
    onboard_ms: int = 0

    @property
    def trading(self) -> bool:
        """Whether the venue takes new orders."""
        return self.status == "TRADING"

    def price(self, value: float | Decimal, rounding: Rounding) -> Price:
        """Snap a price to the tick in the direction that the caller names.

        Raises:
            ValueError: the value is not a positive finite number, or nothing is left of it on the tick.
        """
        exact = _exact(value)
        ticks = (exact / self.tick).to_integral_value(rounding=_MODES[rounding])
        if ticks == 0:
            raise ValueError(f"{self.symbol}: expected a price of at least one tick ({self.tick}), got {value}")
        return Price(ticks * self.tick)

    def quantity(self, value: float | Decimal, *, market: bool = False) -> Qty:
        """Snap a quantity down to the step, never up; capped at the largest order the venue takes.

        Raises:
            ValueError: the value is negative or not finite.
        """
        exact = _exact(value, allow_zero=True)
        step = max(self.step, self.market_step) if market else self.step
        limit = min(self.max_qty, self.market_max_qty) if market else self.max_qty
        steps = (min(exact, limit) / step).to_integral_value(rounding=ROUND_DOWN)
        return Qty(steps * step)

    def smallest_qty(self, price: Decimal, *, market: bool = False) -> Qty:
        """The least quantity that passes minimum quantity and minimum notional at `price`."""
        step = max(self.step, self.market_step) if market else self.step
        by_notional = (self.min_notional / price / step).to_integral_value(rounding=ROUND_CEILING) * step
        return Qty(max(self.min_qty, self.market_min_qty, by_notional) if market else max(self.min_qty, by_notional))


def _exact(value: float | Decimal, *, allow_zero: bool = False) -> Decimal:
    """A float or Decimal as an exact Decimal; a float goes through its shortest text, not its binary value."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"expected a finite number, got {value}")
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))  # float(): numpy's floats have another repr
    if not exact.is_finite() or exact < 0 or (exact == 0 and not allow_zero):
        raise ValueError(f"expected a {'non-negative' if allow_zero else 'positive'} finite number, got {value}")
    return exact

"""The usual range of a symbol's candles."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from shared.domain.candle import Candle
from shared.indicators.volatility import atr

PERIOD = 14


def latest_atr(candles: Sequence[Candle]) -> Decimal | None:
    """Wilder's average true range in quote units after the last of these closed candles; None when there are too few."""
    if len(candles) <= PERIOD:
        return None
    high, low, close = (np.array([[getattr(c, name) for c in candles]]) for name in ("high", "low", "close"))
    value = float(atr(high, low, close, PERIOD)[0, -1])
    return Decimal(repr(value)) if np.isfinite(value) and value > 0 else None

"""How fast and how one-sidedly the price moved. [symbols, bars] in and out."""

import numpy as np

from shared.indicators.rolling import lagged, rolling_max, rolling_mean, rolling_min
from shared.indicators.smoothing import wilder
from shared.indicators.types import Floats

NEUTRAL = 50.0
"""Oscillators of a price that does not move: neither overbought nor oversold (TA-Lib says 0)."""


def rsi(close: Floats, period: int = 14) -> Floats:
    """Wilder's relative strength index, 0-100; 50 when there was no movement at all."""
    change = close - lagged(close, 1)
    return strength_index(wilder(np.maximum(change, 0.0), period), wilder(np.maximum(-change, 0.0), period))


def strength_index(gain: Floats, loss: Floats) -> Floats:
    """100 * gain / (gain + loss); 50 when both are zero, NaN where they are."""
    total = gain + loss
    return np.where(total == 0, NEUTRAL, 100.0 * gain / np.where(total == 0, 1.0, total))


def stoch_rsi(rsi_values: Floats, period: int = 14, smooth_k: int = 3, smooth_d: int = 3) -> tuple[Floats, Floats]:
    """%K and %D of the stochastic of an RSI, 0-100: K is the smoothed place of the RSI in its range, D is K smoothed again."""
    raw = place_in_range(rsi_values, rolling_min(rsi_values, period), rolling_max(rsi_values, period))
    k = rolling_mean(raw, smooth_k)
    return k, rolling_mean(k, smooth_d)


def place_in_range(value: Floats, low: Floats, high: Floats) -> Floats:
    """0 at the low, 100 at the high, 50 when both are the same."""
    span = high - low
    return np.where(span == 0, NEUTRAL, 100.0 * (value - low) / np.where(span == 0, 1.0, span))


def rate_of_change(close: Floats, bars: int = 20) -> Floats:
    """Return over `bars` bars; 0.01 is one percent."""
    return close / lagged(close, bars) - 1.0

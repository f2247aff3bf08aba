"""How far the price moves. [symbols, bars] in and out."""

import numpy as np

from shared.indicators.rolling import lagged, rolling_mean, rolling_rank, rolling_std
from shared.indicators.smoothing import wilder
from shared.indicators.types import Floats


def true_range(high: Floats, low: Floats, previous_close: Floats) -> Floats:
    """Range of a bar including the jump from the close before it, in quote units; NaN on the first bar."""
    return np.maximum(high, previous_close) - np.minimum(low, previous_close)


def atr(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Wilder's average true range in quote units."""
    return wilder(true_range(high, low, lagged(close, 1)), period)


def bollinger(close: Floats, period: int = 20, deviations: float = 2.0) -> tuple[Floats, Floats]:
    """Position in the band (0 lower, 1 upper edge, 0.5 in a band without width) and width as a share of the middle."""
    return band_shape(close, rolling_mean(close, period), rolling_std(close, period), deviations)


def band_shape(close: Floats, middle: Floats, std: Floats, deviations: float) -> tuple[Floats, Floats]:
    """Position and width of a band from its middle and standard deviation."""
    half = deviations * std
    flat = half <= _flat_below(middle)
    position = np.where(flat, 0.5, 0.5 + (close - middle) / np.where(flat, 1.0, 2.0 * half))
    return position, np.where(flat, 0.0, 2.0 * half) / middle


def _flat_below(middle: Floats) -> Floats:
    """Deviations far below any tick: rounding of equal prices, in which a position would be noise."""
    return 1e-9 * np.abs(middle)


def realised_volatility(close: Floats, period: int = 20) -> Floats:
    """Standard deviation of the log returns of the last `period` bars, per bar."""
    return rolling_std(np.log(close / lagged(close, 1)), period)


def volatility_percentile(close: Floats, period: int = 20, lookback: int = 200) -> Floats:
    """Place of the realised volatility among its last `lookback` values, 0-1."""
    return rolling_rank(realised_volatility(close, period), lookback)


def wick_share(opened: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Share of a bar's range that is not its body, 0-1; 0 when the bar has no range."""
    span = high - low
    return np.where(span == 0, 0.0, (span - np.abs(close - opened)) / np.where(span == 0, 1.0, span))


def wickiness(opened: Floats, high: Floats, low: Floats, close: Floats, bars: int = 3) -> Floats:
    """Mean wick share of the last `bars` bars."""
    return rolling_mean(wick_share(opened, high, low, close), bars)

"""Recursive averages. [symbols, bars] in and out.

Both start as the plain mean of the first `period` values, which is then the first result (Source: TA-Lib). NaN in front
of a symbol's history is passed over: its count begins with its first number.
"""

import numpy as np

from shared.indicators.types import Floats


def ema(values: Floats, period: int) -> Floats:
    """Exponential moving average with the weight 2 / (period + 1) for the newest value."""
    return _smoothed(values, period, 2.0 / (period + 1))


def wilder(values: Floats, period: int) -> Floats:
    """Wilder's average: the newest value weighs 1 / period."""
    return _smoothed(values, period, 1.0 / period)


def _smoothed(values: Floats, period: int, weight: float) -> Floats:
    """One pass over the bars, all symbols at each step."""
    columns = np.ascontiguousarray(values.T)
    out = np.full_like(columns, np.nan)
    seen = np.cumsum(~np.isnan(columns), axis=0)
    mean = np.zeros(columns.shape[1])
    for bar, column in enumerate(columns):
        count = seen[bar]
        share = np.where(count <= period, 1.0 / np.maximum(count, 1), weight)
        mean = np.where(np.isnan(column), mean, mean + share * (column - mean))
        out[bar] = np.where((count >= period) & ~np.isnan(column), mean, np.nan)
    return np.ascontiguousarray(out.T)

"""Statistics of the last n bars. [symbols, bars] in and out; NaN until n bars are there."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from shared.indicators.types import Floats


def rolling_mean(values: Floats, period: int) -> Floats:
    """Mean of the last `period` bars."""
    return _placed(values, _windows(values, period).mean(axis=-1))


def rolling_std(values: Floats, period: int) -> Floats:
    """Population standard deviation (divided by n, as Bollinger bands use it) of the last `period` bars."""
    return _placed(values, _windows(values, period).std(axis=-1))


def rolling_min(values: Floats, period: int) -> Floats:
    """Least of the last `period` bars."""
    return _placed(values, _windows(values, period).min(axis=-1))


def rolling_max(values: Floats, period: int) -> Floats:
    """Greatest of the last `period` bars."""
    return _placed(values, _windows(values, period).max(axis=-1))


def rolling_rank(values: Floats, period: int) -> Floats:
    """Share of the other bars among the last `period` that are below the newest one: 0 lowest, 1 highest."""
    windows = _windows(values, period)
    below = (windows < rank_level(windows[..., -1:])).sum(axis=-1) / (period - 1)
    return _placed(values, np.where(np.isnan(windows).any(axis=-1), np.nan, below))


def rank_level(newest: Floats) -> Floats:
    """The level that others must be below: equal values differ in their last digits when they were added in another order."""
    return newest - 1e-9 * np.abs(newest)


def lagged(values: Floats, bars: int) -> Floats:
    """The value `bars` ago."""
    shifted = np.full_like(values, np.nan)
    shifted[..., bars:] = values[..., : max(0, values.shape[-1] - bars)]
    return shifted


def _windows(values: Floats, period: int) -> Floats:
    """[symbols, bars - period + 1, period]; no windows when there are fewer bars."""
    if values.shape[-1] < period:
        return np.empty((*values.shape[:-1], 0, period))
    return sliding_window_view(values, period, axis=-1)


def _placed(values: Floats, statistic: Floats) -> Floats:
    """The statistic in the shape of its input, NaN in front."""
    out = np.full_like(values, np.nan)
    out[..., values.shape[-1] - statistic.shape[-1] :] = statistic
    return out

"""Every indicator of the signal interval, as a whole history."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from shared.indicators.aggregate import Ohlc
from shared.indicators.momentum import rate_of_change, rsi, stoch_rsi
from shared.indicators.rolling import lagged, rolling_mean
from shared.indicators.smoothing import ema
from shared.indicators.trend import adx, supertrend
from shared.indicators.types import Floats
from shared.indicators.volatility import atr, bollinger, volatility_percentile, wickiness

EMA_FAST, EMA_SLOW = 21, 55
SQUEEZE_BARS = 50
SLOPE_BARS = 4
WARM_BARS = 220
"""Bars until every series has a value; the volatility percentile is the last (200 deviations of 20 returns)."""


class Series(IntEnum):
    """Row of an indicator in an array of all of them. Units: see `compute`."""

    RSI = 0
    ATR = 1
    EMA_FAST = 2
    EMA_SLOW = 3
    ADX = 4
    ADX_CHANGE = 5
    BB_POSITION = 6
    BB_WIDTH = 7
    BB_SQUEEZE = 8
    STOCH_K = 9
    STOCH_D = 10
    SUPERTREND = 11
    SUPERTREND_SIDE = 12
    RETEST_GAP = 13
    MOMENTUM = 14
    VOLATILITY_RANK = 15
    WICKINESS = 16


class HigherTrend(NamedTuple):
    """Trend on the longer candles: EMA55, its change over 4 bars (quote units), and the close beside it."""

    ema: Floats
    slope: Floats
    close: Floats


def compute(candles: Ohlc) -> Floats:
    """[series, symbols, bars] from [symbols, bars] candles.

    RSI, ADX, STOCH_* 0-100; ATR, EMA_*, SUPERTREND in quote units; ADX_CHANGE against the bar before; BB_POSITION 0 at the
    lower edge, 1 at the upper; BB_WIDTH a share of the middle band; BB_SQUEEZE the width over its 50-bar mean;
    SUPERTREND_SIDE +1 or -1; RETEST_GAP how far the bar's near end stayed from the Supertrend line, in ATR (negative beyond it);
    MOMENTUM a return; VOLATILITY_RANK and WICKINESS 0-1.
    """
    opened, high, low, close = candles
    range_atr = atr(high, low, close)
    strength = rsi(close)
    direction = adx(high, low, close)
    position, width = bollinger(close)
    stoch_k, stoch_d = stoch_rsi(strength)
    line, side = supertrend(high, low, close)
    parts: dict[Series, Floats] = {
        Series.RSI: strength,
        Series.ATR: range_atr,
        Series.EMA_FAST: ema(close, EMA_FAST),
        Series.EMA_SLOW: ema(close, EMA_SLOW),
        Series.ADX: direction,
        Series.ADX_CHANGE: direction - lagged(direction, 1),
        Series.BB_POSITION: position,
        Series.BB_WIDTH: width,
        Series.BB_SQUEEZE: squeeze(width, rolling_mean(width, SQUEEZE_BARS)),
        Series.STOCH_K: stoch_k,
        Series.STOCH_D: stoch_d,
        Series.SUPERTREND: line,
        Series.SUPERTREND_SIDE: side,
        Series.RETEST_GAP: retest_gap(low, high, line, side, range_atr),
        Series.MOMENTUM: rate_of_change(close),
        Series.VOLATILITY_RANK: volatility_percentile(close),
        Series.WICKINESS: wickiness(opened, high, low, close),
    }
    return np.stack([parts[series] for series in Series])


def squeeze(width: Floats, mean_width: Floats) -> Floats:
    """Width of the band over its usual width; 1 when there is no width at all."""
    flat = mean_width == 0
    return np.where(flat, 1.0, width / np.where(flat, 1.0, mean_width))


def retest_gap(low: Floats, high: Floats, line: Floats, side: Floats, range_atr: Floats) -> Floats:
    """Distance in ATR between the line and the end of the bar that is nearest to it; NaN without an ATR or when it is zero."""
    gap = np.where(side > 0, low - line, line - high)
    return gap / np.where(range_atr == 0, np.nan, range_atr)


def higher_trend(close: Floats) -> HigherTrend:
    """Trend of [symbols, bars] closes of the longer candles."""
    average = ema(close, EMA_SLOW)
    return HigherTrend(average, average - lagged(average, SLOPE_BARS), close)

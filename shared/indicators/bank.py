"""All indicators of many symbols, updated candle by candle; agrees with `series.compute` to 1e-9."""

from collections.abc import Sequence

import numpy as np

from shared.indicators.aggregate import Ohlc
from shared.indicators.live import AdxState, Arrays, Ring, Smoother, ring_mean, ring_std
from shared.indicators.momentum import place_in_range, strength_index
from shared.indicators.rolling import rank_level
from shared.indicators.series import (
    EMA_FAST,
    EMA_SLOW,
    SLOPE_BARS,
    SQUEEZE_BARS,
    HigherTrend,
    Series,
    retest_gap,
    squeeze,
)
from shared.indicators.trend import ratchet
from shared.indicators.types import Floats, Rows
from shared.indicators.volatility import band_shape, true_range, wick_share

HISTORY_BARS = 8
"""How many readings are kept: rules look back up to this many bars."""


class IndicatorBank:
    """Indicator state of `size` symbols.

    A symbol's bars must come in order, each once, with consecutive numbers; different symbols need not be at the same bar.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._closes = Ring(size, 21)
        self._extremes = np.full((2, size), np.nan)
        self._averages = [Smoother(size, n, 2.0 / (n + 1)) for n in (EMA_FAST, EMA_SLOW)]
        self._moves = Smoother(size, 14, 1.0 / 14, lanes=2)
        self._ranges = [Smoother(size, n, 1.0 / n) for n in (14, 10)]
        self._adx = AdxState(size)
        self._stoch = [Ring(size, 14), Ring(size, 3), Ring(size, 3)]
        self._widths = Ring(size, SQUEEZE_BARS)
        self._bands = np.full((3, size), np.nan)
        self._returns = Ring(size, 20)
        self._volatility = Ring(size, 200)
        self._wicks = Ring(size, 3)
        self._readings = np.full((HISTORY_BARS, len(Series), size), np.nan)
        averages = [*self._averages, self._moves, *self._ranges]
        rings = [self._closes, *self._stoch, self._widths, self._returns, self._volatility, self._wicks]
        self.arrays: Arrays = [self._extremes, self._bands, self._readings, *self._adx.arrays, *_arrays_of(averages), *_arrays_of(rings)]

    def update(self, bar: int, rows: Rows, candles: Ohlc) -> Floats:
        """Take one closed candle of each symbol in `rows`; the readings [series, rows] of that bar."""
        opened, high, low, close = candles
        previous = self._closes.back(bar, rows, 1)
        span = true_range(high, low, previous)
        out = np.empty((len(Series), close.shape[0]))
        out[Series.EMA_FAST], out[Series.EMA_SLOW] = (average.update(rows, close[None])[0] for average in self._averages)
        out[Series.MOMENTUM] = close / self._closes.back(bar, rows, 20) - 1.0
        self._bollinger(bar, rows, close, out)
        self._strength(bar, rows, close - previous, out)
        self._range_and_direction(bar, rows, candles, span, out)
        self._supertrend(rows, candles, previous, span, out)
        self._volatility_rank(bar, rows, np.log(close / previous), out)
        out[Series.WICKINESS] = ring_mean(self._wicks.put(bar, rows, wick_share(opened, high, low, close)))
        self._extremes[0, rows], self._extremes[1, rows] = high, low
        self._readings[bar % HISTORY_BARS, :, rows] = out if isinstance(rows, slice) else out.T
        return out

    def reading(self, bar: int, rows: Rows, lag: int = 0) -> Floats:
        """The readings [series, rows] of `lag` bars before `bar` (lag < HISTORY_BARS)."""
        readings: Floats = self._readings[(bar - lag) % HISTORY_BARS][:, rows]
        return readings

    def recent(self, series: Series, rows: Rows) -> Floats:
        """The last HISTORY_BARS values of one series, in no order: [HISTORY_BARS, rows]."""
        return self._readings[:, series][:, rows]

    def adopt(self, rows: Rows, other: "IndicatorBank", others: Rows = slice(None)) -> None:
        """Replace the state of `rows` by that of rows `others` of another bank."""
        adopt_arrays(self.arrays, rows, other.arrays, others)

    def _bollinger(self, bar: int, rows: Rows, close: Floats, out: Floats) -> None:
        self._closes.put(bar, rows, close)
        window = self._closes.window(bar, rows, 20)
        middle = ring_mean(window)
        position, width = band_shape(close, middle, ring_std(window, middle), 2.0)
        out[Series.BB_POSITION], out[Series.BB_WIDTH] = position, width
        out[Series.BB_SQUEEZE] = squeeze(width, ring_mean(self._widths.put(bar, rows, width)))

    def _strength(self, bar: int, rows: Rows, change: Floats, out: Floats) -> None:
        gain, loss = self._moves.update(rows, np.stack([np.maximum(change, 0.0), np.maximum(-change, 0.0)]))
        strength = strength_index(gain, loss)
        window = self._stoch[0].put(bar, rows, strength)
        raw = place_in_range(strength, window.min(axis=0), window.max(axis=0))
        k = ring_mean(self._stoch[1].put(bar, rows, raw))
        out[Series.RSI], out[Series.STOCH_K] = strength, k
        out[Series.STOCH_D] = ring_mean(self._stoch[2].put(bar, rows, k))

    def _range_and_direction(self, bar: int, rows: Rows, candles: Ohlc, span: Floats, out: Floats) -> None:
        up, down = candles.high - self._extremes[0, rows], self._extremes[1, rows] - candles.low
        out[Series.ATR] = self._ranges[0].update(rows, span[None])[0]
        out[Series.ADX] = self._adx.update(rows, span, up, down)
        out[Series.ADX_CHANGE] = out[Series.ADX] - self._readings[(bar - 1) % HISTORY_BARS, Series.ADX][rows]

    def _supertrend(self, rows: Rows, candles: Ohlc, previous: Floats, span: Floats, out: Floats) -> None:
        band = 3.0 * self._ranges[1].update(rows, span[None])[0]
        before = self._bands[:, rows]
        middle = (candles.high + candles.low) / 2.0
        lower, upper, side = ratchet((before[0], before[1], before[2]), previous, candles.close, middle, band)
        self._bands[:, rows] = np.stack([lower, upper, side])
        line = np.where(side > 0, lower, np.where(np.isnan(side), np.nan, upper))
        out[Series.SUPERTREND], out[Series.SUPERTREND_SIDE] = line, side
        out[Series.RETEST_GAP] = retest_gap(candles.low, candles.high, line, side, out[Series.ATR])

    def _volatility_rank(self, bar: int, rows: Rows, log_return: Floats, out: Floats) -> None:
        returns = self._returns.put(bar, rows, log_return)
        spread = ring_std(returns, ring_mean(returns))
        window = self._volatility.put(bar, rows, spread)
        below = (window < rank_level(spread)).sum(axis=0) / (self._volatility.depth - 1)
        complete = ~np.isnan(self._volatility.back(bar, rows, self._volatility.depth - 1))
        out[Series.VOLATILITY_RANK] = np.where(complete, below, np.nan)


class HigherBank:
    """EMA55 and its slope on the longer candles; `bar` counts longer candles."""

    def __init__(self, size: int) -> None:
        self._average = Smoother(size, EMA_SLOW, 2.0 / (EMA_SLOW + 1))
        self._history = Ring(size, SLOPE_BARS + 1)
        self._now = np.full((3, size), np.nan)
        self.arrays: Arrays = [self._now, *self._average.arrays, *self._history.arrays]

    def update(self, bar: int, rows: Rows, close: Floats) -> None:
        """Take the close of one longer candle of each symbol in `rows`."""
        average = self._average.update(rows, close[None])[0]
        slope = average - self._history.back(bar, rows, SLOPE_BARS)
        self._history.put(bar, rows, average)
        self._now[:, rows] = np.stack([average, slope, close])

    def trend(self, rows: Rows) -> HigherTrend:
        """The trend after the last longer candle."""
        now = self._now[:, rows]
        return HigherTrend(now[0], now[1], now[2])

    def adopt(self, rows: Rows, other: "HigherBank", others: Rows = slice(None)) -> None:
        """Replace the state of `rows` by that of rows `others` of another bank."""
        adopt_arrays(self.arrays, rows, other.arrays, others)


def adopt_arrays(mine: Arrays, rows: Rows, theirs: Arrays, others: Rows) -> None:
    """Copy columns (symbols are last in every array)."""
    for target, source in zip(mine, theirs, strict=True):
        target[..., rows] = source[..., others]


def _arrays_of(parts: Sequence[Smoother] | Sequence[Ring]) -> Arrays:
    """All state arrays of some parts, in their order."""
    return [array for part in parts for array in part.arrays]

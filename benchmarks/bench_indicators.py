"""Indicators of a new candle: all symbols at once, against one symbol after another, in the same run."""

import time
from statistics import median

import numpy as np

from benchmarks.funnel import FRAME
from services.scanner.logic.features import observe
from services.scanner.logic.windows import Windows
from shared.domain.candle import Candle
from shared.indicators.aggregate import Ohlc
from shared.indicators.bank import IndicatorBank
from shared.indicators.live import AdxState, Ring, Smoother, ring_mean, ring_std
from shared.indicators.momentum import strength_index
from shared.indicators.series import compute
from shared.indicators.types import Floats
from shared.indicators.volatility import band_shape, true_range

WINDOW, BEGIN = 250, 5_880_000
WARM, MEASURED = 230, 100


def candles(symbols: int, bars: int) -> Ohlc:
    """Random walks."""
    dice = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.003, (symbols, bars)), axis=1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    reach = np.abs(dice.normal(0, 0.001, (2, symbols, bars)))
    return Ohlc(opened, np.maximum(opened, close) * (1 + reach[0]), np.minimum(opened, close) * (1 - reach[1]), close)


class Basic:
    """The six of the performance table only: RSI, ATR, EMA 21 and 55, ADX, Bollinger."""

    def __init__(self, size: int) -> None:
        self.closes, self.extremes = Ring(size, 20), np.full((2, size), np.nan)
        self.averages = [Smoother(size, n, 2.0 / (n + 1)) for n in (21, 55)]
        self.moves, self.range = Smoother(size, 14, 1 / 14, lanes=2), Smoother(size, 14, 1 / 14)
        self.adx = AdxState(size)

    def update(self, bar: int, rows: slice, candle: Ohlc) -> None:
        """One candle of all symbols."""
        _, high, low, close = candle
        previous = self.closes.back(bar, rows, 1)
        span, change = true_range(high, low, previous), close - previous
        for average in self.averages:
            average.update(rows, close[None])
        gain, loss = self.moves.update(rows, np.stack([np.maximum(change, 0.0), np.maximum(-change, 0.0)]))
        strength_index(gain, loss)
        self.range.update(rows, span[None])
        self.adx.update(rows, span, high - self.extremes[0], self.extremes[1] - low)
        self.extremes[0], self.extremes[1] = high, low
        window = self.closes.put(bar, rows, close)
        middle = ring_mean(window)
        band_shape(close, middle, ring_std(window, middle), 2.0)


def per_update(bank: IndicatorBank | Basic, columns: list[Ohlc]) -> float:
    """Median seconds of one update of all symbols, warm."""
    every = slice(None)
    seconds = []
    for bar, column in enumerate(columns):
        start = time.perf_counter()
        bank.update(bar, every, column)
        seconds.append(time.perf_counter() - start)
    return median(seconds[WARM:])


def naive_ema(values: list[float], period: int) -> float:
    mean = sum(values[:period]) / period
    for value in values[period:]:
        mean += 2 / (period + 1) * (value - mean)
    return mean


def naive_wilder(values: list[float], period: int) -> float:
    mean = sum(values[:period]) / period
    for value in values[period:]:
        mean += (value - mean) / period
    return mean


def naive(high: list[float], low: list[float], close: list[float]) -> tuple[float, ...]:
    """The same six indicators of one symbol by plain loops over its window."""
    steps = range(1, len(close))
    change = [close[i] - close[i - 1] for i in steps]
    gain, loss = naive_wilder([max(c, 0.0) for c in change], 14), naive_wilder([max(-c, 0.0) for c in change], 14)
    spans = [max(high[i], close[i - 1]) - min(low[i], close[i - 1]) for i in steps]
    ups, downs = [high[i] - high[i - 1] for i in steps], [low[i - 1] - low[i] for i in steps]
    plus = [u if u > d and u > 0 else 0.0 for u, d in zip(ups, downs, strict=True)]
    minus = [d if d > u and d > 0 else 0.0 for u, d in zip(ups, downs, strict=True)]
    sums, index = [0.0, 0.0, 0.0], []
    for i, parts in enumerate(zip(spans, plus, minus, strict=True)):
        sums = [s * (13 / 14 if i >= 13 else 1.0) + p for s, p in zip(sums, parts, strict=True)]
        if i >= 13 and sums[1] + sums[2] > 0:
            index.append(100 * abs(sums[1] - sums[2]) / (sums[1] + sums[2]))
    last = close[-20:]
    middle = sum(last) / 20
    deviation = (sum((c - middle) ** 2 for c in last) / 20) ** 0.5
    averages = naive_ema(close, 21), naive_ema(close, 55)
    return (100 * gain / (gain + loss), naive_wilder(spans, 14), *averages, naive_wilder(index, 14), 4 * deviation / middle)


def per_naive(whole: Ohlc) -> float:
    """Seconds of one pass over all symbols, one after another."""
    rows: list[tuple[list[float], ...]] = [
        (high[-WINDOW:].tolist(), low[-WINDOW:].tolist(), close[-WINDOW:].tolist())
        for high, low, close in zip(whole.high, whole.low, whole.close, strict=True)
    ]
    start = time.perf_counter()
    for row in rows:
        naive(*row)
    return time.perf_counter() - start


def per_features(whole: Ohlc) -> float:
    """Median seconds from arrived candles to the features of all symbols: windows, both frames, and what the rules look at."""
    names = [f"C{n:03}" for n in range(len(whole.close))]
    windows = Windows(FRAME, names)
    seconds = []
    for at in range(whole.close.shape[1]):
        bar = BEGIN + at
        prices = [part[:, at].tolist() for part in whole]
        arrived = [Candle(name, "5m", FRAME.open_ms(bar), *row, 1e3, 1e5, 9) for name, *row in zip(names, *prices, strict=True)]
        start = time.perf_counter()
        observe(windows, windows.append(bar, arrived), bar)
        seconds.append(time.perf_counter() - start)
    return median(seconds[WARM:])


def report(symbols: int) -> None:
    whole = candles(symbols, WARM + MEASURED)
    columns = [Ohlc(*(np.ascontiguousarray(part[:, bar]) for part in whole)) for bar in range(WARM + MEASURED)]
    everything = per_update(IndicatorBank(symbols), columns)
    basic = per_update(Basic(symbols), columns)
    start = time.perf_counter()
    compute(Ohlc(*(part[:, -WINDOW:] for part in whole)))
    recomputed = time.perf_counter() - start
    slow = median([per_naive(whole) for _ in range(3)])
    print(f"bench indicators_all_17_incremental_{symbols} {everything / symbols * 1e6:.3f} us_per_symbol_candle")
    print(f"bench indicators_basic_6_incremental_{symbols} {basic / symbols * 1e6:.3f} us_per_symbol_candle")
    print(f"bench indicators_all_17_recomputed_{WINDOW}_{symbols} {recomputed / symbols * 1e6:.1f} us_per_symbol_candle")
    features = per_features(whole)
    print(f"bench features_all_{symbols} {features / symbols * 1e6:.3f} us_per_symbol_candle")
    print(f"bench features_naive_6_indicators_over_all_features_{symbols} {slow / features:.0f} ratio")
    print(f"bench indicators_basic_6_naive_{symbols} {slow / symbols * 1e6:.1f} us_per_symbol_candle")
    print(f"bench indicators_basic_6_naive_over_incremental_{symbols} {slow / basic:.0f} ratio")


def check(whole: Ohlc) -> None:
    """The naive loop computes what we compute, or the ratio would mean nothing."""
    found: Floats = compute(Ohlc(*(part[:, -WINDOW:] for part in whole)))[:, 0, -1]
    values = naive(*(part[0, -WINDOW:].tolist() for part in (whole.high, whole.low, whole.close)))
    assert np.allclose([found[0], found[1], found[2], found[3], found[4], found[7]], values, rtol=1e-9), (found, values)


def main() -> None:
    check(candles(2, WARM + MEASURED))
    for symbols in (80, 500):
        report(symbols)


if __name__ == "__main__":
    main()

"""Seeded price paths for the indicator tests."""

import numpy as np

from shared.indicators.aggregate import Ohlc
from shared.indicators.types import Rows


def random_candles(symbols: int, bars: int, seed: int = 1, *, flat_share: float = 0.0) -> Ohlc:
    """[symbols, bars] candles of random walks at very different price levels; some bars may not move at all."""
    dice = np.random.default_rng(seed)
    level = 10.0 ** dice.uniform(-4, 5, size=(symbols, 1))
    steps = dice.normal(0, 0.004, size=(symbols, bars)) * (dice.uniform(size=(symbols, bars)) >= flat_share)
    close = level * np.exp(np.cumsum(steps, axis=1))
    opened = np.concatenate([np.broadcast_to(level, (symbols, 1)), close[:, :-1]], axis=1)
    reach = np.abs(dice.normal(0, 0.002, size=(2, symbols, bars))) * (steps != 0)
    high, low = np.maximum(opened, close) * (1 + reach[0]), np.minimum(opened, close) * (1 - reach[1])
    return Ohlc(opened, high, low, close)


def late_start(candles: Ohlc, starts: list[int]) -> Ohlc:
    """The same candles, but symbol i begins at bar `starts[i]` (NaN before)."""
    parts = []
    for part in candles:
        cut = part.copy()
        for row, start in enumerate(starts):
            cut[row, :start] = np.nan
        parts.append(cut)
    return Ohlc(*parts)


def head(candles: Ohlc, bars: int) -> Ohlc:
    """The first bars of all symbols."""
    return Ohlc(*(part[:, :bars] for part in candles))


def column(candles: Ohlc, bar: int, rows: Rows = slice(None)) -> Ohlc:
    """One bar of some symbols."""
    return Ohlc(*(part[rows, bar] for part in candles))

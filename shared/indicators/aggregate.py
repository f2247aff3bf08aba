"""Longer candles made from shorter ones, so that both frames agree."""

from typing import NamedTuple

import numpy as np

from shared.indicators.types import Floats

_MONDAY_BARS_MS = 4 * 86_400_000
_WEEK_MS = 7 * 86_400_000


class Ohlc(NamedTuple):
    """Four arrays of the same shape."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats


def whole_ratio(length_ms: int, longer_ms: int) -> int | None:
    """How many candles make one longer candle, None when they do not fit into it."""
    return longer_ms // length_ms if longer_ms > length_ms and longer_ms % length_ms == 0 else None


def bar_number(open_ms: int, length_ms: int) -> int:
    """Number of a candle since the epoch. Venues let weeks begin on Monday; the epoch was a Thursday."""
    offset = _MONDAY_BARS_MS if length_ms % _WEEK_MS == 0 else 0
    return (open_ms - offset) // length_ms


def bar_open_ms(number: int, length_ms: int) -> int:
    """When a candle of that number opens."""
    offset = _MONDAY_BARS_MS if length_ms % _WEEK_MS == 0 else 0
    return number * length_ms + offset


def aggregate(candles: Ohlc, first_open_ms: int, length_ms: int, longer_ms: int) -> Ohlc:
    """All complete longer candles in [symbols, bars] shorter ones; a partial one at either end is left out.

    Raises:
        ValueError: the shorter candles do not fit into the longer one.
    """
    ratio = whole_ratio(length_ms, longer_ms)
    if ratio is None:
        raise ValueError(f"candles of {length_ms} ms do not make whole candles of {longer_ms} ms")
    into = (first_open_ms - bar_open_ms(bar_number(first_open_ms, longer_ms), longer_ms)) // length_ms
    skip = -into % ratio
    count = max(0, candles.close.shape[-1] - skip) // ratio
    parts = Ohlc(*(part[..., skip : skip + count * ratio].reshape(*part.shape[:-1], count, ratio) for part in candles))
    if count == 0:
        return Ohlc(*(np.empty((*part.shape[:-1], 0)) for part in candles))
    return Ohlc(parts.open[..., 0], parts.high.max(axis=-1), parts.low.min(axis=-1), parts.close[..., -1])

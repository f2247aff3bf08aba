"""Whether there is a trend, and where it turns. [symbols, bars] in and out."""

import numpy as np

from shared.indicators.rolling import lagged
from shared.indicators.types import Floats
from shared.indicators.volatility import atr, true_range


def adx(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Wilder's average directional index, 0-100, with TA-Lib's start: sums of the first period - 1 bars, then decay."""
    plus, minus = directional_moves(high - lagged(high, 1), lagged(low, 1) - low)
    moves = np.stack([true_range(high, low, lagged(close, 1)), plus, minus])
    sums = _decayed_sums(moves, period)
    return _averaged(directional_index(sums[0], sums[1], sums[2]), period)


def directional_moves(up: Floats, down: Floats) -> tuple[Floats, Floats]:
    """+DM and -DM of bars: only the greater of the two outward moves counts, and only when it is outward."""
    plus = np.where((up > down) & (up > 0), up, 0.0)
    minus = np.where((down > up) & (down > 0), down, 0.0)
    unknown = np.isnan(up)
    return np.where(unknown, np.nan, plus), np.where(unknown, np.nan, minus)


def directional_index(span: Floats, plus: Floats, minus: Floats) -> Floats:
    """100 * |+DI - -DI| / (+DI + -DI), which is the same ratio of the sums of moves; -1 where nothing moved at all."""
    total = plus + minus
    nothing = (total == 0) | (span == 0)
    return np.where(nothing, -1.0, 100.0 * np.abs(plus - minus) / np.where(nothing, 1.0, total))


def _decayed_sums(moves: Floats, period: int) -> Floats:
    """Sums of the first period - 1 moves, from then on sum - sum / period + move; NaN before that. Bars are last."""
    out = np.full_like(moves, np.nan)
    total = np.zeros(moves.shape[:-1])
    count = np.zeros(moves.shape[:-1])
    for bar in range(moves.shape[-1]):
        move = moves[..., bar]
        seen = ~np.isnan(move)
        count += seen
        total = np.where(seen, total * np.where(count >= period, 1.0 - 1.0 / period, 1.0) + move, total)
        out[..., bar] = np.where(seen & (count >= period), total, np.nan)
    return out


def _averaged(index: Floats, period: int) -> Floats:
    """Wilder's average of the directional index; bars without movement count 0 at the start and are left out later."""
    out = np.full_like(index, np.nan)
    mean = np.zeros(index.shape[:-1])
    count = np.zeros(index.shape[:-1])
    for bar in range(index.shape[-1]):
        value = index[..., bar]
        seen = ~np.isnan(value)
        value = np.where(value < 0, np.where(count < period, 0.0, mean), value)
        count += seen
        weight = 1.0 / np.clip(count, 1, period)
        mean = np.where(seen, mean + weight * (value - mean), mean)
        out[..., bar] = np.where(seen & (count >= period), mean, np.nan)
    return out


def supertrend(high: Floats, low: Floats, close: Floats, period: int = 10, factor: float = 3.0) -> tuple[Floats, Floats]:
    """The line that trails the price by `factor` ATR and ratchets towards it, and the side: +1 price above, -1 below.

    The side of the first bar with an ATR is that of its close against the middle of its range.
    """
    band = factor * atr(high, low, close, period)
    middle = (high + low) / 2.0
    line, side = np.full_like(close, np.nan), np.full_like(close, np.nan)
    nothing = np.full(close.shape[:-1], np.nan)
    bands = (nothing, nothing, nothing)
    previous = nothing
    for bar in range(close.shape[-1]):
        now = close[..., bar]
        bands = ratchet(bands, previous, now, middle[..., bar], band[..., bar])
        lower, upper, side[..., bar] = bands
        line[..., bar] = np.where(side[..., bar] > 0, lower, np.where(np.isnan(side[..., bar]), np.nan, upper))
        previous = now
    return line, side


def ratchet(
    before: tuple[Floats, Floats, Floats], previous_close: Floats, close: Floats, middle: Floats, band: Floats
) -> tuple[Floats, Floats, Floats]:
    """One step of the Supertrend: (lower, upper, side) before and after a bar; NaN before means a fresh start."""
    lower_before, upper_before, side_before = before
    lower, upper = middle - band, middle + band
    keep_lower = (lower < lower_before) & (previous_close >= lower_before)
    keep_upper = (upper > upper_before) & (previous_close <= upper_before)
    lower = np.where(keep_lower, lower_before, lower)
    upper = np.where(keep_upper, upper_before, upper)
    turned = np.where(side_before > 0, np.where(close < lower, -1.0, 1.0), np.where(close > upper, 1.0, -1.0))
    first = np.where(close >= middle, 1.0, -1.0)
    side = np.where(np.isnan(side_before), first, turned)
    return lower, upper, np.where(np.isnan(band), np.nan, side)

"""Building blocks of the incremental indicators: one value per symbol in, one out, state kept between.

Arrays have the symbols last. `update(rows, ...)` takes and returns values of the symbols in `rows` only. A NaN input is not
counted: it is what a longer chain delivers while it warms up.
"""

import numpy as np
from numpy.typing import NDArray

from shared.indicators.trend import directional_index, directional_moves
from shared.indicators.types import Floats, Rows

Arrays = list[NDArray[np.float64]]
_MANY = 64


def ordered_sum(window: Floats) -> Floats:
    """Sum over the first axis, added strictly one after another.

    numpy's own sum picks its order by the shape of the batch, and a decision must not depend on who else is in the batch.
    Both ways below add in the same order: row by row is quicker for many symbols, `accumulate` for few.
    """
    if window[0].size < _MANY:
        total: Floats = np.add.accumulate(window, axis=0)[-1]
        return total
    total = window[0].copy()
    for row in window[1:]:
        total += row
    return total


def ring_mean(window: Floats) -> Floats:
    """Mean over the first axis, in a fixed order."""
    mean: Floats = ordered_sum(window) / window.shape[0]
    return mean


def ring_std(window: Floats, mean: Floats) -> Floats:
    """Population standard deviation over the first axis; the same rule of order."""
    return np.sqrt(ring_mean((window - mean) ** 2))


class Smoother:
    """A recursive average as in `smoothing`: the mean of the first `period` values, then weight `weight` for each new one."""

    def __init__(self, size: int, period: int, weight: float, *, lanes: int = 1) -> None:
        shares = np.append(1.0 / np.maximum(np.arange(period + 1), 1), weight)
        self._period = period
        self._shares = shares
        self._count = np.zeros(size)
        self._mean = np.zeros((lanes, size))
        self.arrays: Arrays = [self._count, self._mean]

    def update(self, rows: Rows, values: Floats) -> Floats:
        """Averages [lanes, rows] with `values` [lanes, rows] taken in; NaN until enough were seen."""
        seen = ~np.isnan(values[0])
        before: Floats = self._count[rows]
        mean: Floats = self._mean[:, rows]
        if seen.all() and (before > self._period).all():
            mean = mean + self._shares[-1] * (values - mean)  # the usual case, by the same arithmetic
            self._mean[:, rows] = mean
            return mean
        count = np.minimum(before + seen, self._period + 1)
        mean = np.where(seen, mean + self._shares[count.astype(np.intp)] * (values - mean), mean)
        self._count[rows] = count
        self._mean[:, rows] = mean
        return np.where(seen & (count >= self._period), mean, np.nan)

    def seen(self, rows: Rows) -> Floats:
        """How many values were counted (it stops just beyond the period)."""
        count: Floats = self._count[rows]
        return count

    def mean(self, rows: Rows) -> Floats:
        """The first lane's mean so far, also before it is complete."""
        mean: Floats = self._mean[0, rows]
        return mean


class Ring:
    """The last `depth` values of each symbol by bar number; NaN where there is none."""

    def __init__(self, size: int, depth: int) -> None:
        self.depth = depth
        self._data = np.full((depth, size), np.nan)
        self.arrays: Arrays = [self._data]

    def put(self, bar: int, rows: Rows, values: Floats) -> Floats:
        """Store the values of a bar; the last `depth` of these rows, in no order: [depth, rows]."""
        self._data[bar % self.depth, rows] = values
        recent: Floats = self._data[:, rows]
        return recent

    def back(self, bar: int, rows: Rows, lag: int) -> Floats:
        """The values `lag` bars before `bar`; `lag` < depth."""
        value: Floats = self._data[(bar - lag) % self.depth, rows]
        return value

    def window(self, bar: int, rows: Rows, count: int) -> Floats:
        """The last `count` values, oldest first: [count, rows]."""
        order = np.arange(bar - count + 1, bar + 1) % self.depth
        ordered: Floats = self._data[order][:, rows]
        return ordered


class AdxState:
    """ADX as in `trend.adx`, bar by bar."""

    def __init__(self, size: int, period: int = 14) -> None:
        self._period = period
        self._count = np.zeros(size)
        self._sums = np.zeros((3, size))
        self._average = Smoother(size, period, 1.0 / period)
        self.arrays: Arrays = [self._count, self._sums, *self._average.arrays]

    def update(self, rows: Rows, span: Floats, up: Floats, down: Floats) -> Floats:
        """ADX from the true range and the outward moves of a bar (NaN on a symbol's first bar)."""
        moves = np.stack([span, *directional_moves(up, down)])
        seen = ~np.isnan(span)
        count = np.minimum(self._count[rows] + seen, self._period)
        warm = count >= self._period
        sums = self._sums[:, rows]
        sums = np.where(seen, sums * np.where(warm, 1.0 - 1.0 / self._period, 1.0) + moves, sums)
        self._count[rows] = count
        self._sums[:, rows] = sums
        index = directional_index(sums[0], sums[1], sums[2])
        starting = self._average.seen(rows) < self._period - 1
        index = np.where(index < 0, np.where(starting, 0.0, self._average.mean(rows)), index)
        average: Floats = self._average.update(rows, np.where(seen & warm, index, np.nan)[None])[0]
        return average

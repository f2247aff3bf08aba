"""The book around a contract price where none was recorded: a model of spread and depth from volume and volatility.

With V the volume of the last 24 hours in millions of quote units (scaled up where the data begin less than a day ago):

* calm spread: 20 / sqrt(V) basis points of the price. V = 20,000 gives 0.14, V = 50 gives 2.8, V = 5 gives 8.9.
* restlessness r: the square root of (mean range of the candles of the last hour / mean range of those of the last day), between
  0.7 and 2; a range is (high - low) / close. The spread is r times the calm one, at most 30 basis points, at least one tick; half
  of it (whole ticks, rounded down) lies under the price.
* depth: the best level holds 0.002 % of V / r on each side, and up to 40 % more or less from point to point; the levels behind it
  are those of `logic/quote.py`.

Everything changes once per candle, and only closed candles count.
"""

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CALM_BASIS, MOST_BASIS = 20.0, 30.0
LEAST_RESTLESS, MOST_RESTLESS = 0.7, 2.0
BEST_SHARE = 2e-5

Book = tuple[float, float, float, float]
"""Best bid, its quantity, best ask, its quantity."""


class BookModel:
    """Spread and depth of all contracts of a grid."""

    def __init__(self, grid: Grid, ticks: Floats, steps: Floats) -> None:
        self._grid = grid
        self._ticks = ticks
        self._steps = steps
        self._made: tuple[int, Floats, Floats, Floats] | None = None

    def book(self, row: int, price: float, at: tuple[int, Floats], moment: int) -> Book:
        """The book around a price. `at` is (column that is not closed yet, prices of all contracts), `moment` varies the quantities."""
        below, above, depth = self._halves(*at)
        tick, step = float(self._ticks[row]), float(self._steps[row])
        noise = ((moment * 2_654_435_761 + row * 40_503) >> 5) & 0xFFFF
        bids = max(1, int(depth[row] * (0.6 + 0.8 * ((noise & 0xFF) / 255)))) * step
        asks = max(1, int(depth[row] * (0.6 + 0.8 * ((noise >> 8) / 255)))) * step
        return max(price - float(below[row]) * tick, tick), bids, price + float(above[row]) * tick, asks

    def _halves(self, column: int, prices: Floats) -> tuple[Floats, Floats, Floats]:
        """Ticks below and above the price, and quantity of the best level in steps, per contract."""
        if self._made is None or self._made[0] != column:
            first = max(0, column - max(1, DAY_MS // self._grid.interval_ms))
            turnover, restless = self._turnover(first, column), self._restlessness(first, column)
            millions = np.maximum(turnover, 1.0) / 1e6
            basis = np.minimum(CALM_BASIS / np.sqrt(millions) * restless, MOST_BASIS) / 1e4
            spread = np.maximum(np.rint(np.nan_to_num(prices) * basis / self._ticks), 1.0)
            below = np.floor(spread / 2.0)
            depth = turnover * BEST_SHARE / restless / np.where(np.isnan(prices), 1.0, prices)
            self._made = (column, below, spread - below, np.maximum(np.floor(depth / self._steps), 1.0))
        return self._made[1], self._made[2], self._made[3]

    def _turnover(self, first: int, column: int) -> Floats:
        if column <= first:
            return np.zeros(len(self._ticks))
        window = max(1, DAY_MS // self._grid.interval_ms)
        found: Floats = np.nansum(self._grid.quote[:, first:column], axis=1) * (window / (column - first))
        return found

    def _restlessness(self, first: int, column: int) -> Floats:
        if column <= first:
            return np.ones(len(self._ticks))
        grid, recent = self._grid, max(1, HOUR_MS // self._grid.interval_ms)
        span = slice(first, column)
        ranges = (grid.high[:, span] - grid.low[:, span]) / grid.close[:, span]
        usual, lately = _mean(ranges), _mean(ranges[:, -recent:])
        ratio = np.where((usual > 0) & (lately > 0), lately / np.where(usual > 0, usual, 1.0), 1.0)
        return np.clip(np.sqrt(ratio), LEAST_RESTLESS, MOST_RESTLESS)


def _mean(values: Floats) -> Floats:
    """Mean per row of what is known, 0 where nothing is."""
    known = np.maximum((~np.isnan(values)).sum(axis=1), 1)
    found: Floats = np.nansum(values, axis=1) / known
    return found

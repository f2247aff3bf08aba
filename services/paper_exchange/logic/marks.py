"""Mark and index prices between two points of a recording.

Recorded events hold until the next one. Recorded mark (or index) candles say the price at the beginning and the end of, say, an
hour, and how far it went; in between it follows the contract price at a distance that goes in a straight line from the one at
the beginning to the one at the end, and never leaves the range of its candle. Where the contract has no candles that are as
short as those, the price takes the usual way through its own candle. Where nothing was recorded the mark is the contract price.
"""

import math

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid
from services.paper_exchange.logic.flow import Flow
from services.paper_exchange.logic.flow import Mark as Field
from services.paper_exchange.logic.path import walk_path

_FINE = 301
_KEPT = 4096


class Follower:
    """A price known by candles only, carried through them by the contract price.

    `candles` has the same rows as the contract's grid, NaN where nothing was recorded.
    """

    def __init__(self, grid: Grid, candles: Grid) -> None:
        self._grid = grid
        self.candles = candles
        self.known = frozenset(np.flatnonzero(~np.isnan(candles.open).all(axis=1)).tolist())
        self._spans: dict[tuple[int, int], tuple[float, float, float, float] | None] = {}

    def price(self, row: int, now_ms: int, contract: float) -> float | None:
        """The price when the contract is at `contract`; None outside the candles."""
        candles = self.candles
        column = candles.column(now_ms)
        if not 0 <= column < candles.width or math.isnan(candles.open[row, column]):
            return None
        share = (now_ms - candles.open_ms(column)) / candles.interval_ms
        ends = self._distances(row, column)
        if ends is None:
            return self._own_way(row, column, share)
        first, last, low, high = ends
        return min(max(contract + first + (last - first) * share, low), high)

    def _distances(self, row: int, column: int) -> tuple[float, float, float, float] | None:
        """(distance at the beginning, at the end, low, high) of a candle; None when the contract was not recorded then."""
        key = (row, column)
        if key not in self._spans:
            if len(self._spans) > _KEPT:
                self._spans.clear()
            self._spans[key] = self._measure(row, column)
        return self._spans[key]

    def _measure(self, row: int, column: int) -> tuple[float, float, float, float] | None:
        candles, grid = self.candles, self._grid
        start = candles.open_ms(column)
        first, last = grid.column(start), grid.column(start + candles.interval_ms - 1)
        if candles.interval_ms % grid.interval_ms or not 0 <= first <= last < grid.width:
            return None
        opened, closed = float(grid.open[row, first]), float(grid.close[row, last])
        if math.isnan(opened) or math.isnan(closed):
            return None
        own_open, own_close = float(candles.open[row, column]), float(candles.close[row, column])
        return own_open - opened, own_close - closed, float(candles.low[row, column]), float(candles.high[row, column])

    def _own_way(self, row: int, column: int, share: float) -> float:
        candles, one = self.candles, slice(row, row + 1)
        candle = (candles.open[one, column], candles.high[one, column], candles.low[one, column], candles.close[one, column])
        path = walk_path(candle, np.array([1e-8]), _FINE)
        return float(path[min(_FINE - 1, int(share * _FINE)), 0])


class Line:
    """One kind of recorded price, mark or index: from events, else from candles."""

    def __init__(self, flow: Flow, field: Field, follower: Follower | None) -> None:
        self._flow = flow
        self._field = field
        self.follower = follower

    def recorded(self, row: int) -> bool:
        """Whether any price of a contract was recorded."""
        return row in self._flow.marks or (self.follower is not None and row in self.follower.known)

    def price(self, row: int, now_ms: int, contract: float) -> float | None:
        """The price when the contract is at `contract`; None where nothing was recorded."""
        event = self._flow.mark(row, now_ms)
        if event is not None and event[self._field] > 0:
            return float(event[self._field])
        if self.follower is None or row not in self.follower.known:
            return None
        return self.follower.price(row, now_ms, contract)

    def events(self, row: int, span_ms: tuple[int, int]) -> Floats:
        """The prices of all events with span[0] <= time <= span[1]."""
        table = self._flow.marks.get(row)
        if table is None:
            return np.empty(0)
        first, last = np.searchsorted(table[Field.TIME], (span_ms[0], span_ms[1] + 1))
        values: Floats = table[self._field, int(first) : int(last)]
        return values[values > 0]


class Marks:
    """Mark and index prices of all contracts of a grid; candles have the same rows as the grid."""

    def __init__(self, grid: Grid, flow: Flow, candles: Grid | None = None, index_candles: Grid | None = None) -> None:
        self._flow = flow
        self.mark = Line(flow, Field.PRICE, None if candles is None else Follower(grid, candles))
        self.index = Line(flow, Field.INDEX, None if index_candles is None else Follower(grid, index_candles))

    def funding(self, row: int, now_ms: int) -> tuple[float, int] | None:
        """(predicted rate, time of the funding), where they were recorded."""
        event = self._flow.mark(row, now_ms)
        if event is None or not event[Field.NEXT] > 0:
            return None
        return float(event[Field.RATE]), int(event[Field.NEXT])

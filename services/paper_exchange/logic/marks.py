"""The mark price between two points of a recording.

Recorded mark price events hold until the next one. Recorded mark candles say the mark at the beginning and the end of, say, an
hour, and how far it went; in between it follows the contract price at a distance that goes in a straight line from the one at
the beginning to the one at the end, and never leaves the range of its candle. Where the contract has no candles that are as
short as the mark's, the mark takes the usual way through its own candle. Where nothing was recorded it is the contract price.
"""

import math

import numpy as np

from services.paper_exchange.logic.candles import Grid
from services.paper_exchange.logic.flow import Flow
from services.paper_exchange.logic.flow import Mark as Field
from services.paper_exchange.logic.path import walk_path

_FINE = 301


class Marks:
    """Mark prices of all contracts of a grid; `candles` has the same rows as the grid, NaN where nothing was recorded."""

    def __init__(self, grid: Grid, flow: Flow, candles: Grid | None = None) -> None:
        self._grid = grid
        self._flow = flow
        self.candles = candles
        self._known = frozenset() if candles is None else frozenset(np.flatnonzero(~np.isnan(candles.open).all(axis=1)).tolist())
        self._spans: dict[tuple[int, int], tuple[float, float, float, float] | None] = {}

    def recorded(self, row: int) -> bool:
        """Whether any mark price of a contract was recorded."""
        return row in self._known or row in self._flow.marks

    def price(self, row: int, now_ms: int, contract: float) -> float:
        """The mark price when the contract is at a price."""
        event = self._flow.mark(row, now_ms)
        if event is not None:
            return float(event[Field.PRICE])
        return self._from_candle(row, now_ms, contract) if row in self._known else contract

    def index(self, row: int, now_ms: int) -> float | None:
        """The index price, where it was recorded."""
        event = self._flow.mark(row, now_ms)
        found = math.nan if event is None else float(event[Field.INDEX])
        return None if math.isnan(found) else found

    def funding(self, row: int, now_ms: int) -> tuple[float, int] | None:
        """(predicted rate, time of the funding), where they were recorded."""
        event = self._flow.mark(row, now_ms)
        if event is None or not event[Field.NEXT] > 0:
            return None
        return float(event[Field.RATE]), int(event[Field.NEXT])

    def _from_candle(self, row: int, now_ms: int, contract: float) -> float:
        candles = self.candles
        if candles is None:
            return contract
        column = candles.column(now_ms)
        if not 0 <= column < candles.width or math.isnan(candles.open[row, column]):
            return contract
        share = (now_ms - candles.open_ms(column)) / candles.interval_ms
        ends = self._distances(candles, row, column)
        if ends is None:
            return _own_way(candles, row, column, share)
        first, last, low, high = ends
        return min(max(contract + first + (last - first) * share, low), high)

    def _distances(self, candles: Grid, row: int, column: int) -> tuple[float, float, float, float] | None:
        """(distance at the beginning, at the end, low, high) of a mark candle; None when the contract was not recorded then."""
        key = (row, column)
        if key not in self._spans:
            if len(self._spans) > 4096:
                self._spans.clear()
            self._spans[key] = self._measure(candles, row, column)
        return self._spans[key]

    def _measure(self, candles: Grid, row: int, column: int) -> tuple[float, float, float, float] | None:
        grid = self._grid
        start = candles.open_ms(column)
        first, last = grid.column(start), grid.column(start + candles.interval_ms - 1)
        if candles.interval_ms % grid.interval_ms or not 0 <= first <= last < grid.width:
            return None
        opened, closed = float(grid.open[row, first]), float(grid.close[row, last])
        if math.isnan(opened) or math.isnan(closed):
            return None
        mark_open, mark_close = float(candles.open[row, column]), float(candles.close[row, column])
        return mark_open - opened, mark_close - closed, float(candles.low[row, column]), float(candles.high[row, column])


def _own_way(candles: Grid, row: int, column: int, share: float) -> float:
    one = slice(row, row + 1)
    candle = (candles.open[one, column], candles.high[one, column], candles.low[one, column], candles.close[one, column])
    path = walk_path(candle, np.array([1e-8]), _FINE)
    return float(path[min(_FINE - 1, int(share * _FINE)), 0])

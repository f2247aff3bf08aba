"""The present candle of every contract for one interval, kept up to date candle by candle for the stream."""

import math
from dataclasses import dataclass

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid, Ints, estimate_counts
from services.paper_exchange.logic.intervals import bucket
from services.paper_exchange.logic.tape import Tape


@dataclass(frozen=True, slots=True)
class Bar:
    """One candle, finished or not; numbers as they are, to be shown by the contract's rules."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote: float
    count: int


def bar_of(grid: Grid, row: int, start_ms: int) -> Bar | None:
    """A recorded candle, None when there is none that opens then."""
    column = grid.column(start_ms)
    if not 0 <= column < grid.width or grid.open_ms(column) != start_ms or math.isnan(grid.open[row, column]):
        return None
    return Bar(
        start_ms=start_ms,
        open=float(grid.open[row, column]),
        high=float(grid.high[row, column]),
        low=float(grid.low[row, column]),
        close=float(grid.close[row, column]),
        volume=float(grid.volume[row, column]),
        quote=float(grid.quote[row, column]),
        count=grid.count(row, column),
    )


class Running:
    """Sums of the closed base candles of the present bucket; the candle in progress is added when asked."""

    def __init__(self, tape: Tape, name: str, length_ms: int) -> None:
        self.tape = tape
        self.name = name
        self.length_ms = length_ms
        self.start_ms = bucket(tape.open_ms, length_ms)
        size = len(tape.rules)
        self._open: Floats = np.full(size, np.nan)
        self._high: Floats = self._open.copy()
        self._low: Floats = self._open.copy()
        self._volume: Floats = np.zeros(size)
        self._quote: Floats = np.zeros(size)
        self._count: Ints = np.zeros(size, dtype=np.int64)
        for column in range(max(0, tape.grid.column(self.start_ms)), tape.column):
            self._add(column)

    def _add(self, column: int) -> None:
        grid = self.tape.grid
        opened = grid.open[:, column]
        self._open = np.where(np.isnan(self._open), opened, self._open)
        self._high = np.fmax(self._high, grid.high[:, column])
        self._low = np.fmin(self._low, grid.low[:, column])
        self._volume += np.nan_to_num(grid.volume[:, column])
        self._quote += np.nan_to_num(grid.quote[:, column])
        known = ~np.isnan(opened)
        self._count += np.where(known, estimate_counts(grid.trades[:, column], grid.quote[:, column]), 0)

    def ends_with(self, end_ms: int) -> bool:
        """Whether the bucket is complete once the base candle that ends at `end_ms` is closed."""
        return self.start_ms + self.length_ms == end_ms

    def absorb(self, column: int) -> None:
        """The present base candle has closed: count it in, or begin a new bucket when it was the last of one."""
        end_ms = self.tape.grid.open_ms(column + 1)
        if not self.ends_with(end_ms):
            self._add(column)
            return
        self.start_ms = bucket(end_ms, self.length_ms)
        for values in (self._open, self._high, self._low):
            values.fill(np.nan)
        for totals in (self._volume, self._quote):
            totals.fill(0.0)
        self._count.fill(0)

    def bar(self, row: int) -> Bar | None:
        """The candle in progress of a contract; None when it has no trade yet."""
        tape = self.tape
        now = tape.begun and bool(tape.active[row])
        opened = float(self._open[row])
        if math.isnan(opened) and now:
            opened = float(tape.grid.open[row, tape.column])
        if math.isnan(opened):
            return None
        volume, quote, count = tape.traded(row)
        high, low = (tape.high[row], tape.low[row]) if now else (np.nan, np.nan)
        return Bar(
            start_ms=self.start_ms,
            open=opened,
            high=float(np.fmax(self._high[row], high)),
            low=float(np.fmin(self._low[row], low)),
            close=float(tape.price[row]),
            volume=float(self._volume[row]) + volume,
            quote=float(self._quote[row]) + quote,
            count=int(self._count[row]) + count,
        )

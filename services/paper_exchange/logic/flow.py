"""Recorded order flow: trades, best bid and ask, mark prices as the venue published them, between and inside candles.

Each table is a matrix of floats, one row per field, one column per event, oldest first. Times are UTC milliseconds and ids are
whole numbers; both are far below 2^53, so a float holds them exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from services.paper_exchange.logic.candles import Floats, Ints

BOOK_KEPT_MS = 60_000
"""A best bid and ask holds until the next one, but no longer than this."""
MARK_KEPT_MS = 10_000
"""The same for a mark price; the venue publishes one per second."""


class Trade(IntEnum):
    """Rows of a table of aggregate trades. `MAKER` is 1 when the buyer was the maker, so the seller came to him."""

    TIME = 0
    PRICE = 1
    QTY = 2
    MAKER = 3
    FIRST = 4
    LAST = 5


class Best(IntEnum):
    """Rows of a table of best bids and asks."""

    TIME = 0
    BID = 1
    BID_QTY = 2
    ASK = 3
    ASK_QTY = 4


class Mark(IntEnum):
    """Rows of a table of mark prices; `RATE` is the funding rate that the venue predicted for the time `NEXT`."""

    TIME = 0
    PRICE = 1
    INDEX = 2
    RATE = 3
    NEXT = 4


Tables = Mapping[int, Floats]
"""Tables by row of the grid."""


@dataclass(frozen=True, slots=True)
class Flow:
    """All recorded order flow. `built`: the candles were made of these trades, so every candle is theirs."""

    trades: Tables = field(default_factory=dict)
    books: Tables = field(default_factory=dict)
    marks: Tables = field(default_factory=dict)
    built: bool = False

    def __bool__(self) -> bool:
        """Whether there is any trade or book."""
        return bool(self.trades or self.books)

    def ticked(self, row: int, open_ms: int, bounds: Ints) -> "Ticked | None":
        """The trades of a candle whose points end at `bounds` (exclusive, in milliseconds).

        None where the trades do not cover the whole candle.
        """
        table = self.trades.get(row)
        if table is None:
            return None
        times = table[Trade.TIME]
        if not self.built and not (times[0] <= open_ms and times[-1] >= bounds[-1] - 1):
            return None
        ends = np.searchsorted(times, bounds)
        start = int(np.searchsorted(times, open_ms))
        return Ticked(table, start, ends) if ends[-1] > start else None

    def best(self, row: int, now_ms: int) -> tuple[float, float, float, float] | None:
        """Best bid, its quantity, best ask, its quantity; None where none was recorded lately."""
        return _best(_latest(self.books.get(row), now_ms, BOOK_KEPT_MS))

    def mark(self, row: int, now_ms: int) -> Floats | None:
        """The mark price event (rows of `Mark`) that is in force; None where none was recorded lately."""
        return _latest(self.marks.get(row), now_ms, MARK_KEPT_MS)


def _latest(table: Floats | None, now_ms: int, kept_ms: int) -> Floats | None:
    if table is None:
        return None
    place = int(np.searchsorted(table[0], now_ms, side="right")) - 1
    if place < 0 or now_ms - table[0, place] > kept_ms:
        return None
    event: Floats = table[:, place]
    return event


def _best(event: Floats | None) -> tuple[float, float, float, float] | None:
    if event is None:
        return None
    return float(event[Best.BID]), float(event[Best.BID_QTY]), float(event[Best.ASK]), float(event[Best.ASK_QTY])


class Ticked:
    """One candle of one contract as its trades made it: what is known at each point of the path.

    Before the first trade of the candle prices are NaN.
    """

    def __init__(self, table: Floats, start: int, ends: Ints) -> None:
        self.table = table
        self.start = start
        self.ends = ends
        part = table[:, start : int(ends[-1])]
        prices, sizes = part[Trade.PRICE], part[Trade.QTY]
        place = ends - start - 1
        self.price = _at(prices, place, np.nan)
        self.high = _at(np.maximum.accumulate(prices), place, np.nan)
        self.low = _at(np.minimum.accumulate(prices), place, np.nan)
        self.volume = _at(np.cumsum(sizes), place, 0.0)
        self.quote = _at(np.cumsum(sizes * prices), place, 0.0)
        self.count = _at(np.cumsum(part[Trade.LAST] - part[Trade.FIRST] + 1), place, 0.0)

    def prints(self, point: int) -> range:
        """Columns of the table that traded on the way to a point."""
        return range(self.start if point == 0 else int(self.ends[point - 1]), int(self.ends[point]))

    def printed(self, point: int) -> range:
        """Columns of the table that traded in this candle up to a point."""
        return range(self.start, int(self.ends[point]))


def _at(values: Floats, place: Ints, before: float) -> Floats:
    return np.where(place >= 0, values[np.maximum(place, 0)], before)

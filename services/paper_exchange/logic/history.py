"""Candles of one contract for REST, and running candles of longer intervals for the stream."""

from typing import Any

import numpy as np

from services.paper_exchange.logic.candles import Floats, Ints, estimate_counts
from services.paper_exchange.logic.intervals import bucket
from services.paper_exchange.logic.tape import Tape

Row = list[Any]


def _bounds(tape: Tape, span_ms: tuple[int | None, int | None], length_ms: int, limit: int) -> tuple[int, int]:
    """Columns [first, last) that can matter for a request."""
    grid = tape.grid
    ratio = length_ms // grid.interval_ms
    last = tape.column + (1 if tape.begun else 0)
    start, end = span_ms
    if end is not None:
        last = min(last, grid.column(bucket(end, length_ms)) + ratio)
    first = 0 if start is None else max(0, grid.column(bucket(start + length_ms - 1, length_ms)))
    if start is None:
        first = max(0, grid.column(bucket(grid.open_ms(max(last - 1, 0)), length_ms)) - (limit - 1) * ratio)
    else:
        last = min(last, first + limit * ratio)
    return first, max(last, first)


class Slice:
    """Columns of one contract as arrays, the present candle as far as it went."""

    def __init__(self, tape: Tape, row: int, first: int, last: int) -> None:
        grid = tape.grid
        span = slice(first, last)
        self.open: Floats = grid.open[row, span].copy()
        self.high: Floats = grid.high[row, span].copy()
        self.low: Floats = grid.low[row, span].copy()
        self.close: Floats = grid.close[row, span].copy()
        self.volume: Floats = grid.volume[row, span].copy()
        self.quote: Floats = grid.quote[row, span].copy()
        self.count: Ints = estimate_counts(grid.trades[row, span], grid.quote[row, span])
        base, spent = grid.taker.get(row, (None, None))
        self.taker: Floats = self.volume * 0.5 if base is None else np.where(np.isnan(base[span]), self.volume * 0.5, base[span])
        self.taker_quote: Floats = self.quote * 0.5 if spent is None else np.where(np.isnan(spent[span]), self.quote * 0.5, spent[span])
        self.opened: Ints = grid.start_ms + np.arange(first, last, dtype=np.int64) * grid.interval_ms
        if last > tape.column and tape.begun:
            if tape.active[row]:
                self._present(tape, row)
            else:
                self.open[-1] = np.nan

    def _present(self, tape: Tape, row: int) -> None:
        volume, quote, count = tape.traded(row)
        full = float(self.volume[-1])
        self.high[-1], self.low[-1], self.close[-1] = tape.high[row], tape.low[row], tape.price[row]
        self.volume[-1], self.quote[-1], self.count[-1] = volume, quote, count
        share = volume / full if full else 0.0
        self.taker[-1] *= share
        self.taker_quote[-1] *= share


def klines(tape: Tape, row: int, length_ms: int, span_ms: tuple[int | None, int | None], limit: int) -> list[Row]:
    """Rows of `klines`: closed candles and the present one, oldest first.

    `span_ms` is (startTime, endTime). Without a start the newest `limit` rows are given.
    """
    first, last = _bounds(tape, span_ms, length_ms, limit)
    part = Slice(tape, row, first, last)
    keep = np.flatnonzero(~np.isnan(part.open))
    if not keep.size:
        return []
    offset = bucket(0, length_ms)
    groups = (part.opened[keep] - offset) // length_ms
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    rules = tape.rules[row]
    show, amount, spent = rules.show_price, rules.show_qty, f".{max(rules.price_places, 2)}f"
    sums = [np.add.reduceat(values[keep], starts) for values in (part.volume, part.quote, part.taker, part.taker_quote)]
    counts = np.add.reduceat(part.count[keep], starts)
    highs, lows = np.maximum.reduceat(part.high[keep], starts), np.minimum.reduceat(part.low[keep], starts)
    ends = np.append(starts[1:], keep.size) - 1
    opens, closes = part.open[keep][starts], part.close[keep][ends]
    begins = (groups[starts] * length_ms + offset).tolist()
    rows = [
        [
            begin,
            show(opens[n]),
            show(highs[n]),
            show(lows[n]),
            show(closes[n]),
            amount(sums[0][n]),
            begin + length_ms - 1,
            format(sums[1][n], spent),
            int(counts[n]),
            amount(sums[2][n]),
            format(sums[3][n], spent),
            "0",
        ]
        for n, begin in enumerate(begins)
    ]
    if span_ms[1] is None and not tape.begun and tape.fresh(row):
        rows += _flat(tape, row, length_ms, begins[-1])
    return rows[-limit:] if span_ms[0] is None else rows[:limit]


def _flat(tape: Tape, row: int, length_ms: int, newest_ms: int) -> list[Row]:
    """The candle that has just begun and has no trade yet, as the venue shows it: at the last price, without volume."""
    begin = bucket(tape.open_ms, length_ms)
    if begin <= newest_ms:
        return []
    price = tape.rules[row].show_price(float(tape.price[row]))
    return [[begin, price, price, price, price, "0", begin + length_ms - 1, "0", 0, "0", "0", "0"]]

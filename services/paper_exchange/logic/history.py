"""Candles of one contract for REST, and running candles of longer intervals for the stream."""

from typing import Any

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid, Ints, estimate_counts
from services.paper_exchange.logic.intervals import bucket
from services.paper_exchange.logic.rules import SymbolRules
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
    """Columns of one contract as arrays, as they were recorded."""

    def __init__(self, grid: Grid, row: int, first: int, last: int) -> None:
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

    def present(self, tape: Tape, row: int) -> None:
        """Let the last column show its candle only as far as it went."""
        if not tape.active[row]:
            self.open[-1] = np.nan
            return
        volume, quote, count = tape.traded(row)
        full = float(self.volume[-1])
        self.high[-1], self.low[-1], self.close[-1] = tape.high[row], tape.low[row], tape.price[row]
        self.volume[-1], self.quote[-1], self.count[-1] = volume, quote, count
        share = volume / full if full else 0.0
        self.taker[-1] *= share
        self.taker_quote[-1] *= share


def klines(
    tape: Tape, row: int, length_ms: int, span_ms: tuple[int | None, int | None], limit: int, recorded: Grid | None = None
) -> list[Row]:
    """Rows of `klines`: closed candles and the present one, oldest first.

    `span_ms` is (startTime, endTime). Without a start the newest `limit` rows are given. Closed candles come from `recorded`
    where it has them, else they are added up.
    """
    first, last = _bounds(tape, span_ms, length_ms, limit)
    part = Slice(tape.grid, row, first, last)
    if last > tape.column and tape.begun and last > first:
        part.present(tape, row)
    rows = _summed(part, length_ms, tape.rules[row])
    if recorded is not None:
        rows = _joined(rows, _recorded(tape, recorded, row, span_ms, limit))
    waiting = not (tape.begun and tape.active[row])
    if span_ms[1] is None and waiting and tape.listed(row) and tape.fresh(row):
        rows += _flat(tape, row, length_ms, rows[-1][0] if rows else 0)
    return rows[-limit:] if span_ms[0] is None else rows[:limit]


def _recorded(tape: Tape, grid: Grid, row: int, span_ms: tuple[int | None, int | None], limit: int) -> list[Row]:
    """Rows of recorded candles that are closed by now."""
    start, end = span_ms
    closed = grid.column(tape.open_ms - grid.interval_ms) + 1
    last = closed if end is None else min(closed, grid.column(end) + 1)
    last = min(max(last, 0), grid.width)
    first = max(0, last - limit) if start is None else max(0, -((grid.start_ms - start) // grid.interval_ms))
    if start is not None:
        last = min(last, first + limit)
    return _summed(Slice(grid, row, min(first, last), last), grid.interval_ms, tape.rules[row])


def _joined(summed: list[Row], recorded: list[Row]) -> list[Row]:
    rows = {row[0]: row for row in summed} | {row[0]: row for row in recorded}
    return [rows[begin] for begin in sorted(rows)]


def _summed(part: Slice, length_ms: int, rules: SymbolRules) -> list[Row]:
    keep = np.flatnonzero(~np.isnan(part.open))
    if not keep.size:
        return []
    offset = bucket(0, length_ms)
    groups = (part.opened[keep] - offset) // length_ms
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    show, amount, spent = rules.show_price, rules.show_qty, f".{max(rules.price_places, 2)}f"
    sums = [np.add.reduceat(values[keep], starts) for values in (part.volume, part.quote, part.taker, part.taker_quote)]
    counts = np.add.reduceat(part.count[keep], starts)
    highs, lows = np.maximum.reduceat(part.high[keep], starts), np.minimum.reduceat(part.low[keep], starts)
    ends = np.append(starts[1:], keep.size) - 1
    opens, closes = part.open[keep][starts], part.close[keep][ends]
    begins = (groups[starts] * length_ms + offset).tolist()
    return [
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


def _flat(tape: Tape, row: int, length_ms: int, newest_ms: int) -> list[Row]:
    """The candle that has just begun and has no trade yet, as the venue shows it: at the last price, without volume."""
    begin = bucket(tape.open_ms, length_ms)
    if begin <= newest_ms:
        return []
    price = tape.rules[row].show_price(float(tape.price[row]))
    return [[begin, price, price, price, price, "0", begin + length_ms - 1, "0", 0, "0", "0", "0"]]

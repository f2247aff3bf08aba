"""Candles of the mark price for REST."""

import math
from typing import Any

import numpy as np

from services.paper_exchange.logic.flow import Mark
from services.paper_exchange.logic.tape import Tape

Row = list[Any]


def mark_rows(tape: Tape, row: int, length_ms: int, rows: list[Row]) -> list[Row]:
    """Candles of the contract turned into candles of its mark; as they are where no mark was recorded.

    Recorded mark candles of the same length are shown as they are once they are closed; recorded mark events are put together;
    else opening, closing and extreme prices are moved by the distance that the mark has then (`logic/marks.py`).
    """
    if not tape.marks.recorded(row):
        return rows
    return [[item[0], *(f"{price:.8f}" for price in _prices(tape, row, length_ms, item)), *item[5:]] for item in rows]


def _prices(tape: Tape, row: int, length_ms: int, item: Row) -> tuple[float, float, float, float]:
    start, now = int(item[0]), tape.now_ms
    end = min(start + length_ms - 1, now)
    events = tape.flow.marks.get(row)
    if events is not None:
        first, last = np.searchsorted(events[Mark.TIME], (start, end + 1))
        if last > first:
            part = events[Mark.PRICE, int(first) : int(last)]
            return float(part[0]), float(part.max()), float(part.min()), float(part[-1])
    recorded = _recorded(tape, row, length_ms, start) if start + length_ms <= now + 1 else None
    if recorded is not None:
        return recorded
    opened, high, low, close = (float(price) for price in item[1:5])
    middle, marks = (start + end) // 2, tape.marks
    first_mark, last_mark = marks.price(row, start, opened), marks.price(row, end, close)
    reach = (marks.price(row, middle, high), marks.price(row, middle, low))
    return first_mark, max(first_mark, last_mark, *reach), min(first_mark, last_mark, *reach), last_mark


def _recorded(tape: Tape, row: int, length_ms: int, start_ms: int) -> tuple[float, float, float, float] | None:
    """The mark candle of a stretch of time from the shorter or equal ones that were recorded; None when one is missing."""
    candles = tape.marks.candles
    if candles is None or length_ms % candles.interval_ms:
        return None
    first = candles.column(start_ms)
    last = first + length_ms // candles.interval_ms
    if candles.open_ms(first) != start_ms or first < 0 or last > candles.width:
        return None
    high, low = float(candles.high[row, first:last].max()), float(candles.low[row, first:last].min())
    if math.isnan(high):
        return None
    return float(candles.open[row, first]), high, low, float(candles.close[row, last - 1])

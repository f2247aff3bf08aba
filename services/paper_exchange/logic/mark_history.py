"""Candles of the mark and the index price for REST."""

import math
from typing import Any

from services.paper_exchange.logic.marks import Line
from services.paper_exchange.logic.tape import Tape

Row = list[Any]


def line_rows(tape: Tape, row: int, line: Line, length_ms: int, rows: list[Row]) -> list[Row]:
    """Candles of the contract turned into candles of its mark or index.

    Recorded candles are shown as they are once they are closed, shorter ones put together; recorded events are put together; else
    opening, closing and extreme prices are moved by the distance that the price has then (`logic/marks.py`).
    """
    return [[item[0], *(f"{price:.8f}" for price in _prices(tape, row, line, length_ms, item)), *item[5:]] for item in rows]


def _prices(tape: Tape, row: int, line: Line, length_ms: int, item: Row) -> tuple[float, float, float, float]:
    start, now = int(item[0]), tape.now_ms
    end = min(start + length_ms - 1, now)
    events = line.events(row, (start, end))
    if events.size:
        return float(events[0]), float(events.max()), float(events.min()), float(events[-1])
    recorded = _recorded(line, row, length_ms, start) if start + length_ms <= now + 1 else None
    if recorded is not None:
        return recorded
    opened, high, low, close = (float(price) for price in item[1:5])
    middle = (start + end) // 2
    places = ((start, opened), (middle, high), (middle, low), (end, close))
    moved = [contract if (found := line.price(row, at, contract)) is None else found for at, contract in places]
    return moved[0], max(moved), min(moved), moved[3]


def _recorded(line: Line, row: int, length_ms: int, start_ms: int) -> tuple[float, float, float, float] | None:
    """The candle of a stretch of time from the shorter or equal ones that were recorded; None when one is missing."""
    if line.follower is None or length_ms % line.follower.candles.interval_ms:
        return None
    candles = line.follower.candles
    first = candles.column(start_ms)
    last = first + length_ms // candles.interval_ms
    if candles.open_ms(first) != start_ms or first < 0 or last > candles.width:
        return None
    high, low = float(candles.high[row, first:last].max()), float(candles.low[row, first:last].min())
    if math.isnan(high):
        return None
    return float(candles.open[row, first]), high, low, float(candles.close[row, last - 1])

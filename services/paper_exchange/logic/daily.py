"""The last 24 hours of each contract, as the ticker endpoints and streams show them."""

import math
from dataclasses import dataclass

import numpy as np

from services.paper_exchange.logic.book_model import DAY_MS
from services.paper_exchange.logic.tape import Tape


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """24 h statistics of one contract; prices in quote units, `volume` in base units."""

    open: float
    high: float
    low: float
    last: float
    volume: float
    quote: float
    count: int
    last_qty: float
    first_id: int
    open_ms: int
    close_ms: int

    @property
    def change(self) -> float:
        """Price change in quote units."""
        return self.last - self.open

    @property
    def change_percent(self) -> float:
        """Price change in percent of the opening price."""
        return self.change / self.open * 100 if self.open else 0.0

    @property
    def average(self) -> float:
        """Volume-weighted price."""
        return self.quote / self.volume if self.volume else self.last


class Daily:
    """Computes 24 h statistics of all contracts at once and keeps them until the market moves on."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._key: int = -1
        self._closed: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []

    def _refresh(self) -> None:
        tape = self._tape
        if self._key == tape.column:
            return
        grid = tape.grid
        first = max(0, tape.column - max(1, DAY_MS // grid.interval_ms) + 1)
        span = slice(first, tape.column)
        with np.errstate(invalid="ignore"):
            known = ~np.isnan(grid.open[:, span])
        rows = np.arange(len(tape.rules))
        at = np.argmax(known, axis=1) if known.shape[1] else np.zeros(len(rows), dtype=np.int64)
        opens = grid.open[:, span][rows, at] if known.shape[1] else np.full(len(rows), np.nan)
        highs = np.fmax.reduce(grid.high[:, span], axis=1, initial=-np.inf)
        lows = np.fmin.reduce(grid.low[:, span], axis=1, initial=np.inf)
        volume, quote = np.nansum(grid.volume[:, span], axis=1), np.nansum(grid.quote[:, span], axis=1)
        known_trades = grid.trades[:, span]
        counts = np.where(known_trades >= 0, known_trades, 1 + np.nan_to_num(grid.quote[:, span]) // 400)
        self._closed = [opens, highs, lows, volume, quote, np.where(known, counts, 0).sum(axis=1).astype(np.float64)]
        self._key = tape.column

    def day(self, row: int, now_ms: int) -> Day | None:
        """Statistics of one contract, None when it has not traded."""
        tape = self._tape
        if not tape.listed(row):
            return None
        self._refresh()
        opens, highs, lows, volumes, quotes, counts = (float(values[row]) for values in self._closed)
        volume, quote, count = tape.traded(row)
        last = float(tape.price[row])
        high, low = (float(tape.high[row]), float(tape.low[row])) if tape.begun and tape.active[row] else (last, last)
        step = float(tape.steps[row])
        return Day(
            open=last if math.isnan(opens) else opens,
            high=max(highs, high),
            low=min(lows, low),
            last=last,
            volume=volumes + volume,
            quote=quotes + quote,
            count=int(counts) + count,
            last_qty=max(step, round(volume / max(count, 1) / step) * step),
            first_id=trade_id(tape, tape.column) - int(counts),
            open_ms=now_ms // 60_000 * 60_000 - DAY_MS + 60_000,
            close_ms=now_ms,
        )


def trade_id(tape: Tape, column: int) -> int:
    """First public trade id of a candle: time-ordered, one block of ten million per candle."""
    return tape.grid.open_ms(column) // tape.grid.interval_ms * 10_000_000

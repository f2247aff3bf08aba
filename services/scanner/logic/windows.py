"""Candles and indicator state of all symbols, in arrays."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from services.scanner.logic.frame import Frame
from shared.domain.candle import Candle
from shared.indicators.aggregate import Ohlc
from shared.indicators.bank import HigherBank, IndicatorBank
from shared.indicators.live import ordered_sum
from shared.indicators.types import Floats, Rows

Index = NDArray[np.intp]
_FIELDS = 5
_VOLUME = 4
_NONE = -1


class Windows:
    """The last `frame.capacity` candles of each symbol, without gaps, with the indicators of the newest.

    A symbol's row never moves. `last` is the number of its newest candle, -1 when it has none.
    """

    def __init__(self, frame: Frame, symbols: Iterable[str] = ()) -> None:
        self.frame = frame
        self.symbols: list[str] = []
        self.row: dict[str, int] = {}
        self._resize(0)
        self.admit(symbols)

    def _resize(self, size: int) -> None:
        """Empty arrays for `size` symbols."""
        self.first = np.full(size, _NONE, dtype=np.int64)
        self.last = np.full(size, _NONE, dtype=np.int64)
        self._epoch = np.full(size, _NONE, dtype=np.int64)
        self._candles = np.full((self.frame.capacity, _FIELDS, size), np.nan)
        self.bank = IndicatorBank(size)
        self.higher = HigherBank(size)

    def admit(self, symbols: Iterable[str]) -> list[str]:
        """Make room for symbols that are not known yet; which ones those were."""
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self.row]
        if not new:
            return []
        before = len(self.symbols)
        old = (self.first, self.last, self._epoch, self._candles, self.bank, self.higher)
        self._resize(before + len(new))
        kept = slice(0, before)
        for target, source in zip((self.first, self.last, self._epoch, self._candles), old[:4], strict=True):
            target[..., kept] = source
        self.bank.adopt(kept, old[4])
        self.higher.adopt(kept, old[5])
        for symbol in new:
            self.row[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return new

    def rows_of(self, symbols: Sequence[str]) -> Index:
        """Rows of known symbols."""
        return np.array([self.row[symbol] for symbol in symbols], dtype=np.intp)

    def bars(self, rows: Rows) -> NDArray[np.int64]:
        """How many candles count for the newest one: those since `frame.start`."""
        last = self.last[rows]
        start = last // self.frame.epoch_bars * self.frame.epoch_bars - self.frame.warm_bars
        return np.where(last == _NONE, 0, last - np.maximum(self.first[rows], start) + 1)

    def load(self, symbol: str, candles: Sequence[Candle]) -> int:
        """Replace a symbol's history (oldest first); what lies before a gap is left out. How many candles were taken."""
        row = self.row[symbol]
        tail = without_gap(candles, self.frame)[-self.frame.capacity :]
        self.first[row] = self.last[row] = self._epoch[row] = _NONE
        if tail:
            first = self.frame.bar(tail[0].open_ms)
            self._candles[np.arange(first, first + len(tail)) % self.frame.capacity, :, row] = _values(tail)
            self.first[row], self.last[row] = first, first + len(tail) - 1
        return len(tail)

    def append(self, bar: int, candles: Sequence[Candle]) -> Index:
        """Take the candles of one bar, each the next of its symbol; their rows, with indicators up to date.

        Raises:
            ValueError: a candle is not the next one of its symbol.
        """
        rows = self.rows_of([candle.symbol for candle in candles])
        wrong = (self.last[rows] != bar - 1) & (self.last[rows] != _NONE)
        if wrong.any():
            symbol = candles[int(np.argmax(wrong))].symbol
            raise ValueError(f"{symbol}: expected candle {self.last[self.row[symbol]] + 1}, got {bar}")
        self.settle(rows, bar)
        self._candles[bar % self.frame.capacity][:, rows] = _values(candles).T
        self.first[rows] = np.where(self.first[rows] == _NONE, bar, np.maximum(self.first[rows], bar - self.frame.capacity + 1))
        self.last[rows] = bar
        self._epoch[rows] = self.frame.epoch(bar)
        self._advance(self.bank, self.higher, bar, rows, self.ohlc(bar, rows))
        return rows

    def settle(self, rows: Index, bar: int) -> int:
        """Bring the indicators of `rows` to where the epoch of `bar` wants them; how many had to be computed anew."""
        stale = rows[self._epoch[rows] != self.frame.epoch(bar)]
        stale = stale[self.last[stale] != _NONE]
        if len(stale):
            self._recompute(stale, self.frame.start(bar))
            self._epoch[stale] = self.frame.epoch(bar)
        return len(stale)

    def settle_all(self, *, ahead: bool) -> int:
        """Settle every symbol for its newest candle, or `ahead` for the one that comes next (idle work: the next close is then quick)."""
        known = np.flatnonzero(self.last != _NONE)
        bars = self.last[known] + int(ahead)
        return sum(self.settle(known[bars == bar], int(bar)) for bar in np.unique(bars))

    def _recompute(self, rows: Index, start: int) -> None:
        """Fold the kept candles of some rows into fresh indicator state."""
        begins = np.maximum(self.first[rows], start)
        order = np.argsort(begins, kind="stable")
        rows, begins = rows[order], begins[order]
        bank, higher = IndicatorBank(len(rows)), HigherBank(len(rows))
        for bar in range(int(begins[0]), int(self.last[rows].max()) + 1):
            live = slice(0, int(np.searchsorted(begins, bar, side="right")))
            chosen: Rows = live
            if (self.last[rows[live]] < bar).any():
                chosen = np.flatnonzero(self.last[rows[live]] >= bar)
            self._advance(bank, higher, bar, chosen, self.ohlc(bar, rows[chosen]))
        self.bank.adopt(rows, bank)
        self.higher.adopt(rows, higher)

    def _advance(self, bank: IndicatorBank, higher: HigherBank, bar: int, rows: Rows, candles: Ohlc) -> None:
        bank.update(bar, rows, candles)
        longer = self.frame.higher_bar(bar)
        if longer is not None:
            higher.update(longer, rows, candles.close)

    def ohlc(self, bar: int, rows: Rows) -> Ohlc:
        """The candles of one bar."""
        now = self._candles[bar % self.frame.capacity][:, rows]
        return Ohlc(now[0], now[1], now[2], now[3])

    def closes(self, rows: Index, count: int, bar: int) -> Floats:
        """`count` closes up to candle `bar`, oldest first: [rows, count], NaN where a symbol has none."""
        bars = np.broadcast_to(np.arange(bar - count + 1, bar + 1), (len(rows), count))
        closes = self._candles[bars % self.frame.capacity, 3, rows[:, None]]
        there = (bars >= self.first[rows][:, None]) & (bars <= self.last[rows][:, None])
        return np.where(there, closes, np.nan)

    def day_volume(self, rows: Index) -> Floats:
        """Quote volume of the last 24 hours of candles; NaN where the candles do not reach back that far."""
        count = self.frame.day_bars
        if count > self.frame.capacity or not len(rows):
            return np.full(len(rows), np.nan)
        bars = self.last[rows] - np.arange(count - 1, -1, -1)[:, None]
        volumes = self._candles[bars % self.frame.capacity, _VOLUME, rows[None, :]]
        total = ordered_sum(volumes)
        return np.where((self.last[rows] != _NONE) & (bars[0] >= self.first[rows]), total, np.nan)


def _values(candles: Sequence[Candle]) -> Floats:
    """The kept fields of candles: [candles, fields]."""
    rows = [(candle.open, candle.high, candle.low, candle.close, candle.quote_volume) for candle in candles]
    return np.array(rows, dtype=np.float64)


def without_gap(candles: Sequence[Candle], frame: Frame) -> Sequence[Candle]:
    """The newest candles that follow each other without a gap (input oldest first; repeated ones must be gone already)."""
    for place in range(len(candles) - 1, 0, -1):
        if frame.bar(candles[place].open_ms) != frame.bar(candles[place - 1].open_ms) + 1:
            return candles[place:]
    return candles

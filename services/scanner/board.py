"""What one scanner knows: its symbols' candles, the market facts, and the candles that wait to be taken in."""

import numpy as np

from services.scanner.logic.features import Features, observe
from services.scanner.logic.frame import Frame
from services.scanner.logic.inbox import Inbox
from services.scanner.logic.market import Book, Latest, Mark, MarketSnapshot, Reference, correlated_peers, unseen, volume_rank
from services.scanner.logic.windows import Index, Windows
from shared.domain.order import Direction
from shared.exchange.market import BookTicker, MarkPrice
from shared.indicators.types import Floats

FUNDING_MS = 8 * 3_600_000
"""The venue's usual funding interval, for contracts that it does not list with another one."""
HOUR_MS = 3_600_000
CORRELATION_BARS = 60


class Board:
    """State of the scanner. Everything here is synchronous; whoever awaits in between sees whole updates."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.windows = Windows(frame)
        self.inbox = Inbox(self.windows)
        self.watched: tuple[str, ...] = ()
        self.followed: tuple[str, ...] = ()
        self._watching: frozenset[str] = frozenset()
        self._present: frozenset[str] = frozenset()
        self.books: Latest[Book] = Latest(frame.length_ms)
        self.marks: Latest[Mark] = Latest(frame.length_ms)
        self.positions: dict[str, Direction] = {}
        self.losses: dict[str, int] = {}
        self.references: list[Reference] = []
        self._funding_ms: dict[str, int] = {}

    def watch(self, symbols: tuple[str, ...], followed: tuple[str, ...] = ()) -> None:
        """Scan `symbols` from now on, and keep the candles of `followed` (held, but scanned by others) up to date.

        Others keep their candles but are left alone.
        """
        present = frozenset((*symbols, *followed))
        dropped = self._present - present
        self.inbox.drop(dropped)
        for symbol in dropped:
            self.books.forget(symbol)
            self.marks.forget(symbol)
        self.watched, self.followed = symbols, followed
        self._watching, self._present = frozenset(symbols), present

    def watches(self, symbol: str) -> bool:
        """Whether a symbol is scanned by this instance."""
        return symbol in self._watching

    def takes(self, symbol: str) -> bool:
        """Whether the candles of a symbol are taken in: it is scanned or followed."""
        return symbol in self._present

    @property
    def present(self) -> tuple[str, ...]:
        """All symbols whose candles are taken in."""
        return (*self.watched, *self.followed)

    def strangers(self) -> list[str]:
        """Held symbols whose candles are not here, so that nobody can say what moves with them."""
        return sorted(self.positions.keys() - self._present)

    def put_book(self, event: BookTicker) -> None:
        """Take best bid and ask."""
        self.books.put(event.symbol, Book(event.bid, event.ask), event.time_ms)

    def set_funding_intervals(self, intervals_ms: dict[str, int]) -> None:
        """What the venue says about funding intervals; it knows better than what was learnt from marks."""
        self._funding_ms = dict(intervals_ms)

    def put_mark(self, event: MarkPrice) -> None:
        """Take mark, index and funding; learn a shorter funding interval from two funding times (whole hours)."""
        known = self.marks.newest(event.symbol)
        if known is not None and known.value.next_funding_ms > 0:
            step_ms = event.next_funding_ms - known.value.next_funding_ms
            if 0 < step_ms < self._funding_ms.get(event.symbol, FUNDING_MS) and step_ms % HOUR_MS == 0:
                self._funding_ms[event.symbol] = step_ms
        mark = Mark(event.mark, event.index, event.funding_rate, event.next_funding_ms)
        self.marks.put(event.symbol, mark, event.time_ms)

    def ranks(self, rows: Index, bar: int) -> Floats:
        """Volume ranks at a candle; NaN before there is a reference."""
        valid = [reference for reference in self.references if reference.from_bar <= bar]
        return volume_rank(self.windows.day_volume(rows), valid[-1].volumes if valid else np.empty(0))

    def observe(self, rows: Index, bar: int) -> Features:
        """Features of symbols whose newest candle is `bar`."""
        return observe(self.windows, rows, bar)

    def snapshot(self, rows: Index, bar: int, *, or_later: bool = False) -> MarketSnapshot:
        """The market facts of symbols as they were when `bar` closed."""
        close_ms = self.frame.close_ms(bar)
        symbols = [self.windows.symbols[row] for row in rows]
        books = [self.books.at(symbol, close_ms, or_later=or_later) for symbol in symbols]
        marks = [self.marks.at(symbol, close_ms, or_later=or_later) for symbol in symbols]
        longs, shorts = self._peers(rows, bar - 1, Direction.LONG), self._peers(rows, bar - 1, Direction.SHORT)
        losses = [self.losses.get(symbol) for symbol in symbols]
        return MarketSnapshot(
            bid=_column([b and b.value.bid for b in books]),
            ask=_column([b and b.value.ask for b in books]),
            book_age_ms=_column([b and float(close_ms - b.time_ms) for b in books]),
            mark=_column([m and m.value.mark for m in marks]),
            index=_column([m and m.value.index for m in marks]),
            funding=_column([m and m.value.funding for m in marks]),
            funding_interval_ms=_column([float(self._funding_ms.get(symbol, FUNDING_MS)) for symbol in symbols]),
            mark_age_ms=_column([m and float(close_ms - m.time_ms) for m in marks]),
            quote_volume=self.windows.day_volume(rows),
            volume_rank=self.ranks(rows, bar),
            peers_long=longs[0],
            peers_short=shorts[0],
            unseen_long=longs[1],
            unseen_short=shorts[1],
            bars_since_loss=_column([self._bars_since(loss, close_ms) for loss in losses]),
        )

    def _bars_since(self, loss_ms: int | None, close_ms: int) -> float:
        """Candles since a loss; infinite without one, or when it lies after the close."""
        if loss_ms is None or loss_ms > close_ms:
            return float("inf")
        return float((close_ms - loss_ms) // self.frame.length_ms)

    def _peers(self, rows: Index, bar: int, side: Direction) -> tuple[Floats, Floats]:
        """Open positions of one side that move together with each symbol up to `bar` (its own position counts, too), and those unseen.

        `bar` is one that all symbols have, so that it does not matter whose candle of the present bar came first.
        """
        held = sorted(symbol for symbol, direction in self.positions.items() if direction is side)
        if not held:
            return np.zeros(len(rows)), np.zeros(len(rows))
        here = [symbol for symbol in held if symbol in self._present]
        own = _returns(self.windows.closes(rows, CORRELATION_BARS + 1, bar))
        others = _returns(self.windows.closes(self.windows.rows_of(here), CORRELATION_BARS + 1, bar))
        missing = len(held) - len(here) + unseen(others)
        return correlated_peers(own, others), np.full(len(rows), float(missing))


def _returns(closes: Floats) -> Floats:
    return closes[:, 1:] / closes[:, :-1] - 1.0


def _column(values: list[float | None]) -> Floats:
    """Numbers as an array; what is missing becomes NaN."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

"""The market so far: the present candle of every contract as far as its path went, on top of the closed ones."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from services.paper_exchange.logic.book_model import Book, BookModel
from services.paper_exchange.logic.candles import Floats, Grid, Ints, Mask, estimate_counts
from services.paper_exchange.logic.flow import Flow, Ticked, Trade
from services.paper_exchange.logic.marks import Marks
from services.paper_exchange.logic.path import share_done, walk_path
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.rules import SymbolRules


class Tape:
    """Steps through a grid. `column` is the present candle, `point` the last point of its path that was reached.

    Before the first `advance` of a column `point` is -1 and the candle has not begun.
    """

    def __init__(
        self, grid: Grid, rules: Sequence[SymbolRules], points: int, column: int, recorded: tuple[Flow, Marks] | None = None
    ) -> None:
        self.grid = grid
        self.flow, self.marks = recorded if recorded is not None else (Flow(), Marks(grid, Flow()))
        self.rules = rules
        self.points = points
        self.index = {symbol: row for row, symbol in enumerate(grid.symbols)}
        self.ticks: Floats = np.array([float(rule.tick) for rule in rules])
        self.steps: Floats = np.array([float(rule.step) for rule in rules])
        self.places = [rule.price_places for rule in rules]
        self.column = column
        self.point = -1
        self.ended = False
        self.price: Floats = np.full(len(rules), np.nan)
        self.high: Floats = self.price.copy()
        self.low: Floats = self.price.copy()
        self.active: Mask = np.zeros(len(rules), dtype=np.bool_)
        self._path: Floats = np.full((points, len(rules)), np.nan)
        self._model = BookModel(grid, self.ticks, self.steps)
        self._counts: tuple[int, Ints] | None = None
        self._quoted: tuple[int, int, bool] | None = None
        self._quotes: dict[str, Quote | None] = {}
        self._ticked: dict[int, Ticked] = {}
        self._recall()

    def _recall(self) -> None:
        """Last known price of each contract before the present column."""
        closes = self.grid.close[:, : self.column]
        known = ~np.isnan(closes)
        rows = known.any(axis=1)
        if not closes.shape[1]:
            return
        last = closes.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
        self.price = np.where(rows, closes[np.arange(closes.shape[0]), last], np.nan)

    @property
    def open_ms(self) -> int:
        """Opening time of the present candle."""
        return self.grid.open_ms(self.column)

    def point_ms(self, point: int) -> int:
        """When a point of the present candle's path is reached.

        With recorded order flow points lie at the end of their stretch of the candle, so that each shows what traded in it
        and nothing later; else at its beginning.
        """
        if self.flow:
            return self.open_ms + self.grid.interval_ms * (point + 1) // self.points - 1
        return self.open_ms + self.grid.interval_ms * point // self.points

    @property
    def now_ms(self) -> int:
        """The time of the last point, or of the close of the candle before."""
        return self.point_ms(self.point) if self.begun else self.open_ms

    def advance(self) -> None:
        """Reach the next point of the path."""
        self.point += 1
        before = self.price
        if self.point == 0:
            self._begin()
        else:
            self.price = np.where(self.active, self._path[self.point], self.price)
            self.high = np.fmax(self.high, self.price)
            self.low = np.fmin(self.low, self.price)
        if self.flow:
            self._follow(before)

    def _begin(self) -> None:
        grid, column = self.grid, self.column
        candle = (grid.open[:, column], grid.high[:, column], grid.low[:, column], grid.close[:, column])
        self.active = ~np.isnan(candle[0])
        self._path = walk_path(candle, self.ticks, self.points)
        self.price = np.where(self.active, candle[0], self.price)
        self.high, self.low = candle[0].copy(), candle[0].copy()
        if self.flow:
            self._begin_flow()

    def _begin_flow(self) -> None:
        """Let recorded trades lead the contracts that have them in this candle, and a recorded book those that have only that."""
        length, start = self.grid.interval_ms, self.open_ms
        bounds: Ints = start + length * np.arange(1, self.points + 1, dtype=np.int64) // self.points
        self._ticked = {}
        for row in self.flow.trades:
            found = self.flow.ticked(row, start, bounds) if self.grid.open[row, self.column] > 0 else None
            if found is not None:
                self._ticked[row] = found
                self._path[:, row] = found.price
        for row in self.flow.books:
            if row not in self._ticked and self.active[row]:
                self._path[:-1, row] = [self._mid(row, self.point_ms(point), self._path[point, row]) for point in range(self.points - 1)]
                self.price[row] = self._path[0, row]

    def _mid(self, row: int, now_ms: int, otherwise: float) -> float:
        """The middle of a recorded book on the tick, inside the candle."""
        best = self.flow.best(row, now_ms)
        if best is None:
            return otherwise
        tick = float(self.ticks[row])
        middle = float(np.floor((best[0] + best[2]) / 2 / tick + 1e-9) * tick)
        return min(max(middle, float(self.grid.low[row, self.column])), float(self.grid.high[row, self.column]))

    def _follow(self, before: Floats) -> None:
        """Take over what is recorded; until its first trade a candle has not begun, its last point is the candle as recorded."""
        grid, column, last = self.grid, self.column, self.point == self.points - 1
        for row, ticked in self._ticked.items():
            begun = last or ticked.count[self.point] > 0
            self.active[row] = begun
            self.price[row] = before[row]
            if begun:
                self.price[row] = grid.close[row, column] if last else ticked.price[self.point]
                self.high[row] = grid.high[row, column] if last else ticked.high[self.point]
                self.low[row] = grid.low[row, column] if last else ticked.low[self.point]
        if last:
            for row in self.flow.books:
                if self.active[row]:
                    self.high[row], self.low[row] = grid.high[row, column], grid.low[row, column]

    def ticked(self, row: int) -> Ticked | None:
        """The recorded trades of a contract's present candle, where they lead it."""
        return self._ticked.get(row) if self.begun else None

    def recorded_trades(self, row: int, column: int, last: int) -> Floats | None:
        """Recorded trades of a candle up to a point, one per row; None where they do not cover it."""
        if row not in self.flow.trades:
            return None
        start, length = self.grid.open_ms(column), self.grid.interval_ms
        bounds: Ints = start + length * np.arange(1, self.points + 1, dtype=np.int64) // self.points
        found = self.flow.ticked(row, start, bounds)
        if found is None:
            return None
        span = found.printed(last)
        events: Floats = found.table[:, span.start : span.stop].T
        return events

    def finish(self) -> None:
        """Close the present candle and stand before the next one."""
        self.column += 1
        self.point = -1
        self._ticked = {}

    def resume(self, point: int) -> None:
        """Go on inside a candle after a restart: replay its points up to `point`."""
        while self.point < point:
            self.advance()

    def moment(self, column: int | None = None, point: int | None = None) -> int:
        """Number of a point of the path, without gaps over all time; the same until the next point is reached."""
        column = self.column if column is None else column
        point = self.point if point is None else point
        return self.grid.open_ms(column) // self.grid.interval_ms * self.points + point + 1

    @property
    def begun(self) -> bool:
        """Whether the present candle has its first price."""
        return self.point >= 0

    def listed(self, row: int) -> bool:
        """Whether the contract has traded."""
        return bool(self.price[row] == self.price[row])

    def share(self) -> float:
        """Share of the present candle's volume that has traded."""
        return share_done(self.point, self.points)

    def counts(self) -> Ints:
        """Trades per contract in the whole present candle."""
        if self._counts is None or self._counts[0] != self.column:
            column = self.column
            self._counts = (column, estimate_counts(self.grid.trades[:, column], self.grid.quote[:, column]))
        return self._counts[1]

    def traded(self, row: int) -> tuple[float, float, int]:
        """Base volume, quote volume and trades of the present candle so far."""
        if not self.begun or not self.active[row]:
            return 0.0, 0.0, 0
        volume, quote = float(self.grid.volume[row, self.column]), float(self.grid.quote[row, self.column])
        count = int(self.counts()[row])
        if self.point == self.points - 1:
            return volume, quote, count
        ticked = self._ticked.get(row)
        if ticked is not None:
            return (
                min(volume, float(ticked.volume[self.point])),
                min(quote, float(ticked.quote[self.point])),
                min(count, int(ticked.count[self.point])),
            )
        step, done = float(self.steps[row]), self.share()
        return int(volume * done / step) * step, quote * done, int(count * done)

    def book(self, row: int) -> Book:
        """Best bid and ask with quantities: recorded ones where there are any, else those of the model."""
        recorded = self.flow.best(row, self.now_ms) if row in self.flow.books else None
        return self._modelled(row, float(self.price[row])) if recorded is None else recorded

    def _modelled(self, row: int, price: float) -> Book:
        column = self.column if self.begun else self.column - 1
        return self._model.book(row, price, (column, self.price), self.moment())

    def quote(self, symbol: str) -> Quote | None:
        """The quote of a contract, None when it is unknown or has not traded yet.

        Made once per point of the path and contract.
        """
        now = (self.column, self.point, self.ended)
        if self._quoted != now:
            self._quoted = now
            self._quotes.clear()
        if symbol not in self._quotes:
            self._quotes[symbol] = self._quote(symbol)
        return self._quotes[symbol]

    def _quote(self, symbol: str) -> Quote | None:
        row = self.index.get(symbol)
        if row is None or not self.listed(row):
            return None
        return self._made(row, float(self.price[row]), self.now_ms, self.book(row))

    def quote_of_trade(self, row: int, place: int) -> Quote:
        """The quote at the moment of a recorded trade: its price, and the book that was recorded then or is modelled around it.

        Where the book is modelled the taker met its own side of it: a trade against a buyer is at the bid, the other at the ask.
        """
        event = self.flow.trades[row][:, place]
        price, moment = float(event[Trade.PRICE]), int(event[Trade.TIME])
        book = self.flow.best(row, moment)
        if book is None:
            bid, bid_qty, ask, ask_qty = self._modelled(row, price)
            spread = ask - bid
            book = (price, bid_qty, price + spread, ask_qty) if event[Trade.MAKER] else (price - spread, bid_qty, price, ask_qty)
        return self._made(row, price, moment, book)

    def _made(self, row: int, price: float, now_ms: int, book: Book) -> Quote:
        rules = self.rules[row]
        bid, bid_qty, ask, ask_qty = book
        last = Decimal(rules.show_price(price))
        recorded = self.marks.mark.price(row, now_ms, price)
        mark = last if recorded is None else Decimal(f"{recorded:.8f}").normalize()
        return Quote(
            symbol=rules.symbol,
            last=last,
            mark=mark,
            bid=Decimal(rules.show_price(bid)),
            ask=Decimal(rules.show_price(ask)),
            bid_qty=Decimal(rules.show_qty(bid_qty)),
            ask_qty=Decimal(rules.show_qty(ask_qty)),
            tick=rules.tick,
            step=rules.step,
            fresh=self.fresh(row),
        )

    def mark(self, row: int) -> float:
        """The mark price now."""
        price = float(self.price[row])
        recorded = self.marks.mark.price(row, self.now_ms, price)
        return price if recorded is None else recorded

    def index_price(self, row: int) -> float | None:
        """The index price now, where it was recorded."""
        return self.marks.index.price(row, self.now_ms, float(self.price[row]))

    def fresh(self, row: int) -> bool:
        """Whether prices of a contract still come: a candle at present, or one just before it that has closed."""
        if self.ended:
            return False
        column = self.column if self.begun else self.column - 1
        return column >= 0 and not np.isnan(self.grid.close[row, column])

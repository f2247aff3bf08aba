"""The market so far: the present candle of every contract as far as its path went, on top of the closed ones."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from services.paper_exchange.logic.candles import Floats, Grid, Ints, Mask, estimate_counts
from services.paper_exchange.logic.path import share_done, walk_path
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.rules import SymbolRules

DAY_MS = 86_400_000


class Tape:
    """Steps through a grid. `column` is the present candle, `point` the last point of its path that was reached.

    Before the first `advance` of a column `point` is -1 and the candle has not begun.
    """

    def __init__(self, grid: Grid, rules: Sequence[SymbolRules], points: int, column: int) -> None:
        self.grid = grid
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
        self._half: tuple[int, Floats, Floats, Floats] | None = None
        self._counts: tuple[int, Ints] | None = None
        self._quoted: tuple[int, int, bool] | None = None
        self._quotes: dict[str, Quote | None] = {}
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
        """When a point of the present candle's path is reached."""
        return self.open_ms + self.grid.interval_ms * point // self.points

    def advance(self) -> None:
        """Reach the next point of the path."""
        self.point += 1
        if self.point == 0:
            self._begin()
            return
        self.price = np.where(self.active, self._path[self.point], self.price)
        self.high = np.fmax(self.high, self.price)
        self.low = np.fmin(self.low, self.price)

    def _begin(self) -> None:
        grid, column = self.grid, self.column
        candle = (grid.open[:, column], grid.high[:, column], grid.low[:, column], grid.close[:, column])
        self.active = ~np.isnan(candle[0])
        self._path = walk_path(candle, self.ticks, self.points)
        self.price = np.where(self.active, candle[0], self.price)
        self.high, self.low = candle[0].copy(), candle[0].copy()

    def finish(self) -> None:
        """Close the present candle and stand before the next one."""
        self.column += 1
        self.point = -1

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
        step, done = float(self.steps[row]), self.share()
        return int(volume * done / step) * step, quote * done, int(count * done)

    def _model(self) -> tuple[Floats, Floats, Floats]:
        """Half spread below and above the price, and quantity of the best level, per contract (constant in a candle)."""
        column = self.column if self.begun else self.column - 1
        if self._half is None or self._half[0] != column:
            window = max(1, DAY_MS // self.grid.interval_ms)
            first = max(0, column - window)
            turnover = np.nansum(self.grid.quote[:, first:column], axis=1) if column > 0 else np.zeros(len(self.rules))
            millions = np.maximum(turnover, 1.0) / 1e6
            basis = np.minimum(20.0 / np.sqrt(millions), 30.0) / 1e4
            spread = np.maximum(np.rint(np.nan_to_num(self.price) * basis / self.ticks), 1.0)
            below = np.floor(spread / 2.0)
            depth = turnover * 2e-5 / np.where(np.isnan(self.price), 1.0, self.price)
            self._half = (column, below, spread - below, np.maximum(np.floor(depth / self.steps), 1.0))
        return self._half[1], self._half[2], self._half[3]

    def book(self, row: int) -> tuple[float, float, float, float]:
        """Best bid and ask with quantities. Quantities vary by up to 40 % from point to point, the same in each run."""
        below, above, depth = self._model()
        tick, step = float(self.ticks[row]), float(self.steps[row])
        price = float(self.price[row])
        noise = ((self.moment() * 2_654_435_761 + row * 40_503) >> 5) & 0xFFFF
        bids = max(1, int(depth[row] * (0.6 + 0.8 * ((noise & 0xFF) / 255)))) * step
        asks = max(1, int(depth[row] * (0.6 + 0.8 * ((noise >> 8) / 255)))) * step
        return max(price - float(below[row]) * tick, tick), bids, price + float(above[row]) * tick, asks

    def quote(self, symbol: str) -> Quote | None:
        """The quote of a contract, None when it is unknown or has not traded yet. The mark is the contract price.

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
        rules = self.rules[row]
        bid, bid_qty, ask, ask_qty = self.book(row)
        last = Decimal(rules.show_price(float(self.price[row])))
        return Quote(
            symbol=symbol,
            last=last,
            mark=last,
            bid=Decimal(rules.show_price(bid)),
            ask=Decimal(rules.show_price(ask)),
            bid_qty=Decimal(rules.show_qty(bid_qty)),
            ask_qty=Decimal(rules.show_qty(ask_qty)),
            tick=rules.tick,
            step=rules.step,
            fresh=self.fresh(row),
        )

    def fresh(self, row: int) -> bool:
        """Whether prices of a contract still come: a candle at present, or one just before it that has closed."""
        if self.ended:
            return False
        column = self.column if self.begun else self.column - 1
        return column >= 0 and not np.isnan(self.grid.close[row, column])

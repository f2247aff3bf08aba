"""The price of one contract at one moment, and the book around it.

The best bid and ask are recorded, mirrored or modelled (`logic/book_model.py`). Behind them the book is always a model, unless a
whole one was fetched: level n (n = 0, 1, ...) lies n * (half the spread, at least one tick) further away and holds (1 + n / 2) times
the best level. Twenty levels; the last one has no bottom, so a market order always fills, at a worse and worse price.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from services.paper_exchange.logic.money import ZERO, snap_down
from shared.domain.order import Side, WorkingType

LEVELS = 20
Levels = tuple[tuple[Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Contract price, mark price and best bid and ask of one symbol. `fresh` is False once prices stopped coming.

    `depth` is a whole book, (bids, asks) as (price, quantity) best first, empty where only the best level is known.
    """

    symbol: str
    last: Decimal
    mark: Decimal
    bid: Decimal
    ask: Decimal
    bid_qty: Decimal
    ask_qty: Decimal
    tick: Decimal
    step: Decimal
    fresh: bool = True
    depth: tuple[Levels, Levels] = ((), ())

    @property
    def mid(self) -> Decimal:
        """Half way between bid and ask."""
        return (self.bid + self.ask) / 2

    def at(self, price: Decimal) -> "Quote":
        """The same book moved to another contract price; the mark moves by the same amount."""
        shift = price - self.last
        return Quote(
            symbol=self.symbol,
            last=price,
            mark=self.mark + shift,
            bid=max(self.bid + shift, self.tick),
            ask=self.ask + shift,
            bid_qty=self.bid_qty,
            ask_qty=self.ask_qty,
            tick=self.tick,
            step=self.step,
            fresh=self.fresh,
            depth=((), ()) if shift else self.depth,
        )

    def watched(self, working: WorkingType) -> Decimal:
        """The price that a trigger of this kind looks at."""
        return self.mark if working is WorkingType.MARK_PRICE else self.last

    def best(self, side: Side) -> Decimal:
        """The price that an order of this side takes: the ask for a buy, the bid for a sell."""
        return self.ask if side is Side.BUY else self.bid

    def levels(self, side: Side) -> Iterator[tuple[Decimal, Decimal]]:
        """(price, quantity) that an order of this side walks through, best first; see the module."""
        whole = self.depth[side is Side.BUY]
        if whole:
            yield from whole
            return
        best, first = (self.ask, self.ask_qty) if side is Side.BUY else (self.bid, self.bid_qty)
        gap = max(snap_down((self.ask - self.bid) / 2, self.tick), self.tick)
        for number in range(LEVELS):
            price = best + side.sign * gap * number
            if price < self.tick:
                return
            yield price, max(snap_down(first * (2 + number) / 2, self.step), self.step)


def walk(quote: Quote, side: Side, quantity: Decimal, limit: Decimal = ZERO) -> list[tuple[Decimal, Decimal]]:
    """The fills of a taking order: (price, quantity) per level, not beyond `limit` (0 = any price).

    Without a limit what is left after the last level fills there.
    """
    fills: list[tuple[Decimal, Decimal]] = []
    left = quantity
    for price, offered in quote.levels(side):
        if limit and (price - limit) * side.sign > 0:
            return fills
        taken = min(left, offered)
        fills.append((price, taken))
        left -= taken
        if not left:
            return fills
    if not limit and fills:
        price, taken = fills[-1]
        fills[-1] = (price, taken + left)
    return fills

"""What a live mirror knows of each contract's price, from the upstream's own frames.

A frame that says something that cannot be (no number, a price of zero or less) changes nothing and raises `BadFrame`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from services.paper_exchange.logic.funding import DEFAULT_RATE
from services.paper_exchange.logic.quote import Levels, Quote
from services.paper_exchange.logic.rules import SymbolRules
from services.paper_exchange.wall import Wall

FRESH_MS = 15_000
"""Prices older than this are stale: no order is taken on them."""
QUIET_MS = 60_000
"""How long the last price and the book may rest while the mark price still moves (a contract in which nobody trades)."""
_BOOK_OLD_MS = 2000
_MOST = Decimal("1e15")


class BadFrame(ValueError):
    """A frame that cannot be meant."""


def number(value: Any, *, zero: bool = False) -> Decimal:
    """A positive price or quantity (zero only where that may be)."""
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise BadFrame(f"no number: {str(value)[:40]!r}") from error
    if not found.is_finite() or found > _MOST or found < 0 or (found == 0 and not zero):
        raise BadFrame(f"not a price or quantity: {str(value)[:40]!r}")
    return found


def _levels(rows: Any, *, falling: bool) -> Levels:
    """Levels of one side of a book, best first."""
    found = tuple((number(row[0]), number(row[1])) for row in rows)
    prices = [price for price, _ in found]
    if not prices or prices != sorted(set(prices), reverse=falling):
        raise BadFrame(f"levels that are none or not in order: {str(rows)[:80]}")
    return found


@dataclass(slots=True)
class Price:
    """What is known of a contract's price, as Decimals from the upstream's own texts.

    `seen_ms`: when anything came; `book_ms`, `last_ms`, `depth_ms`: when best bid and ask, the last price, the whole book came.
    """

    last: Decimal
    mark: Decimal
    bid: Decimal
    ask: Decimal
    bid_qty: Decimal
    ask_qty: Decimal
    seen_ms: int
    book_ms: int = 0
    last_ms: int = 0
    rate: float = DEFAULT_RATE
    next_funding_ms: int = 0
    depth: tuple[Levels, Levels] = ((), ())
    depth_ms: int = 0

    def whole_book(self) -> tuple[Levels, Levels]:
        """The fetched book, as long as its best levels are still the present ones."""
        bids, asks = self.depth
        still = bool(bids and asks) and bids[0][0] == self.bid and asks[0][0] == self.ask
        return self.depth if still else ((), ())

    def fresh(self, now_ms: int) -> bool:
        """Whether an order may be taken on it."""
        return now_ms - self.seen_ms <= FRESH_MS and now_ms - max(self.book_ms, self.last_ms) <= QUIET_MS


class LivePrices:
    """Present prices of all contracts of the upstream."""

    def __init__(self, rules: Mapping[str, SymbolRules], wall: Wall) -> None:
        self.rules = rules
        self.wall = wall
        self.prices: dict[str, Price] = {}

    def quote(self, symbol: str) -> Quote | None:
        """The quote of a contract; `fresh` by this machine's clock."""
        price, rules = self.prices.get(symbol), self.rules.get(symbol)
        if price is None or rules is None:
            return None
        return Quote(
            symbol=symbol,
            last=price.last,
            mark=price.mark,
            bid=price.bid,
            ask=price.ask,
            bid_qty=price.bid_qty,
            ask_qty=price.ask_qty,
            tick=rules.tick,
            step=rules.step,
            fresh=price.fresh(self.wall.wall_ms()),
            depth=price.whole_book(),
        )

    def current(self, symbol: str) -> tuple[float, int]:
        """(predicted funding rate, next funding time)."""
        price = self.prices.get(symbol)
        return (price.rate, price.next_funding_ms) if price is not None else (DEFAULT_RATE, 0)

    def take_book(self, row: Mapping[str, Any]) -> str | None:
        """A bookTicker event or row; returns the symbol."""
        symbol = row.get("s") or row.get("symbol")
        price = self.prices.get(symbol or "")
        if symbol is None or price is None:
            return None
        bid, ask = number(row.get("b") or row.get("bidPrice")), number(row.get("a") or row.get("askPrice"))
        sizes = [number(row.get(short, row.get(long)), zero=True) for short, long in (("B", "bidQty"), ("A", "askQty"))]
        if bid >= ask:
            raise BadFrame(f"a bid of {bid} over an ask of {ask}")
        price.bid, price.ask, price.bid_qty, price.ask_qty = bid, ask, sizes[0], sizes[1]
        price.seen_ms = price.book_ms = self.wall.wall_ms()
        return str(symbol)

    def take_depth(self, symbol: str, answer: Any) -> None:
        """An answer of `depth`: the whole book, and with it the best bid and ask."""
        price = self.prices[symbol]
        bids, asks = _levels(answer.get("bids"), falling=True), _levels(answer.get("asks"), falling=False)
        if bids[0][0] >= asks[0][0]:
            raise BadFrame(f"a bid of {bids[0][0]} over an ask of {asks[0][0]}")
        price.depth = (bids, asks)
        (price.bid, price.bid_qty), (price.ask, price.ask_qty) = bids[0], asks[0]
        price.seen_ms = price.book_ms = price.depth_ms = self.wall.wall_ms()

    def take_mark(self, row: Mapping[str, Any]) -> str | None:
        """A markPriceUpdate event; COIN-M rows (st 2) are left out."""
        symbol = row.get("s")
        price = self.prices.get(symbol or "")
        if symbol is None or price is None or row.get("st", 1) != 1:
            return None
        mark, rate = number(row.get("p")), Decimal(str(row.get("r") or 0))
        if not rate.is_finite() or abs(rate) > 1:
            raise BadFrame(f"a funding rate of {rate}")
        price.mark, price.rate, price.next_funding_ms = mark, float(rate), int(row.get("T") or 0)
        price.seen_ms = self.wall.wall_ms()
        return str(symbol)

    def take_last(self, row: Mapping[str, Any]) -> str | None:
        """A miniTicker event. A book that nobody watches is moved along with the last price."""
        symbol = row.get("s")
        price = self.prices.get(symbol or "")
        if symbol is None or price is None or row.get("st", 1) != 1:
            return None
        last = number(row.get("c"))
        if self.wall.wall_ms() - price.book_ms > _BOOK_OLD_MS and price.bid + (last - price.last) > 0:
            shift = last - price.last
            price.bid, price.ask = price.bid + shift, price.ask + shift
        price.last = last
        price.seen_ms = price.last_ms = self.wall.wall_ms()
        return str(symbol)

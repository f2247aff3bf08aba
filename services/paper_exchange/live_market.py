"""A mirror of a live venue: its public data passed on as they are, orders matched against its book on paper."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from services.paper_exchange.auth import Raw
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.face import CandleFace
from services.paper_exchange.logic.filling import expire_due
from services.paper_exchange.logic.funding import DEFAULT_RATE
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.reject import Reject
from services.paper_exchange.logic.rules import SymbolRules
from services.paper_exchange.logic.settling import Fall, check_margins, pay_funding
from services.paper_exchange.logic.streams import Stream
from services.paper_exchange.logic.triggers import Move, on_move
from services.paper_exchange.sources.upstream import Upstream
from services.paper_exchange.wall import Wall

FRESH_MS = 15_000
"""Prices older than this are stale: no order is taken on them."""
_ALWAYS = ("!markPrice@arr@1s", "!miniTicker@arr")


@dataclass(slots=True)
class Price:
    """What is known of a contract's price, as Decimals from the upstream's own texts."""

    last: Decimal
    mark: Decimal
    bid: Decimal
    ask: Decimal
    bid_qty: Decimal
    ask_qty: Decimal
    seen_ms: int
    book_ms: int = 0
    rate: float = DEFAULT_RATE
    next_funding_ms: int = 0


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
            fresh=self.wall.wall_ms() - price.seen_ms <= FRESH_MS,
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
        bid, ask = row.get("b") or row.get("bidPrice"), row.get("a") or row.get("askPrice")
        if not bid or not ask or Decimal(bid) <= 0 or Decimal(ask) <= 0:
            return None
        price.bid, price.ask = Decimal(bid), Decimal(ask)
        price.bid_qty, price.ask_qty = Decimal(row.get("B") or row["bidQty"]), Decimal(row.get("A") or row["askQty"])
        price.seen_ms = price.book_ms = self.wall.wall_ms()
        return str(symbol)

    def take_mark(self, row: Mapping[str, Any]) -> str | None:
        """A markPriceUpdate event; COIN-M rows (st 2) are left out."""
        symbol = row["s"]
        price = self.prices.get(symbol)
        if price is None or row.get("st", 1) != 1:
            return None
        price.mark = Decimal(row["p"])
        price.rate, price.next_funding_ms = float(row.get("r") or 0.0), int(row.get("T") or 0)
        price.seen_ms = self.wall.wall_ms()
        return str(symbol)

    def take_last(self, row: Mapping[str, Any]) -> str | None:
        """A miniTicker event. A book that nobody watches is moved along with the last price."""
        symbol = row["s"]
        price = self.prices.get(symbol)
        if price is None or row.get("st", 1) != 1:
            return None
        last = Decimal(row["c"])
        if self.wall.wall_ms() - price.book_ms > 2000:
            shift = last - price.last
            price.bid, price.ask = price.bid + shift, price.ask + shift
        price.last = last
        price.seen_ms = self.wall.wall_ms()
        return str(symbol)


class LiveMarket:
    """Market of a live mirror."""

    def __init__(self, exchange: Exchange, prices: LivePrices, head: Mapping[str, Any], offset_ms: int) -> None:
        self.exchange = exchange
        self.prices = prices
        self.head = head
        self.note = ""
        self.offset_ms = offset_ms
        self.start_ms = self.now_ms()
        options = exchange.options
        self.upstream = Upstream(options.upstream.rstrip("/"), options.upstream_stream.rstrip("/"), self.on_frame)
        self._books: set[str] = set()
        for name in _ALWAYS:
            self.upstream.want(name, wanted=True)
        exchange.hub.on_change = self._changed

    @property
    def face(self) -> CandleFace:
        """A mirror has no answers of its own."""
        raise Reject(-1000, "This endpoint has no answer on a live mirror.")

    def now_ms(self) -> int:
        """The upstream's time, reckoned from this machine's."""
        return max(self.exchange.desk.time_ms, self.exchange.wall.wall_ms() + self.offset_ms)

    def position(self) -> str:
        """A live market stands nowhere."""
        return ""

    @property
    def scale(self) -> float:
        """Real time."""
        return 1.0

    @property
    def slack_ms(self) -> int:
        """None."""
        return 0

    def status(self) -> dict[str, Any]:
        """Source and staleness."""
        now = self.exchange.wall.wall_ms()
        ages = {symbol: now - price.seen_ms for symbol, price in self.prices.prices.items()}
        stale = sorted(symbol for symbol, age in ages.items() if age > FRESH_MS)
        return {
            "market": "live",
            "synthetic": False,
            "source": self.upstream.base,
            "note": self.note,
            "symbols": len(self.prices.rules),
            "start_ms": self.start_ms,
            "end_ms": None,
            "ended": False,
            "paused": False,
            "state": "running" if len(stale) < len(ages) else "stale",
            "connected": all(stream.connected for stream in self.upstream.streams.values()),
            "staleness": {"stale_symbols": stale[:20], "stale_count": len(stale), "age_ms": min(ages.values(), default=0)},
        }

    def _changed(self, stream: Stream, wanted: bool) -> None:  # noqa: FBT001 - a callback of two values
        if stream.name not in _ALWAYS and stream.name not in self._books:
            self.upstream.want(stream.name, wanted=wanted)

    def watch(self) -> None:
        """Keep the book streams of contracts with positions or orders."""
        desk = self.exchange.desk
        held = {position.symbol for account in desk.accounts.values() for position in account.held()}
        books = {f"{symbol.lower()}@bookTicker" for symbol in held | set(desk.working)}
        for name in books - self._books:
            self.upstream.want(name, wanted=True)
        for name in self._books - books:
            if not self.exchange.hub.listens(name):
                self.upstream.want(name, wanted=False)
        self._books = books

    def on_frame(self, name: str, data: bytes, payload: Any) -> None:
        """A frame from the upstream: let orders react, then pass it on as it is."""
        rows = payload if isinstance(payload, list) else [payload]
        takers = {
            "bookTicker": self.prices.take_book,
            "markPriceUpdate": self.prices.take_mark,
            "24hrMiniTicker": self.prices.take_last,
        }
        moved = False
        for row in rows:
            take = takers.get(row.get("e", ""))
            symbol = row.get("s", "")
            before = self.prices.prices.get(symbol)
            start = before.last if before is not None else None
            if take is not None and before is not None:
                self._fund(symbol, before, row)
            if take is not None and take(row) is not None and start is not None and symbol in self.exchange.desk.working:
                self._move(symbol, start)
                moved = True
        if rows and rows[0].get("e") == "markPriceUpdate":
            self.exchange.begin()
            check_margins(self.exchange.desk, Fall({}))
            moved = True
        if moved:
            self.exchange.flush()
            self.watch()
        self.exchange.hub.publish(name, data)

    def _fund(self, symbol: str, price: Price, row: Mapping[str, Any]) -> None:
        """Settle a funding when the upstream has moved on to the next one: the last rate that was announced, at the present mark."""
        coming = row.get("T") if row.get("e") == "markPriceUpdate" else None
        if coming and price.next_funding_ms and coming > price.next_funding_ms:
            self.exchange.begin()
            pay_funding(self.exchange.desk, symbol, Decimal(repr(price.rate)))
            self.exchange.flush()

    def _move(self, symbol: str, start: Decimal) -> None:
        quote = self.prices.quote(symbol)
        if quote is not None:
            self.exchange.begin()
            expire_due(self.exchange.desk)
            on_move(self.exchange.desk, Move(start, quote, jump=True))

    async def refresh(self, symbol: str) -> None:
        """Fetch the book of a contract whose book stream is not followed yet, before an order is matched against it."""
        price = self.prices.prices.get(symbol)
        if price is None or self.exchange.wall.wall_ms() - price.book_ms < 1000:
            return
        try:
            answer = await self.upstream.rest.get("/fapi/v1/ticker/bookTicker", f"symbol={symbol}")
        except httpx.HTTPError:
            # The order is refused as stale if nothing else has refreshed the price.
            return
        if answer.status_code == 200:
            self.prices.take_book(answer.json())

    async def forward(self, raw: Raw) -> tuple[int, bytes, dict[str, str]]:
        """A public request answered by the upstream; 503 (-1001) when it does not answer."""
        keep = 30.0 if raw.path.endswith("exchangeInfo") else 1.0
        try:
            answer = await self.upstream.rest.get(raw.path, raw.query.decode("latin-1"), keep_s=keep)
        except httpx.HTTPError as error:
            raise Reject(-1001, f"The upstream venue did not answer ({type(error).__name__}).", 503) from error
        kept = {name: value for name, value in answer.headers.items() if name.startswith("x-mbx") or name == "retry-after"}
        return answer.status_code, answer.content, kept

    async def run(self) -> None:
        """Follow the upstream's streams."""
        async with asyncio.TaskGroup() as group:
            for stream in self.upstream.streams.values():
                group.create_task(stream.run())

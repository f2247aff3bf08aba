"""A mirror of a live venue: its public data passed on as they are, orders matched against its book on paper."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import httpx

from services.paper_exchange.auth import Raw
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.face import CandleFace
from services.paper_exchange.live_prices import BadFrame, LivePrices
from services.paper_exchange.logic.filling import expire_due
from services.paper_exchange.logic.reject import Reject
from services.paper_exchange.logic.settling import Fall, check_margins, pay_funding
from services.paper_exchange.logic.streams import Stream
from services.paper_exchange.logic.triggers import Move, on_move
from services.paper_exchange.sources.upstream import Upstream
from shared.domain.errors import ConfigError

_LOG = logging.getLogger("mraster.paper_exchange")
_LOOK_EVERY_S = 300.0
_DEPTH_KEPT_MS = 500
_ALWAYS = ("!markPrice@arr@1s", "!miniTicker@arr")


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
        self.look_again: Callable[[], Awaitable[None]] | None = None
        self.bad_frames = 0
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
        stale = sorted(symbol for symbol, price in self.prices.prices.items() if not price.fresh(now))
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
            "bad_frames": self.bad_frames + sum(stream.bad_frames for stream in self.upstream.streams.values()),
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
        """A frame from the upstream: let orders react, then pass it on as it is. One that cannot be meant is counted and dropped."""
        rows = payload if isinstance(payload, list) else [payload]
        if not all(isinstance(row, dict) for row in rows):
            self._dropped(name, "not an object")
            return
        moved = False
        for row in rows:
            try:
                moved |= self._take(row)
            except BadFrame as error:
                self._dropped(name, str(error))
                if len(rows) == 1:
                    return
        if rows and rows[0].get("e") == "markPriceUpdate":
            self.exchange.begin()
            check_margins(self.exchange.desk, Fall({}))
            moved = True
        if moved:
            self.exchange.flush()
            self.watch()
        self.exchange.hub.publish(name, data)

    def _dropped(self, name: str, reason: str) -> None:
        self.bad_frames += 1
        if self.bad_frames & (self.bad_frames - 1) == 0:
            # the first, second, fourth, eighth, ... so that a broken upstream does not fill the disk
            _LOG.warning("frame %d of the upstream dropped (%s): %s", self.bad_frames, name, reason)

    def _take(self, row: Mapping[str, Any]) -> bool:
        """Take over what a row says; whether orders were looked at."""
        takers = {
            "bookTicker": self.prices.take_book,
            "markPriceUpdate": self.prices.take_mark,
            "24hrMiniTicker": self.prices.take_last,
        }
        take, symbol = takers.get(str(row.get("e"))), str(row.get("s"))
        price = self.prices.prices.get(symbol)
        if take is None or price is None:
            return False
        start, before = price.last, (price.rate, price.next_funding_ms)
        try:
            taken = take(row)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise BadFrame(str(error)) from error
        if taken is None:
            return False
        self._fund(symbol, before, price.next_funding_ms)
        if symbol not in self.exchange.desk.working:
            return False
        self._move(symbol, start)
        return True

    def _fund(self, symbol: str, before: tuple[float, int], coming_ms: int) -> None:
        """Settle a funding when the upstream has moved on to the next one: the last rate that was announced, at the present mark."""
        rate, due_ms = before
        if due_ms and coming_ms > due_ms:
            self.exchange.begin()
            pay_funding(self.exchange.desk, symbol, Decimal(repr(rate)))
            self.exchange.flush()

    def _move(self, symbol: str, start: Decimal) -> None:
        quote = self.prices.quote(symbol)
        if quote is not None:
            self.exchange.begin()
            expire_due(self.exchange.desk)
            on_move(self.exchange.desk, Move(start, quote, jump=True))

    async def refresh(self, symbol: str) -> None:
        """Fetch the book of a contract before an order is matched against it, unless it was fetched just now.

        What cannot be fetched or read is left as it is: the order meets the best bid and ask that the streams brought, with the
        modelled levels behind them, or is refused because they are stale.
        """
        price = self.prices.prices.get(symbol)
        if price is None or self.exchange.wall.wall_ms() - price.depth_ms < _DEPTH_KEPT_MS:
            return
        try:
            answer = await self.upstream.rest.get("/fapi/v1/depth", f"symbol={symbol}&limit=50", keep_s=0.2)
        except httpx.HTTPError:
            return
        if answer.status_code == 200:
            try:
                self.prices.take_depth(symbol, answer.json())
            except (AttributeError, IndexError, TypeError, ValueError) as error:
                self._dropped("depth", str(error))

    async def forward(self, raw: Raw) -> tuple[int, bytes, dict[str, str]]:
        """A public request answered by the upstream; 503 (-1001) when it does not answer."""
        keep = 30.0 if raw.path.endswith("exchangeInfo") else 1.0
        try:
            answer = await self.upstream.rest.get(raw.path, raw.query.decode("latin-1"), keep_s=keep)
        except httpx.HTTPError as error:
            raise Reject(-1001, f"The upstream venue did not answer ({type(error).__name__}).", 503) from error
        if answer.status_code == 200 and answer.content[:1] not in {b"{", b"["}:
            raise Reject(-1001, "The upstream venue answered something that is not JSON.", 503)
        kept = {name: value for name, value in answer.headers.items() if name.startswith("x-mbx") or name == "retry-after"}
        return answer.status_code, answer.content, kept

    async def run(self) -> None:
        """Follow the upstream's streams."""
        async with asyncio.TaskGroup() as group:
            for stream in self.upstream.streams.values():
                group.create_task(stream.run())
            group.create_task(self._keep_contracts())

    async def _keep_contracts(self) -> None:
        """Look at the list of contracts again and again: listings, delistings, changed rules."""
        while self.look_again is not None:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await self.look_again()
            except ConfigError as error:
                _LOG.warning("contracts not read again: %s", error)

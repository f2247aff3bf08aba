"""A scripted venue with a deterministic market: the price of a candle is a function of its number."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Asked, Reply, Stream, VenueServer
from tests.integration.scanner.rig import Running

LENGTH_MS = 300_000
BEGIN = 5_880_000
"""Number of the candle that is open when the market starts."""


def symbol_row(symbol: str, *, status: str = "TRADING", broken: bool = False) -> dict[str, Any]:
    """One row of exchangeInfo; `broken` leaves out a filter that orders need."""
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
    ]
    return {
        "symbol": symbol,
        "contractType": "PERPETUAL",
        "status": status,
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "filters": filters[broken:],
    }


def close_of(bar: int) -> float:
    """The close of a candle."""
    return round(100 + 5 * math.sin(bar / 9) + 2 * math.sin(bar / 2.3), 2)


class Market:
    """What the scripted venue answers. `missing`: candles that it does not have; `symbols` may change."""

    def __init__(self, server: VenueServer, *symbols: str) -> None:
        self.server = server
        self.rows = [symbol_row(symbol) for symbol in symbols]
        self.time_ms = BEGIN * LENGTH_MS + 1_000
        self.missing: set[int] = set()
        self.funding: list[dict[str, Any]] = []
        server.on("GET", "/fapi/v1/time", lambda _: Reply(body={"serverTime": self.time_ms}))
        server.on("GET", "/fapi/v1/exchangeInfo", lambda _: Reply(body={"symbols": self.rows}))
        server.on("GET", "/fapi/v1/ticker/24hr", lambda _: Reply(body=[self._ticker(s) for s in self.symbols]))
        server.on("GET", "/fapi/v1/ticker/bookTicker", lambda _: Reply(body=[self._book(s) for s in self.symbols]))
        server.on("GET", "/fapi/v1/premiumIndex", lambda _: Reply(body=[self._mark(s) for s in self.symbols]))
        server.on("GET", "/fapi/v1/fundingInfo", lambda _: Reply(body=self.funding))
        server.on("GET", "/fapi/v1/klines", self.klines)

    @property
    def symbols(self) -> list[str]:
        return [row["symbol"] for row in self.rows]

    def klines(self, asked: Asked) -> Reply:
        """Closed candles of the asked stretch, without the missing ones."""
        first, last = int(asked.params["startTime"]) // LENGTH_MS, int(asked.params["endTime"]) // LENGTH_MS
        bars = [bar for bar in range(first, last + 1) if bar not in self.missing and (bar + 1) * LENGTH_MS <= self.time_ms]
        return Reply(body=[self.row(bar) for bar in bars[: int(asked.params["limit"])]])

    def row(self, bar: int) -> list[Any]:
        """A kline row."""
        opened, close = close_of(bar - 1), close_of(bar)
        high, low = max(opened, close) + 0.05, min(opened, close) - 0.05
        start = bar * LENGTH_MS
        prices = [f"{price:.2f}" for price in (opened, high, low, close)]
        return [start, *prices, "1000", start + LENGTH_MS - 1, f"{close * 1000:.2f}", 10, "500", "50000", "0"]

    def frame(self, symbol: str, bar: int, *, event_ms: int = 0) -> dict[str, Any]:
        """The close of a candle as the stream tells it."""
        _, o, h, lo, c, v, end, q, *_ = self.row(bar)
        event = event_ms or end + 1
        self.time_ms = max(self.time_ms, event)
        kline = {"t": bar * LENGTH_MS, "T": end, "s": symbol, "i": "5m", "f": 1, "L": 10, "o": o, "c": c, "h": h, "l": lo}
        return {"e": "kline", "E": event, "s": symbol, "k": {**kline, "v": v, "n": 10, "x": True, "q": q, "V": "1", "Q": "1", "B": "0"}}

    def book_frame(self, symbol: str, time_ms: int) -> dict[str, Any]:
        """A book update: time goes on."""
        self.time_ms = max(self.time_ms, time_ms)
        return {"e": "bookTicker", "u": 1, "s": symbol, "b": "99.99", "B": "1", "a": "100.01", "A": "1", "T": time_ms, "E": time_ms}

    def _ticker(self, symbol: str) -> dict[str, Any]:
        prices = dict.fromkeys(("lastPrice", "openPrice", "highPrice", "lowPrice", "weightedAvgPrice"), "100")
        volumes = {"volume": "1000", "quoteVolume": "28800000", "priceChangePercent": "1", "priceChange": "1", "lastQty": "1"}
        times = {"openTime": self.time_ms - 86_400_000, "closeTime": self.time_ms, "firstId": 1, "lastId": 2, "count": 2}
        return {"symbol": symbol, **prices, **volumes, **times}

    def _book(self, symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "bidPrice": "99.99", "bidQty": "1", "askPrice": "100.01", "askQty": "1", "time": self.time_ms}

    def _mark(self, symbol: str) -> dict[str, Any]:
        prices = {"markPrice": "100", "indexPrice": "100", "estimatedSettlePrice": "100"}
        rates = {"lastFundingRate": "0.00001", "interestRate": "0.0001"}
        return {"symbol": symbol, **prices, **rates, "nextFundingTime": (BEGIN + 50) * LENGTH_MS, "time": self.time_ms}

    async def subscribed(self, symbol: str) -> Stream:
        """The connection that carries a symbol's candles."""
        name = f"{symbol.lower()}@kline_5m"

        def found() -> list[Stream]:
            return [stream for stream in self.server.streams if stream.open and name in stream.subscribed]

        return (await self._eventually(found, name))[0]

    async def _eventually(self, found: Callable[[], list[Stream]], name: str) -> list[Stream]:
        streams: list[Stream] = await eventually(found, what=f"subscription to {name}")
        return streams

    async def push(self, *frames: dict[str, Any]) -> None:
        """Send frames on every connection that carries them."""
        for frame in frames:
            await self.subscribed(frame["s"])
            name = f"{frame['s'].lower()}@{'bookTicker' if frame['e'] == 'bookTicker' else 'kline_5m'}"
            for carrier in [stream for stream in self.server.streams if stream.open and name in stream.subscribed]:
                await carrier.push({"stream": name, "data": frame})


async def idle(running: Running) -> None:
    """Wait until nothing has been in hand for a while."""
    calm = 0
    while calm < 20:
        calm = calm + 1 if running.ctx.activity.snapshot()["busy"] == 0 else 0
        await asyncio.sleep(0.005)

"""A venue of which only the market exists: many contracts on one path, whose candles all close at the same moment.

Light on purpose: what a benchmark measures is the scanner, not the paper venue. Frames are made before the clock starts.
"""

import asyncio
import time
from typing import Any

import numpy as np
import orjson

from benchmarks.funnel import FRAME
from shared.indicators.types import Floats
from tests.fakes.venue_server import Asked, Reply, Stream, VenueServer

BEGIN = 5_880_000
"""Number of the first candle of the path."""
LIMITS = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 10**7},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
]
"""No limit that a start could run into: waiting for weight is not what is measured."""
_FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.0001", "maxPrice": "1000000", "tickSize": "0.0001"},
    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000000", "stepSize": "0.001"},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    {"filterType": "MIN_NOTIONAL", "notional": "5"},
]


class Upstream:
    """Answers like a venue whose time is `newest + 1` candles after the beginning. `path` holds closes, one per candle."""

    def __init__(self, server: VenueServer, symbols: int, path: Floats, newest: int) -> None:
        self.server = server
        self.symbols = [f"C{n:03}USDT" for n in range(symbols)]
        self.newest = newest
        self._rows = [self._row(bar, path) for bar in range(len(path))]
        answers = {"exchangeInfo": self._info, "ticker/24hr": self._tickers, "ticker/bookTicker": self._books, "premiumIndex": self._marks}
        for name, answer in answers.items():
            server.on("GET", f"/fapi/v1/{name}", lambda _, answer=answer: Reply(body=answer()))  # type: ignore[misc]
        server.on("GET", "/fapi/v1/time", lambda _: Reply(body={"serverTime": self.now_ms}, headers={"X-MRASTER-SPEED": "0"}))
        server.on("GET", "/fapi/v1/fundingInfo", Reply(body=[]))
        server.on("GET", "/fapi/v1/klines", self._klines)

    @property
    def now_ms(self) -> int:
        """Venue time: a second into the candle after the newest closed one."""
        return FRAME.open_ms(BEGIN + self.newest + 1) + 1_000

    def _row(self, bar: int, path: Floats) -> list[Any]:
        """One kline, the same for all contracts."""
        opened, close = float(path[max(bar - 1, 0)]), float(path[bar])
        start = FRAME.open_ms(BEGIN + bar)
        prices = [f"{p:.4f}" for p in (opened, max(opened, close) * 1.0005, min(opened, close) * 0.9995, close)]
        return [start, *prices, "30000", start + FRAME.length_ms - 1, f"{close * 30000:.2f}", 100, "15000", "1500000", "0"]

    def _klines(self, asked: Asked) -> Reply:
        first = int(asked.params["startTime"]) // FRAME.length_ms - BEGIN
        last = min(int(asked.params["endTime"]) // FRAME.length_ms - BEGIN, self.newest)
        return Reply(body=self._rows[max(first, 0) : last + 1][: int(asked.params["limit"])])

    def _info(self) -> dict[str, Any]:
        common = {"contractType": "PERPETUAL", "status": "TRADING", "quoteAsset": "USDT", "pricePrecision": 4, "quantityPrecision": 3}
        rows = [{"symbol": s, "baseAsset": s.removesuffix("USDT"), **common, "filters": _FILTERS} for s in self.symbols]
        return {"symbols": rows, "rateLimits": LIMITS}

    def _tickers(self) -> list[dict[str, Any]]:
        prices = dict.fromkeys(("lastPrice", "openPrice", "highPrice", "lowPrice"), "100")
        rest = {"priceChangePercent": "1", "volume": "8640000", "quoteVolume": "864000000", "count": 2, "closeTime": self.now_ms}
        return [{"symbol": symbol, **prices, **rest} for symbol in self.symbols]

    def _books(self) -> list[dict[str, Any]]:
        book = {"bidPrice": "99.99", "bidQty": "1", "askPrice": "100.01", "askQty": "1", "time": self.now_ms}
        return [{"symbol": symbol, **book} for symbol in self.symbols]

    def _marks(self) -> list[dict[str, Any]]:
        mark = {"markPrice": "100.01", "indexPrice": "100", "lastFundingRate": "0.0001", "time": self.now_ms}
        return [{"symbol": symbol, **mark, "nextFundingTime": self.now_ms + 3_600_000} for symbol in self.symbols]

    # --- the moment of the close -----------------------------------------------------------------------------------

    async def close(self) -> tuple[float, float]:
        """Books and marks of the moment before, then the closes of all contracts: when the first frame left, and the last."""
        bar = self.newest + 1
        close_ms = FRAME.close_ms(BEGIN + bar)
        streams = [stream for stream in self.server.streams if stream.open]
        plan = [(stream, self._frames(stream, bar, close_ms)) for stream in streams]
        await asyncio.gather(*(self._facts(stream, close_ms) for stream in streams))
        await asyncio.sleep(0.3)
        self.newest = bar
        begin = time.perf_counter()
        await asyncio.gather(*(stream.push(*frames) for stream, frames in plan))
        return begin, time.perf_counter()

    def _frames(self, stream: Stream, bar: int, close_ms: int) -> list[bytes]:
        """The close frames that a connection carries."""
        start, o, h, lo, c, v, end, q, trades, *_ = self._rows[bar]
        frames = []
        for symbol in self.symbols:
            name = f"{symbol.lower()}@kline_{FRAME.interval}"
            if name in stream.subscribed:
                kline = {"t": start, "T": end, "s": symbol, "i": FRAME.interval, "f": 1, "L": 9, "o": o, "c": c, "h": h, "l": lo, "v": v}
                data = {
                    "e": "kline",
                    "E": close_ms + 5,
                    "s": symbol,
                    "k": {**kline, "n": trades, "x": True, "q": q, "V": "1", "Q": "1", "B": "0"},
                }
                frames.append(orjson.dumps({"stream": name, "data": data}))
        return frames

    async def _facts(self, stream: Stream, close_ms: int) -> None:
        """Fresh books and marks of what a connection carries."""
        time_ms, names = close_ms - 50, stream.subscribed
        for symbol in self.symbols:
            name = f"{symbol.lower()}@bookTicker"
            if name in names or "!bookTicker" in names:
                data = {"e": "bookTicker", "u": 1, "s": symbol, "b": "99.99", "B": "1", "a": "100.01", "A": "1", "T": time_ms, "E": time_ms}
                await stream.push({"stream": name if name in names else "!bookTicker", "data": data})
        if "!markPrice@arr" in names:
            mark = {"e": "markPriceUpdate", "E": time_ms, "p": "100.01", "i": "100", "P": "100", "r": "0.0001", "T": close_ms + 3_600_000}
            await stream.push({"stream": "!markPrice@arr", "data": [{**mark, "s": symbol} for symbol in self.symbols]})


def path(candles: int, seed: int) -> Floats:
    """A price that drifts up and trembles, so that its RSI crosses the bound again and again."""
    dice = np.random.default_rng(seed)
    closes: Floats = 100 * np.exp(np.cumsum(dice.normal(0.0002, 0.0025, candles)))
    return closes

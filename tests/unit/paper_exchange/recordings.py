"""Small recordings written by hand, and a lock-step venue over them that is asked without sockets."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from services.paper_exchange.candle_market import CandleMarket
from services.paper_exchange.markets import build_exchange, plan_replay
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.service import build_app
from services.paper_exchange.store import Store
from tests.unit.paper_exchange.asgi import Direct, StillWall

T0 = 1_760_000_400_000 // 3_600_000 * 3_600_000
MINUTE = 60_000
Tape = list[tuple[int, float, float, bool]]
"""(ms after T0, price, quantity, whether the buyer was the maker)."""


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def trades(path: Path, tape: Tape, symbol: str = "AUSDT", market: str = "um") -> Path:
    return write(
        path,
        [
            {
                "symbol": symbol,
                "market": market,
                "trade_time": T0 + at,
                "price": price,
                "qty": qty,
                "is_buyer_maker": maker,
                "trade_id": 100 + n,
            }
            for n, (at, price, qty, maker) in enumerate(tape)
        ],
    )


def books(path: Path, rows: list[tuple[int, float, float, float, float]], symbol: str = "AUSDT") -> Path:
    """Rows of (ms after T0, bid, quantity, ask, quantity)."""
    names = ("transaction_time", "bid_price", "bid_qty", "ask_price", "ask_qty")
    return write(path, [{"symbol": symbol, **dict(zip(names, (T0 + row[0], *row[1:]), strict=True))} for row in rows])


def candles(path: Path, closes: list[float], *, length: int = MINUTE, symbol: str = "AUSDT", start: int = T0, volume: float = 10.0) -> Path:
    """Candles that open where the last one closed and reach 0.5 beyond."""
    rows = []
    for n, close in enumerate(closes):
        opened, at = closes[max(0, n - 1)], start + n * length
        prices = {"open": opened, "high": max(opened, close) + 0.5, "low": min(opened, close) - 0.5, "close": close}
        rows.append({"symbol": symbol, "open_time": at, **prices, "volume": volume, "close_time": at + length - 1})
    return write(path, rows)


def marks(path: Path, rows: list[tuple[int, float, float, float, float]], *, length: int = 3_600_000, symbol: str = "AUSDT") -> Path:
    """Mark candles of (number of the candle, open, high, low, close); the file's name has to hold the word mark."""
    names = ("open", "high", "low", "close")
    return write(path, [{"symbol": symbol, "open_time": T0 + row[0] * length, **dict(zip(names, row[1:], strict=True))} for row in rows])


class Replayed(Direct):
    """A lock-step replay of files."""

    def __init__(self, *paths: Path, **words: Any) -> None:
        options = Options(**{"market": MarketKind.REPLAY, "lock_step": True, "limits": False, "warmup": 1, "paths": paths, **words})
        self.wall = StillWall()
        self.exchange = build_exchange(options, plan_replay(options), Store(None), self.wall)
        self.app = build_app(self.exchange)
        self.loop = asyncio.new_event_loop()
        assert isinstance(self.exchange.market, CandleMarket)
        self.market = self.exchange.market
        self.tape = self.market.venue.tape

    def until(self, at: int) -> None:
        """Steps until T0 + `at` milliseconds are reached."""
        while self.exchange.desk.time_ms < T0 + at and self.market.pacer.step() is not None:
            pass
        self.wall.now_ms = self.exchange.now_ms()

    def get(self, path: str, **params: Any) -> Any:
        """A public answer."""
        query = "&".join(f"{name}={value}" for name, value in params.items()).encode()
        status, body, _ = self.call("GET", f"/fapi/v1/{path}", query)
        assert status == 200, body
        return orjson.loads(body)

    def order(self, **params: Any) -> Any:
        status, body = self.signed("POST", "/fapi/v1/order", symbol="AUSDT", newOrderRespType="RESULT", **params)
        assert status == 200, body
        return body

    def conditional(self, **params: Any) -> Any:
        status, body = self.signed("POST", "/fapi/v1/algoOrder", **params)
        assert status == 200, body
        return body

    def state(self, order: Any) -> Any:
        return self.signed("GET", "/fapi/v1/order", symbol="AUSDT", orderId=order["orderId"])[1]

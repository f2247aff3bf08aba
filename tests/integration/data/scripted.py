"""A scripted venue with candles and fundings whose values follow from their time, and a way to run the command against it."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.commands.data_plan import Order
from tests.fakes.venue_server import Asked, Reply, VenueServer

ROOT = Path(__file__).resolve().parents[3]
MINUTE_MS = 60_000
T0 = 1_760_000_400_000
NOW = T0 + 20_000 * MINUTE_MS + 31_000
MISSING = (T0 + 700 * MINUTE_MS, T0 + 710 * MINUTE_MS)
"""A halt: the venue has no candles here."""


def price(time_ms: int) -> float:
    return 100 + (time_ms // MINUTE_MS) % 977 / 100


def kline(time_ms: int) -> list[Any]:
    first, second = price(time_ms), price(time_ms + MINUTE_MS)
    low, high = min(first, second) - 0.05, max(first, second) + 0.05
    prices = [f"{value:.2f}" for value in (first, high, low, second)]
    return [time_ms, *prices, "12.5", time_ms + MINUTE_MS - 1, "1250.00", 7, "6.0", "600.00", "0"]


def klines(asked: Asked) -> Reply:
    start, end = int(asked.params["startTime"]), min(int(asked.params.get("endTime", NOW)), NOW)
    first = max(T0, -(-start // MINUTE_MS) * MINUTE_MS)
    last = min(end + 1, first + 2000 * MINUTE_MS)
    rows = [kline(at) for at in range(first, last, MINUTE_MS) if not MISSING[0] <= at < MISSING[1]]
    return Reply(body=rows[: int(asked.params["limit"])])


def fundings(asked: Asked) -> Reply:
    length = 8 * 3_600_000
    first = -(-int(asked.params["startTime"]) // length) * length
    rows = [
        {"symbol": asked.params["symbol"], "fundingTime": at + 3, "fundingRate": "0.00010000", "markPrice": f"{price(at):.8f}"}
        for at in range(first, int(asked.params["endTime"]) + 1, length)
    ]
    return Reply(body=rows[: int(asked.params["limit"])])


def contract(symbol: str, quote: str = "USDT") -> dict[str, Any]:
    filters = [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "100000", "tickSize": "0.01"},
        {"filterType": "LOT_SIZE", "minQty": "0.1", "maxQty": "10000", "stepSize": "0.1"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    ]
    names = {"symbol": symbol, "baseAsset": symbol.removesuffix(quote), "quoteAsset": quote, "contractType": "PERPETUAL"}
    return {**names, "status": "TRADING", "pricePrecision": 2, "quantityPrecision": 1, "onboardDate": 0, "filters": filters}


def script(server: VenueServer, *, klines_answer: Callable[[Asked], Reply] = klines) -> None:
    """Everything that a download asks for."""
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
    ]
    contracts = [contract("AAAUSDT"), contract("BBBUSDT"), contract("CCCUSDC", "USDC")]
    server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": NOW}))
    server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"rateLimits": limits, "symbols": contracts}))
    server.on("GET", "/fapi/v1/fundingInfo", Reply(body=[{"symbol": "AAAUSDT", "fundingIntervalHours": 8}]))
    server.on("GET", "/fapi/v1/fundingRate", fundings)
    server.on("GET", "/fapi/v1/klines", klines_answer)
    server.on("GET", "/fapi/v1/markPriceKlines", klines_answer)
    server.on("GET", "/fapi/v1/indexPriceKlines", klines_answer)


def order(server: VenueServer, folder: Path, **changes: Any) -> Order:
    wanted: dict[str, Any] = {
        "base": server.http_url,
        "dialect": None,
        "intervals": ("1m",),
        "kinds": ("klines",),
        "symbols": ("AAAUSDT",),
        "quote": "USDT",
        "start": str(T0),
        "end": str(T0 + 3000 * MINUTE_MS),
        "funding": False,
        "folder": folder,
    }
    return Order(**{**wanted, **changes})


async def command(*arguments: str) -> asyncio.subprocess.Process:
    """The command line in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "data", *arguments, cwd=ROOT, stdout=pipe, stderr=pipe
    )

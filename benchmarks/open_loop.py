"""Requests at a fixed rate, whatever the answers do: latencies count from the moment when a request was due."""

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from urllib.parse import urlencode

import orjson
import psutil

from tests.integration.paper_exchange.harness import KEY, SECRET

CONNECTIONS = 32


_MARKET = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.001", "newOrderRespType": "RESULT"}
_LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001", "price": "{price}"}
MIX: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("POST", "/fapi/v1/order", {**_MARKET, "side": "BUY"}),
    ("POST", "/fapi/v1/order", {**_LIMIT, "newClientOrderId": "bench-{number}"}),
    ("GET", "/fapi/v3/positionRisk", {}),
    ("GET", "/fapi/v1/openOrders", {"symbol": "BTCUSDT"}),
    ("POST", "/fapi/v1/order", {**_MARKET, "side": "SELL"}),
    ("DELETE", "/fapi/v1/allOpenOrders", {"symbol": "BTCUSDT"}),
    ("GET", "/fapi/v3/account", {}),
    ("GET", "/fapi/v1/userTrades", {"symbol": "BTCUSDT", "limit": "20"}),
)
"""Of eight mixed requests four change orders and four read."""


class Load(StrEnum):
    """What is asked."""

    PING = "ping"
    MIXED = "mixed"


def figure(name: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"bench {name} {value:.6g} {unit}", flush=True)


def used_seconds(pid: int) -> float:
    """What a process has used so far; on a machine that is shared this says more than the clock."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


@dataclass(frozen=True, slots=True)
class Found:
    """What a load met: achieved rate (1/s), latencies (s, sorted), processor time of the server per request, answers other than 200."""

    rate: float
    latencies: list[float]
    processor_ms: float
    refused: int

    def quantile_ms(self, share: float) -> float:
        """A quantile of the latencies in milliseconds."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


def signed(method: str, path: str, **words: str) -> bytes:
    """A signed request on a kept connection."""
    query = urlencode({**words, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
    head = f"{method} {path}?{query}&signature={signature} HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {KEY}\r\nContent-Length: 0\r\n\r\n"
    return head.encode()


def request(number: int, load: Load, price: str) -> bytes:
    """The request of a number."""
    if load is Load.PING:
        return b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    method, path, words = MIX[number % len(MIX)]
    shown = {name: text.format(price=price, number=number) for name, text in words.items()}
    return signed(method, path, **shown)


async def ask(line: tuple[asyncio.StreamReader, asyncio.StreamWriter], text: bytes) -> tuple[int, bytes]:
    """(status, body) of one request."""
    reader, writer = line
    writer.write(text)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    place = lower.index(b"content-length:") + 15
    body = await reader.readexactly(int(lower[place : lower.index(b"\r\n", place)]))
    return int(head[9:12]), body


async def open_loop(url: str, pid: int, load: Load, how: tuple[float, float]) -> Found:
    """Send `how` = (requests per second, seconds) to a venue whose process is `pid`."""
    rate, seconds = how
    host, port = url.removeprefix("http://").split(":")
    lines: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        lines.put_nowait(await asyncio.open_connection(host, int(port)))
    line = await lines.get()
    _, body = await ask(line, b"GET /fapi/v1/ticker/price?symbol=BTCUSDT HTTP/1.1\r\nHost: x\r\n\r\n")
    lines.put_nowait(line)
    price = f"{float(orjson.loads(body)['price']) * 0.97:.0f}"
    latencies: list[float] = []
    refused = count()

    async def one(number: int, due: float) -> None:
        line = await lines.get()
        status, _ = await ask(line, request(number, load, price))
        lines.put_nowait(line)
        latencies.append(time.perf_counter() - due)
        if status != 200:
            next(refused)

    used, start = used_seconds(pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(number, due))
    took = time.perf_counter() - start
    while not lines.empty():
        lines.get_nowait()[1].close()
    spent = (used_seconds(pid) - used) / len(latencies) * 1000
    return Found(len(latencies) / took, sorted(latencies), spent, next(refused))

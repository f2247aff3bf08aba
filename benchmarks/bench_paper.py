"""The paper venue: replay speed, requests, streams, memory. One line per figure: `bench <name> <value> <unit>`."""

import asyncio
import hashlib
import hmac
import os
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import orjson
import psutil
from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.integration.paper_exchange.harness import KEY, SECRET, PaperVenue, write_candles

CLIENTS = 16
REQUESTS = 3000
DAY_MS = 86_400_000


def figure(name: str, value: float, unit: str) -> None:
    print(f"bench {name} {value:.6g} {unit}", flush=True)


def data_file(folder: Path) -> Path:
    """The recorded five-minute candles of 80 contracts where they are given, else generated ones of 20."""
    where = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - the benchmarks' own switch
    for path in (Path(where) / "data" / "klines_5m.parquet", Path(where) / "klines_5m.parquet"):
        if where and path.is_file():
            return path
    return write_candles(folder / "candles.csv", symbols=20, minutes=3000)


def processor_seconds(venue: PaperVenue) -> float:
    """What the venue's process has used so far; on a machine that is shared this says more than the clock."""
    times = psutil.Process(venue.pid).cpu_times()
    return float(times.user + times.system)


def wait_for_end(venue: PaperVenue) -> float:
    """Seconds until the replay is over."""
    start = time.monotonic()
    while not venue.get("/paper/v1/status")["ended"]:
        time.sleep(0.02)
    return time.monotonic() - start


def bench_replay(path: Path) -> None:
    """One day at full speed without clients, and the whole file."""
    with PaperVenue("--market", f"replay:{path}", "--lock-step") as venue:
        status = venue.get("/paper/v1/status")
    start, end, symbols = status["start_ms"], status["end_ms"], status["symbols"]
    for name, until in (("paper_replay_day", min(end, start + DAY_MS)), ("paper_replay_all", end)):
        with PaperVenue("--market", f"replay:{path}", "--speed", "1", "--points", "10", "--end-ms", str(until)) as venue:
            length = venue.get(
                "/fapi/v1/klines", symbol=venue.get("/fapi/v1/exchangeInfo")["symbols"][0]["symbol"], interval=status["interval"], limit=2
            )
            candles = (until - start) / (length[1][0] - length[0][0]) * symbols
            venue.client.post("/paper/v1/speed?speed=max", headers={"X-MBX-APIKEY": KEY})
            before = processor_seconds(venue)
            seconds = wait_for_end(venue)
            figure(f"{name}_candles", candles / seconds, "candles/s")
            figure(f"{name}_candles_processor", candles / (processor_seconds(venue) - before), "candles/s")
            if name.endswith("all"):
                figure("paper_memory", venue.memory_mb(), "MB")


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """One request on a kept connection; returns the status."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    place = lower.index(b"content-length:") + 15
    await reader.readexactly(int(lower[place : lower.index(b"\r\n", place)]))
    return int(head[9:12])


def order_request(number: int) -> bytes:
    """A signed market order, sides in turn."""
    side = "BUY" if number % 2 else "SELL"
    words = {"symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": "0.001", "newOrderRespType": "RESULT"}
    query = urlencode({**words, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
    head = f"POST /fapi/v1/order?{query}&signature={signature} HTTP/1.1\r\nHost: x\r\nX-MBX-APIKEY: {KEY}\r\nContent-Length: 0\r\n\r\n"
    return head.encode()


async def load(venue: PaperVenue, kind: str) -> None:
    """Requests from several kept connections at once."""
    host, port = venue.url.removeprefix("http://").split(":")
    public = b"GET /fapi/v1/ticker/bookTicker?symbol=BTCUSDT HTTP/1.1\r\nHost: x\r\n\r\n"
    times: list[float] = []
    left = iter(range(REQUESTS))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in left:
            request = public if kind == "public" else order_request(number)
            before = time.perf_counter()
            status = await ask(reader, writer, request)
            times.append(time.perf_counter() - before)
            assert status == 200, status
        writer.close()

    used = processor_seconds(venue)
    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    seconds = time.perf_counter() - start
    figure(f"paper_{kind}_processor", (processor_seconds(venue) - used) / REQUESTS * 1000, "ms/request")
    times.sort()
    figure(f"paper_{kind}_requests", REQUESTS / seconds, "requests/s")
    figure(f"paper_{kind}_p50", times[len(times) // 2] * 1000, "ms")
    figure(f"paper_{kind}_p99", times[int(len(times) * 0.99)] * 1000, "ms")


async def streams(venue: PaperVenue) -> None:
    """A thousand subscriptions on one connection, one hundred candles of venue time."""
    symbols = [row["symbol"].lower() for row in venue.get("/fapi/v1/exchangeInfo")["symbols"]]
    kinds = [
        "kline_5m",
        "kline_15m",
        "kline_30m",
        "kline_1h",
        "bookTicker",
        "markPrice@1s",
        "aggTrade",
        "miniTicker",
        "ticker",
        "depth5",
        "depth",
        "kline_4h",
        "kline_1d",
    ]
    names = [f"{symbol}@{kind}" for kind in kinds for symbol in symbols][:1000]
    async with connect(f"{venue.stream}/stream", max_size=None, max_queue=None) as socket:
        await socket.send(orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).decode())
        await socket.recv()
        figure("paper_subscriptions", len(names), "streams")
        start = time.perf_counter()
        total = 0
        for _ in range(20):
            answer = await asyncio.to_thread(venue.step)
            while total + 1 < answer["frames_sent_total"]:
                await socket.recv()
                total += 1
        figure("paper_frames", total / (time.perf_counter() - start), "frames/s")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = data_file(Path(folder))
        bench_replay(path)
        with PaperVenue("--market", f"replay:{path}", "--speed", "1", "--no-limits", "--store", f"{folder}/venue.sqlite") as venue:
            asyncio.run(load(venue, "public"))
            asyncio.run(load(venue, "order"))
        with PaperVenue("--market", f"replay:{path}", "--lock-step", "--slow-frames", "1000000") as venue:
            asyncio.run(streams(venue))


if __name__ == "__main__":
    main()

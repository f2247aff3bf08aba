"""The paper venue: replay speed, requests, streams, memory. One line per figure: `bench <name> <value> <unit>`.

Recorded five-minute candles of 80 contracts are used where MRASTER_TEST_DATA names them, else generated ones.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import orjson
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.open_loop import Load, figure, open_loop, used_seconds
from services.paper_exchange.logic.synthetic import COINS, SyntheticMarket
from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles

__all__ = ["figure", "processor_seconds", "wait_for_end"]

DAY_MS = 86_400_000
RATE, SECONDS = 500.0, 8.0
STREAMS, SOCKETS, STEPS = 1000, 5, 15
KINDS = (
    *("bookTicker", "markPrice@1s", "aggTrade", "miniTicker", "ticker", "depth5", "depth", "depth10", "depth20", "markPrice"),
    *(f"kline_{name}" for name in ("5m", "15m", "30m", "1h", "4h", "1d", "2h", "6h")),
)


def data_file(folder: Path) -> Path:
    """The recorded candles, else one day of generated ones."""
    where = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - the benchmarks' own switch
    for path in (Path(where) / "data" / "klines_5m.parquet", Path(where) / "klines_5m.parquet"):
        if where and path.is_file():
            return path
    return write_candles(folder / "candles.csv", symbols=20, minutes=3000)


def processor_seconds(venue: PaperVenue) -> float:
    """What the venue's process has used so far."""
    return used_seconds(venue.pid)


def wait_for_end(venue: PaperVenue) -> float:
    """Seconds until the replay is over."""
    start = time.monotonic()
    while not venue.get("/paper/v1/status")["ended"]:
        time.sleep(0.02)
    return time.monotonic() - start


def baseline() -> float:
    """Candles per second that this machine can make and sum without a venue around them: what a replay is measured against."""
    market = SyntheticMarket(1, COINS[:20], 0)
    start = time.process_time()
    candles = 0
    while time.process_time() - start < 1.0:
        block = market.block()
        candles += block.width * len(block.symbols)
        block.quote.sum()
    return candles / (time.process_time() - start)


def bench_replay(path: Path) -> None:
    """One day at full speed without clients, and the whole file."""
    with PaperVenue("--market", f"replay:{path}", "--lock-step") as venue:
        status = venue.get("/paper/v1/status")
    start, end, symbols = status["start_ms"], status["end_ms"], status["symbols"]
    for name, until in (("paper_replay_day", min(end, start + DAY_MS)), ("paper_replay_all", end)):
        with PaperVenue("--market", f"replay:{path}", "--speed", "1", "--points", "10", "--end-ms", str(until)) as venue:
            one = venue.get("/fapi/v1/exchangeInfo")["symbols"][0]["symbol"]
            rows = venue.get("/fapi/v1/klines", symbol=one, interval=status["interval"], limit=2)
            candles = (until - start) / (rows[1][0] - rows[0][0]) * symbols
            venue.client.post("/paper/v1/speed?speed=max", headers={"X-MBX-APIKEY": KEY})
            before = processor_seconds(venue)
            seconds = wait_for_end(venue)
            used = processor_seconds(venue) - before
            figure(f"{name}_candles", candles / seconds, "candles/s")
            figure(f"{name}_candles_processor", candles / used, "candles/s")
            figure(f"{name}_against_baseline", candles / used / baseline(), "ratio")
            if name.endswith("all"):
                figure("paper_memory", venue.memory_mb(), "MB")


async def bench_requests(venue: PaperVenue) -> None:
    """Signed orders and reads that come at a fixed rate, whether or not the venue keeps up; then pings, for comparison."""
    baseline_ms = 0.0
    for name, load in (("ping", Load.PING), ("mixed", Load.MIXED)):
        found = await open_loop(venue.url, venue.pid, load, (RATE, SECONDS))
        figure(f"paper_{name}_rate", found.rate, "requests/s")
        figure(f"paper_{name}_p50", found.quantile_ms(0.5), "ms")
        figure(f"paper_{name}_p99", found.quantile_ms(0.99), "ms")
        figure(f"paper_{name}_processor", found.processor_ms, "ms/request")
        figure(f"paper_{name}_refused", found.refused, "requests")
        baseline_ms = baseline_ms or found.processor_ms
        figure(f"paper_{name}_against_ping", found.processor_ms / baseline_ms, "ratio")
        figure(f"paper_{name}_most", 1000 / found.processor_ms, "requests per processor second")
    figure("paper_memory_after_requests", venue.memory_mb(), "MB")


async def drain(socket: ClientConnection, seen: list[str]) -> None:
    """Note the stream of every frame, for ever."""
    async for frame in socket:
        seen.append(orjson.loads(frame)["stream"])  # noqa: PERF401 - others read the list while it grows


async def bench_streams(venue: PaperVenue) -> None:
    """A thousand subscriptions over several connections while candles close: how many deliver, and how fast."""
    symbols = [row["symbol"].lower() for row in venue.get("/fapi/v1/exchangeInfo")["symbols"] if row["status"] == "TRADING"]
    names = [f"{symbol}@{kind}" for kind in KINDS for symbol in symbols][:STREAMS]
    share = -(-len(names) // SOCKETS)
    sockets = [await connect(f"{venue.stream}/stream", max_size=None, max_queue=None) for _ in range(SOCKETS)]
    for number, socket in enumerate(sockets):
        await socket.send(orjson.dumps({"method": "SUBSCRIBE", "params": names[number * share : (number + 1) * share], "id": 1}).decode())
        await socket.recv()
    seen: list[str] = []
    readers = [asyncio.create_task(drain(socket, seen)) for socket in sockets]
    before, start = processor_seconds(venue), time.perf_counter()
    told = 0
    for _ in range(STEPS):
        told = (await asyncio.to_thread(venue.step))["frames_sent_total"]
    async with asyncio.timeout(60):
        while len(seen) + SOCKETS < told:  # noqa: ASYNC110 - the readers tell nobody
            await asyncio.sleep(0.01)
    seconds, used = time.perf_counter() - start, processor_seconds(venue) - before
    for reader in readers:
        reader.cancel()
    figure("paper_subscriptions", len(names), "streams")
    figure("paper_subscriptions_silent", len(set(names) - set(seen)), "streams")
    figure("paper_frames", len(seen) / seconds, "frames/s")
    figure("paper_frames_processor", len(seen) / used, "frames per processor second")
    figure("paper_memory_with_streams", venue.memory_mb(), "MB")
    for socket in sockets:
        await socket.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = data_file(Path(folder))
        bench_replay(path)
        with PaperVenue("--market", f"replay:{path}", "--speed", "1", "--no-limits", "--store", f"{folder}/venue.sqlite") as venue:
            asyncio.run(bench_requests(venue))
        with PaperVenue("--market", f"replay:{path}", "--lock-step", "--slow-frames", "1000000") as venue:
            asyncio.run(bench_streams(venue))


if __name__ == "__main__":
    main()

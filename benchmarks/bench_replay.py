"""Replays of order flow, and downloads. One line per figure: `bench <name> <value> <unit>`."""

import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_paper import figure, processor_seconds, wait_for_end
from services.commands.data_job import run
from services.commands.data_plan import Order
from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles
from tests.unit.paper_exchange.recordings import T0, books, trades


def flow_files(folder: Path) -> tuple[str, int]:
    """(files of a replay, number of trades): the recorded minutes where they are given, else an hour of random ones."""
    where = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - the benchmarks' own switch
    data = Path(where) / "data"
    if where and (data / "trades.parquet").is_file():
        names = ("trades", "book_ticker", "mark_price_stream")
        return ",".join(str(data / f"{name}.parquet") for name in names), 12_935
    rng, price = random.Random(1), 100.0
    tape, book = [], []
    for n in range(14_400):
        price = round(price + rng.choice((-0.01, 0.0, 0.01)), 2)
        tape.append((n * 250, price, round(rng.uniform(0.1, 5), 1), rng.random() < 0.5))
        book.append((n * 250, price, 5.0, round(price + 0.01, 2), 5.0))
    paths = trades(folder / "trades.parquet", tape, symbol="BTCUSDT"), books(folder / "book.parquet", book, symbol="BTCUSDT")
    return ",".join(map(str, paths)), len(tape)


def bench_flow(folder: Path) -> None:
    """Recorded trades at full speed, without orders and with one that each of them has to be shown to."""
    files, count = flow_files(folder)
    for name, order in (("paper_replay_trades", False), ("paper_replay_trades_with_order", True)):
        with PaperVenue("--market", f"replay:{files}", "--symbols", "BTCUSDT", "--speed", "0.01", "--points", "61", "--no-limits") as venue:
            if order:
                price = float(venue.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
                words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
                venue.ask("POST", "/fapi/v1/order", **words, price=f"{price * 0.97:.1f}")
            used = processor_seconds(venue)
            venue.client.post("/paper/v1/speed?speed=max", headers={"X-MBX-APIKEY": KEY})
            wait_for_end(venue)
            figure(name, count / (processor_seconds(venue) - used), "trades/s")


async def bench_download(folder: Path) -> None:
    """Candles from a paper venue into Parquet, and a second run that finds everything there."""
    data = write_candles(folder / "candles.csv", symbols=8, minutes=5000)
    with PaperVenue("--market", f"replay:{data}", "--warmup", "4990", "--start-ms", str(T0 + 4990 * 60_000)) as venue:
        order = Order(
            base=venue.url,
            dialect=None,
            intervals=("1m",),
            kinds=("klines",),
            symbols=(),
            quote="USDT",
            start="30d",
            end="now",
            funding=False,
            folder=folder / "recording",
        )
        for name in ("data_download", "data_download_again"):
            before, used = time.perf_counter(), time.process_time()
            summary = await run(order)
            figure(f"{name}_seconds", time.perf_counter() - before, "s")
            figure(f"{name}_processor", time.process_time() - used, "s")
        figure("data_download_rows", summary.files[0].rows, "candles")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        bench_flow(Path(name))
        asyncio.run(bench_download(Path(name)))


if __name__ == "__main__":
    main()

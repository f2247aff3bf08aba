"""The recordings replayed: what the venue shows is what was recorded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from websockets.asyncio.client import connect

from tests.integration.paper_exchange.harness import PaperVenue

pytestmark = [pytest.mark.integration, pytest.mark.recorded]
MINUTE = 60_000
HOUR = 60 * MINUTE


def rows(path: Path, symbol: str, span: tuple[int, int] | None = None, time: str = "trade_time") -> list[dict[str, Any]]:
    table = pq.read_table(path, filters=[("symbol", "=", symbol)])
    if span is not None:
        table = table.filter(pc.and_(pc.greater_equal(table[time], span[0]), pc.less(table[time], span[1])))
    found: list[dict[str, Any]] = table.to_pylist()
    return found


async def test_single_trades_come_out_as_the_aggregate_ones(recordings: Path) -> None:
    """Made of trades.parquet, told over REST and stream, compared with agg_trades.parquet."""
    data = recordings / "data"
    with PaperVenue(
        "--market", f"replay:{data / 'trades.parquet'},{data / 'book_ticker.parquet'}", "--symbols", "BTCUSDT", "--lock-step"
    ) as venue:
        start = venue.get("/paper/v1/status")["start_ms"]
        end = start + 2 * MINUTE
        seen: list[dict[str, Any]] = []
        async with connect(f"{venue.stream}/stream?streams=btcusdt@aggTrade/btcusdt@bookTicker", max_queue=None) as socket:
            for _ in range(2):
                await asyncio.to_thread(venue.step)
            total = venue.get("/paper/v1/activity")["frames_sent_total"]
            seen += [json.loads(await asyncio.wait_for(socket.recv(), 10))["data"] for _ in range(total)]
        shown = venue.get("/fapi/v1/aggTrades", symbol="BTCUSDT", startTime=start, endTime=end - 1, limit=1000)
    recorded = rows(data / "agg_trades.parquet", "BTCUSDT", (start, end))
    assert len(recorded) > 500
    expected = [
        (row["trade_time"], float(row["price"]), round(row["qty"], 3), row["is_buyer_maker"], row["first_trade_id"]) for row in recorded
    ]
    streamed = [item for item in seen if item["e"] == "aggTrade"]
    assert [(item["T"], float(item["p"]), float(item["q"]), item["m"], item["f"]) for item in streamed] == expected
    assert [(item["T"], float(item["p"]), float(item["q"]), item["m"], item["f"]) for item in shown] == expected[:1000]
    books = {
        row["transaction_time"]: row for row in rows(data / "book_ticker.parquet", "BTCUSDT", (start - MINUTE, end), "transaction_time")
    }
    times = sorted(books)
    for item in (item for item in seen if item["e"] == "bookTicker"):
        latest = books[max(time for time in times if time <= item["T"])]
        assert (float(item["b"]), float(item["a"])) == (latest["bid_price"], latest["ask_price"])


def test_mark_events_of_the_recording(recordings: Path) -> None:
    data = recordings / "data"
    files = ",".join(str(data / f"{name}.parquet") for name in ("agg_trades", "mark_price_stream", "book_ticker"))
    with PaperVenue("--market", f"replay:{files}", "--symbols", "BTCUSDT", "--lock-step") as venue:
        for _ in range(3):
            venue.step()
            venue.step(until="batch")
            shown = venue.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")
            latest = [row for row in rows(data / "mark_price_stream.parquet", "BTCUSDT") if row["event_time"] <= shown["time"]][-1]
            assert float(shown["markPrice"]) == pytest.approx(latest["mark_price"], abs=1e-8)
            assert float(shown["indexPrice"]) == pytest.approx(latest["index_price"], abs=1e-8)
            assert (float(shown["lastFundingRate"]), shown["nextFundingTime"]) == (latest["funding_rate"], latest["next_funding_time"])


def test_marks_beside_the_candles_stay_in_their_recorded_range(recordings: Path) -> None:
    data = recordings / "data"
    wanted = "BTCUSDT,ETHUSDT"
    with PaperVenue(
        "--market", f"replay:{data / 'klines_5m.parquet'}", "--symbols", wanted, "--lock-step", "--start-ms", "1763035200000"
    ) as venue:
        for symbol in wanted.split(","):
            recorded = {row["open_time"]: row for row in rows(data / "mark_klines_1h.parquet", symbol)}
            for _ in range(30):
                step = venue.step(until="batch")
                mark = float(venue.get("/fapi/v1/premiumIndex", symbol=symbol)["markPrice"])
                hour = recorded[step["time_ms"] // HOUR * HOUR]
                assert hour["low"] - 1e-6 <= mark <= hour["high"] + 1e-6
            now = venue.get("/fapi/v1/time")["serverTime"]
            shown = venue.get("/fapi/v1/markPriceKlines", symbol=symbol, interval="1h", endTime=now // HOUR * HOUR - 1, limit=20)
            assert len(shown) == 20
            for row in shown:
                hour = recorded[row[0]]
                assert [float(price) for price in row[1:5]] == pytest.approx([hour[name] for name in ("open", "high", "low", "close")])


def test_a_folder_of_everything(recordings: Path) -> None:
    """The shortest candles set the pace; what does not fit is told; symbols choose a slower clock."""
    data = recordings / "data"
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as venue:
        status = venue.get("/paper/v1/status")
        assert (status["interval"], status["symbols"]) == ("1m", 4)
        assert "left out" in status["note"]
        now = venue.get("/fapi/v1/time")["serverTime"]
        hours = venue.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1h", endTime=now // HOUR * HOUR - 1, limit=50)
        recorded = {row["open_time"]: row for row in rows(data / "klines_1h.parquet", "BTCUSDT")}
        assert [row[8] for row in hours] == [recorded[row[0]]["trades"] for row in hours]
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--symbols", "WIFUSDT,BTCUSDT") as venue:
        assert venue.get("/paper/v1/status")["interval"] == "5m"

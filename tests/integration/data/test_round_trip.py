"""From one paper venue into a recording, and from the recording into another paper venue."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.commands.data_check import check_path
from tests.integration.data.scripted import command
from tests.integration.paper_exchange.harness import PaperVenue, write_candles

pytestmark = pytest.mark.integration
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperVenue]:
    data = write_candles(tmp_path_factory.mktemp("source") / "candles.csv", minutes=1500)
    with PaperVenue("--market", f"replay:{data}", "--warmup", "1490", "--start-ms", "1760090000000") as venue:
        yield venue


async def test_what_was_downloaded_is_replayed_as_it_was(source: PaperVenue, tmp_path: Path) -> None:
    arguments = ["--base", source.url, "--interval", "1m,1h", "--kind", "klines,mark", "--start", "2d", "--out", str(tmp_path), "--json"]
    process = await command("download", *arguments)
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    summary = json.loads(out)
    assert [item["file"] for item in summary["files"]] == [
        "klines_1m.parquet",
        "klines_1h.parquet",
        "mark_klines_1m.parquet",
        "mark_klines_1h.parquet",
        "funding.parquet",
    ]
    assert all(report.sound and not report.gaps for report in check_path(tmp_path))
    with PaperVenue("--market", f"replay:{tmp_path}", "--lock-step") as copy:
        status = copy.get("/paper/v1/status")
        assert (status["interval"], status["symbols"]) == ("1m", 3)
        now = copy.get("/fapi/v1/time")["serverTime"]
        for symbol in SYMBOLS:
            for interval in ("1m", "1h"):
                asked = {"symbol": symbol, "interval": interval, "endTime": now - 3_600_000, "limit": 50}
                rows, again = source.get("/fapi/v1/klines", **asked), copy.get("/fapi/v1/klines", **asked)
                assert rows[2:] == again[2:]
        assert copy.get("/fapi/v1/exchangeInfo")["symbols"] == source.get("/fapi/v1/exchangeInfo")["symbols"]

"""Data, options and ports that cannot be used: one clear message, exit code 1, nothing served."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.paper_exchange.harness import ROOT, PaperVenue, write_candles

pytestmark = pytest.mark.integration

HEADER = "symbol,open_time,open,high,low,close,volume\n"


def refuse(*arguments: str) -> str:
    command = [sys.executable, "-m", "services.paper_exchange", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("noise.parquet", "this is not parquet", "not readable as parquet"),
        ("empty.csv", "", "not readable as csv"),
        ("columns.csv", "a,b\n1,2\n", "column open_time"),
        ("words.csv", HEADER + "A,1760000400000,one,2,1,2,1\nA,1760000460000,2,2,1,2,1\n", "must hold numbers"),
        ("impossible.csv", HEADER + "A,1760000400000,5,2,1,2,1\nA,1760000460000,2,2,1,2,1\n", "impossible candles"),
        (
            "grid.csv",
            HEADER + "A,1760000400000,2,2,1,2,1\nA,1760000460000,2,2,1,2,1\nA,1760000520001,2,2,1,2,1\n",
            "open_time is not on the 1m grid",
        ),
        ("odd.csv", HEADER + "A,1760000400000,2,2,1,2,1\nA,1760000400007,2,2,1,2,1\n", "candles of 7 ms"),
        ("times.csv", HEADER + "A,2025-01-01T00:00:00,2,2,1,2,1\n", "whole milliseconds"),
    ],
)
def test_malformed_data(tmp_path: Path, name: str, content: str, word: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    message = refuse("--market", f"replay:{path}")
    assert word in message
    assert str(path) in message


def test_missing_files_and_unknown_symbols(tmp_path: Path) -> None:
    assert "no such file" in refuse("--market", f"replay:{tmp_path / 'none.parquet'}")
    data = write_candles(tmp_path / "candles.csv", minutes=20)
    message = refuse("--market", f"replay:{data}", "--symbols", "BTCUSDT,NOPEUSDT")
    assert "no candles of NOPEUSDT" in message
    assert "ETHUSDT" in message
    assert "nothing to replay" in refuse("--market", f"replay:{data}", "--start-ms", "1")


def test_options_that_contradict_each_other() -> None:
    message = refuse("--market", "live", "--lock-step", "--host", "0.0.0.0", "--speed", "-1")
    assert "lock-step needs" in message
    assert "loopback only" in message
    assert "speed must be" in message
    assert "does not answer" in refuse("--market", "live", "--upstream", "http://127.0.0.1:9")


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv", minutes=20)
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as venue:
        port = venue.url.rpartition(":")[2]
        assert "cannot listen on" in refuse("--market", f"replay:{data}", "--port", port)


def test_a_store_that_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "venue.sqlite"
    path.write_bytes(b"something else entirely" * 100)
    assert "not a store" in refuse("--market", "synthetic", "--store", str(path))

"""The golden funnel: what each filter stops in a fixed small market does not change by accident."""

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from shared.contracts.signal import SkipReason
from tests.unit.scanner.golden import BARS, COUNTS, MARKET, counted, main

UNREACHABLE = {SkipReason.MISSING_QUOTE_VOLUME, SkipReason.MISSING_CORRELATION, SkipReason.MISSING_ATR}
"""Whoever has enough candles has a day of volume and a range, and here nothing is held that has no candles."""


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """The committed counts."""
    found: dict[str, Any] = json.loads(COUNTS.read_text(encoding="utf-8"))
    return found


def test_the_funnel_is_the_golden_one(golden: dict[str, Any]) -> None:
    assert counted() == golden, "a decision changed; if it was meant to: python -m tests.unit.scanner.golden --write"


def test_every_signal_ends_once(golden: dict[str, Any]) -> None:
    assert golden["signals"] == golden["candidates"] + sum(golden["skips"].values())
    assert golden["signals"] == sum(sum(outcomes.values()) for outcomes in golden["by_setup"].values())


def test_every_filter_that_can_stop_a_signal_stops_one_in_the_order_of_the_filters(golden: dict[str, Any]) -> None:
    assert list(golden["skips"]) == [reason.value for reason in SkipReason if reason not in UNREACHABLE]
    assert golden["candidates"] > 50


def test_the_market_is_small_and_whole() -> None:
    table = pq.read_table(MARKET)
    assert MARKET.stat().st_size < 250_000
    assert table.num_rows == BARS * len(set(table["symbol"].to_pylist()))


def test_the_check_sees_a_stale_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "funnel.json"
    stale.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr("tests.unit.scanner.golden.COUNTS", stale)
    assert main([]) == 1
    assert main(["--write"]) == 0
    assert stale.read_text(encoding="utf-8") == COUNTS.read_text(encoding="utf-8")

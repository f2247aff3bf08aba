"""Several accounts, reset, reports, exports, and control over time."""

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles

pytestmark = pytest.mark.integration

HEADERS = {"X-MBX-APIKEY": KEY}


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[PaperVenue]:
    data = write_candles(tmp_path / "candles.csv")
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--store", str(tmp_path / "venue.sqlite")) as running:
        running.step()
        yield running


def test_accounts_do_not_see_each_other(venue: PaperVenue) -> None:
    answer = venue.client.post("/paper/v1/accounts?key=second&secret=hidden&balance=500", headers=HEADERS)
    assert answer.json() == {"key": "second", "alias": "paper2", "wallet": "500.00000000"}
    venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
    venue.key, venue.secret = "second", "hidden"
    assert venue.ask("GET", "/fapi/v1/userTrades", symbol="ETHUSDT") == []
    assert venue.ask("GET", "/fapi/v2/balance")[0]["balance"] == "500.00000000"
    venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side="SELL", type="MARKET", quantity="0.1")
    venue.kill()
    venue.start()
    assert len(venue.ask("GET", "/fapi/v1/userTrades", symbol="ETHUSDT")) == 1
    listed = venue.client.get("/paper/v1/accounts", headers=HEADERS)
    assert {row["key"] for row in listed.json()} == {KEY, "second"}
    assert "hidden" not in listed.text


def test_reset_report_and_export(venue: PaperVenue) -> None:
    for side in ("BUY", "SELL"):
        venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side=side, type="MARKET", quantity="0.1")
    report = venue.client.get("/paper/v1/report", headers=HEADERS).json()
    assert Decimal(report["fees"]) > 0
    assert Decimal(report["slippage"]) == -Decimal(report["realised"])
    whole = Decimal(report["deposits"]) + Decimal(report["realised"]) - Decimal(report["fees"]) - Decimal(report["funding"])
    assert Decimal(report["wallet"]) == whole
    for what, count in (("trades", 2), ("orders", 2), ("income", 4), ("algo_orders", 0)):
        answer = venue.client.get(f"/paper/v1/export?what={what}", headers=HEADERS)
        assert answer.headers["content-type"].startswith("text/csv")
        assert len(list(csv.DictReader(io.StringIO(answer.text)))) == count
    assert venue.client.post("/paper/v1/reset", headers=HEADERS).json()["wallet"] == "10000.00000000"
    assert venue.ask("GET", "/fapi/v1/userTrades", symbol="ETHUSDT") == []
    venue.kill()
    venue.start()
    assert len(venue.ask("GET", "/fapi/v1/income")) == 1


def test_seek_goes_through_every_price(venue: PaperVenue) -> None:
    venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.1")
    price = float(venue.get("/fapi/v1/ticker/price", symbol="ETHUSDT")["price"])
    stop = venue.ask(
        "POST",
        "/fapi/v1/algoOrder",
        algoType="CONDITIONAL",
        symbol="ETHUSDT",
        side="SELL",
        type="STOP_MARKET",
        triggerPrice=f"{price * 0.9995:.2f}",
        closePosition="true",
    )
    target = venue.get("/fapi/v1/time")["serverTime"] + 200 * 60_000
    assert venue.client.post(f"/paper/v1/seek?time={target}", headers=HEADERS).json()["time_ms"] == target
    assert venue.ask("GET", "/fapi/v1/algoOrder", algoId=stop["algoId"])["algoStatus"] == "FINISHED"
    assert venue.client.post("/paper/v1/seek?time=5", headers=HEADERS).status_code == 400


def test_pause_speed_and_a_key_for_all_of_it(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "more.csv")
    with PaperVenue("--market", f"replay:{data}", "--speed", "60") as venue:
        assert venue.client.get("/fapi/v1/time").headers["x-mraster-speed"] == "60"
        assert venue.client.post("/paper/v1/pause").status_code == 401
        frozen = venue.client.post("/paper/v1/pause", headers=HEADERS).json()["time_ms"]
        assert venue.get("/fapi/v1/time")["serverTime"] == frozen
        venue.client.post("/paper/v1/resume", headers=HEADERS)
        venue.client.post("/paper/v1/speed?speed=max", headers=HEADERS)
        while venue.get("/paper/v1/status")["state"] != "ended":
            pass
        assert venue.get("/fapi/v1/time")["serverTime"] > frozen

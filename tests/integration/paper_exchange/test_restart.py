"""kill -9 and what is there afterwards."""

from pathlib import Path

import pytest

from tests.integration.paper_exchange.harness import PaperVenue, write_candles

pytestmark = pytest.mark.integration

PATHS = (
    "/fapi/v3/account",
    "/fapi/v3/positionRisk",
    "/fapi/v1/income",
    "/fapi/v1/userTrades",
    "/fapi/v1/openOrders",
    "/fapi/v1/openAlgoOrders",
)


def test_everything_accepted_survives_kill_nine(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv")
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--store", str(tmp_path / "venue.sqlite")) as venue:
        for _ in range(3):
            venue.step()
        for _ in range(7):
            venue.step(until="batch")
        price = float(venue.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
        venue.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        venue.ask(
            "POST",
            "/fapi/v1/order",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.01",
            price=f"{price * 0.98:.1f}",
        )
        venue.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="7")
        venue.ask(
            "POST",
            "/fapi/v1/algoOrder",
            algoType="CONDITIONAL",
            symbol="BTCUSDT",
            side="SELL",
            type="STOP_MARKET",
            triggerPrice=f"{price * 0.97:.1f}",
            closePosition="true",
        )
        before = {path: venue.ask("GET", path, symbol="BTCUSDT") for path in PATHS}
        time_before = venue.get("/fapi/v1/time")
        venue.kill()
        venue.start()
        assert {path: venue.ask("GET", path, symbol="BTCUSDT") for path in PATHS} == before
        assert venue.get("/fapi/v1/time") == time_before
        assert venue.ask("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT")[0]["leverage"] == 7
        order = venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert order["orderId"] == before["/fapi/v1/openOrders"][0]["orderId"] + 1


def test_a_killed_run_goes_on_like_one_that_was_not(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv")
    ends = []
    for number, killed in enumerate((False, True)):
        store = str(tmp_path / f"venue{number}.sqlite")
        with PaperVenue("--market", f"replay:{data}", "--lock-step", "--store", store) as venue:
            venue.step()
            price = float(venue.get("/fapi/v1/ticker/price", symbol="SOLUSDT")["price"])
            venue.ask("POST", "/fapi/v1/order", symbol="SOLUSDT", side="SELL", type="MARKET", quantity="3")
            for kind, factor in (("STOP_MARKET", 1.004), ("TAKE_PROFIT_MARKET", 0.996)):
                venue.ask(
                    "POST",
                    "/fapi/v1/algoOrder",
                    algoType="CONDITIONAL",
                    symbol="SOLUSDT",
                    side="BUY",
                    type=kind,
                    triggerPrice=f"{price * factor:.2f}",
                    closePosition="true",
                )
            for count in range(60):
                venue.step()
                if killed and count in {5, 30}:
                    venue.kill()
                    venue.start()
            ends.append(
                (venue.ask("GET", "/fapi/v1/userTrades", symbol="SOLUSDT"), venue.ask("GET", "/fapi/v1/income"), venue.get("/fapi/v1/time"))
            )
    assert len(ends[0][0]) == 2
    assert ends[0] == ends[1]


def test_a_synthetic_market_goes_on_after_a_restart(tmp_path: Path) -> None:
    store = str(tmp_path / "venue.sqlite")
    with PaperVenue("--market", "synthetic", "--store", store) as venue:
        first = venue.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=30)
        venue.kill()
        venue.start()
        again = venue.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1m", limit=30)
    known = {row[0]: row for row in again}
    assert all(known[row[0]] == row for row in first[2:-1])

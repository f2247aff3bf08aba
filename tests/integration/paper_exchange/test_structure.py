"""Answers have the structure of the recorded ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.paper_exchange.harness import PaperVenue
from tests.integration.paper_exchange.shape import differences

pytestmark = [pytest.mark.integration, pytest.mark.recorded]

LATER = frozenset(
    {"st", "ps", "nq", "ap", "lastUpdateId", "rateType", "priceMatch", "selfTradePreventionMode", "goodTillDate", "notionalCoef"}
)
"""Keys that came or went over the years."""


def body(recordings: Path, name: str) -> Any:
    return json.loads((recordings.parent / "fixtures" / "rest" / f"{name}.json").read_text())["response"]["body"]


def frame(recordings: Path, name: str) -> Any:
    found = json.loads((recordings.parent / "fixtures" / "ws" / f"{name}.json").read_text())["frames"][0]
    return found.get("data", found) if isinstance(found, dict) else found


@pytest.fixture(scope="module")
def folder(recordings: Path) -> Path:
    """The data folder, whichever of the two levels the variable names."""
    return recordings / "data" if (recordings / "data").is_dir() else recordings


@pytest.fixture(scope="module")
def venue(folder: Path) -> Iterator[PaperVenue]:
    market = f"replay:{folder / 'klines_5m.parquet'}"
    with PaperVenue("--market", market, "--symbols", "BTCUSDT,ETHUSDT", "--lock-step") as running:
        running.step()
        running.step(until="batch")
        running.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        running.ask("POST", "/fapi/v1/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.004")
        price = float(running.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
        rest = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        running.ask("POST", "/fapi/v1/order", **rest, price=f"{price * 0.97:.0f}", newClientOrderId="rest")
        yield running


PUBLIC = [
    ("exchangeInfo_2026", "/fapi/v1/exchangeInfo", {}),
    ("klines_2026", "/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "5m"}),
    ("docs_markPriceKlines", "/fapi/v1/markPriceKlines", {"symbol": "BTCUSDT", "interval": "5m"}),
    ("docs_indexPriceKlines", "/fapi/v1/indexPriceKlines", {"pair": "BTCUSDT", "interval": "5m"}),
    ("premiumIndex_2026_all", "/fapi/v1/premiumIndex", {}),
    ("docs_premiumIndex", "/fapi/v1/premiumIndex", {"symbol": "BTCUSDT"}),
    ("ticker_24hr_2026_all", "/fapi/v1/ticker/24hr", {}),
    ("docs_ticker_price", "/fapi/v1/ticker/price", {"symbol": "BTCUSDT"}),
    ("docs_ticker_price", "/fapi/v2/ticker/price", {"symbol": "BTCUSDT"}),
    ("docs_bookTicker", "/fapi/v1/ticker/bookTicker", {"symbol": "BTCUSDT"}),
    ("depth_SUSHIUSDT_1000", "/fapi/v1/depth", {"symbol": "BTCUSDT"}),
    ("aggTrades_2026", "/fapi/v1/aggTrades", {"symbol": "BTCUSDT"}),
    ("fundingRate_2019_rows", "/fapi/v1/fundingRate", {"symbol": "BTCUSDT"}),
    ("fundingInfo_2026", "/fapi/v1/fundingInfo", {}),
    ("openInterest_2026", "/fapi/v1/openInterest", {"symbol": "BTCUSDT"}),
    ("time_2026", "/fapi/v1/time", {}),
]

SIGNED = [
    ("balance_v2_2021", "GET", "/fapi/v2/balance", {}, set()),
    ("account_v2_2021", "GET", "/fapi/v2/account", {}, {"feeBurn", "multiAssetsMargin", "tradeGroupId", "breakEvenPrice"}),
    ("account_v3_sanitised", "GET", "/fapi/v3/account", {}, set()),
    ("positionRisk_2022_v2_shape", "GET", "/fapi/v2/positionRisk", {"symbol": "BTCUSDT"}, {"isolated", "adlQuantile"}),
    ("positionRisk_v3_WLDUSDT", "GET", "/fapi/v3/positionRisk", {"symbol": "BTCUSDT"}, {"updateTime:any", "adl:any"}),
    ("symbolConfig", "GET", "/fapi/v1/symbolConfig", {}, set()),
    ("docs_accountConfig", "GET", "/fapi/v1/accountConfig", {}, set()),
    ("docs_leverageBracket", "GET", "/fapi/v1/leverageBracket", {}, set()),
    ("commissionRate_btcusdt", "GET", "/fapi/v1/commissionRate", {"symbol": "BTCUSDT"}, set()),
    ("userTrades_ETHUSDT", "GET", "/fapi/v1/userTrades", {"symbol": "BTCUSDT"}, set()),
    ("docs_positionSide_dual", "GET", "/fapi/v1/positionSide/dual", {}, set()),
    ("docs_rateLimit_order", "GET", "/fapi/v1/rateLimit/order", {}, set()),
    ("openOrder_BTCUSDT_2024", "GET", "/fapi/v1/openOrder", {"symbol": "BTCUSDT", "origClientOrderId": "rest"}, set()),
    ("openOrder_BTCUSDT_2024", "GET", "/fapi/v1/order", {"symbol": "BTCUSDT", "origClientOrderId": "rest"}, set()),
    ("countdownCancelAll_post", "POST", "/fapi/v1/countdownCancelAll", {"symbol": "ETHUSDT", "countdownTime": "0"}, set()),
]


@pytest.mark.parametrize(("name", "path", "params"), PUBLIC, ids=[f"{row[0]}" for row in PUBLIC])
def test_public(folder: Path, venue: PaperVenue, name: str, path: str, params: dict[str, str]) -> None:
    extra = frozenset({"E", "T"}) if "depth" in path else frozenset()
    assert differences(body(folder, name), venue.get(path, **params), optional=LATER | extra) == []


@pytest.mark.parametrize("row", SIGNED, ids=[f"{row[0]}-{row[2][6:]}" for row in SIGNED])
def test_signed(folder: Path, venue: PaperVenue, row: tuple[str, str, str, dict[str, str], set[str]]) -> None:
    name, method, path, params, extra = row
    assert differences(body(folder, name), venue.ask(method, path, **params), optional=LATER | extra) == []


def test_orders(folder: Path, venue: PaperVenue) -> None:
    price = float(venue.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": f"{price * 0.97:.0f}"}
    placed = venue.ask("POST", "/fapi/v1/order", **words)
    assert differences(body(folder, "order_post_XRPUSDT"), placed, optional=LATER) == []
    changed = venue.ask(
        "PUT", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", orderId=placed["orderId"], quantity="0.02", price=words["price"]
    )
    assert differences(body(folder, "order_put_BTCUSDT_2023"), changed, optional=LATER) == []
    gone = venue.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert differences(body(folder, "order_delete_XRPUSDT"), gone, optional=LATER) == []
    batch = venue.ask("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps([words]))
    assert differences(body(folder, "batchOrders_post_1"), batch, optional=LATER) == []


def test_algo_orders(folder: Path, venue: PaperVenue) -> None:
    price = float(venue.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
    words = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.002"}
    high = {"triggerPrice": f"{price * 1.02:.0f}"}
    placed = venue.ask("POST", "/fapi/v1/algoOrder", **words, **high, type="STOP", price=f"{price * 1.021:.0f}")
    assert differences(body(folder, "algoOrder_post_STOP_2025"), placed) == []
    gone = venue.ask("DELETE", "/fapi/v1/algoOrder", algoId=placed["algoId"])
    assert differences(body(folder, "algoOrder_delete_2025"), gone) == []
    assert gone["code"] == "200"
    again = venue.ask("POST", "/fapi/v1/algoOrder", **words, type="TAKE_PROFIT_MARKET", triggerPrice=f"{price * 0.9995:.0f}")
    for _ in range(12):
        venue.step()
    finished = venue.ask("GET", "/fapi/v1/algoOrder", algoId=again["algoId"])
    assert finished["algoStatus"] == "FINISHED"
    assert differences(body(folder, "algoOrder_get_FINISHED"), finished) == []


ERRORS = [
    ("error_1121_invalid_symbol", "GET", "/fapi/v1/premiumIndex", {"symbol": "NOPE"}),
    ("error_1120_interval_1s", "GET", "/fapi/v1/klines", {"symbol": "BTCUSDT", "interval": "1s"}),
    ("error_1102_mandatory", "GET", "/fapi/v3/account", {"timestamp": None}),
    ("error_1021_timestamp_outside", "GET", "/fapi/v3/account", {"timestamp": 1}),
    ("error_1021_timestamp_ahead", "GET", "/fapi/v3/account", {"timestamp": 9_000_000_000_000}),
    (
        "error_2022_reduce_only",
        "POST",
        "/fapi/v1/order",
        {"symbol": "ETHUSDT", "side": "SELL", "type": "MARKET", "quantity": "1", "reduceOnly": "true"},
    ),
    ("error_2019_margin", "POST", "/fapi/v1/order", {"symbol": "ETHUSDT", "side": "SELL", "type": "MARKET", "quantity": "900"}),
    ("error_4046_no_margin_change", "POST", "/fapi/v1/marginType", {"symbol": "ETHUSDT", "marginType": "CROSSED"}),
    (
        "error_4061_position_side",
        "POST",
        "/fapi/v1/order",
        {"symbol": "ETHUSDT", "side": "SELL", "type": "MARKET", "quantity": "1", "positionSide": "LONG"},
    ),
    (
        "error_4120_algo_switch",
        "POST",
        "/fapi/v1/order",
        {"symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "1", "stopPrice": "1000"},
    ),
    (
        "error_2021_immediate_trigger",
        "POST",
        "/fapi/v1/algoOrder",
        {"algoType": "CONDITIONAL", "symbol": "ETHUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "1", "triggerPrice": "9000"},
    ),
    (
        "error_4013_price_min",
        "POST",
        "/fapi/v1/order",
        {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "0.01"},
    ),
    ("error_4166_aggTrades_window", "GET", "/fapi/v1/aggTrades", {"symbol": "ETHUSDT", "startTime": "1", "endTime": "2"}),
]


@pytest.mark.parametrize(("name", "method", "path", "params"), ERRORS, ids=[row[0] for row in ERRORS])
def test_errors_word_for_word(folder: Path, venue: PaperVenue, name: str, method: str, path: str, params: dict[str, Any]) -> None:
    answer = venue.signed(method, path, **params)
    assert (answer.status_code, answer.json()) == (400, body(folder, name))


def test_keys(folder: Path, venue: PaperVenue) -> None:
    answer = venue.client.get("/fapi/v3/account")
    assert (answer.status_code, answer.json()) == (401, body(folder, "error_2014_key_format"))
    answer = venue.client.get("/fapi/v3/account", headers={"X-MBX-APIKEY": "somebody-else"})
    assert (answer.status_code, answer.json()) == (401, body(folder, "error_2015_key"))

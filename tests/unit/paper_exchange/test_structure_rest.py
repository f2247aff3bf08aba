"""Answers have the structure of those that were recorded or are documented; what differs is named, with its reason."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.paper_exchange.logic.spec import Dialect
from tests.integration.paper_exchange.shape import differences
from tests.unit.paper_exchange.asgi import Direct

pytestmark = pytest.mark.recorded

Body = Callable[[str], Any]
TRAILING = {"activatePrice", "priceRate"}
"""Shown with trailing orders only; the documents show them in one example of everything."""
YOUNGER = {"breakEvenPrice", "notional", "isolatedWallet", "isolated", "adlQuantile", "nq", "updateTime", "markPrice", "rateType"}
YOUNGER |= {"avgPrice", "closePosition", "cumQuote", "notionalCoef", "feeBurn", "multiAssetsMargin", "tradeGroupId", "bidNotional"}
YOUNGER |= {"askNotional", "maxMoveOrderLimit", "permissionSets"}
"""Recorded elsewhere, and not yet there when these were written."""
GONE = {"settlePlan", "pair", "cumBase"}
"""Sent no more, or by the coin-margined venue only."""
TEXTS = {"orderId", "id", "time", "updateTime", "goodTillDate", "deliveryDate", "onboardDate", "pricePrecision", "quantityPrecision"}
TEXTS |= {"baseAssetPrecision", "quotePrecision", "symbolType", "tradingMode", "sequenceNo", "settlePlan", "createTime"}
AS_TEXT = frozenset(f"{name}:any" for name in TEXTS)
"""Numbers that these recordings hold as texts, because they went through a client."""


@pytest.fixture
def body(recordings: Path) -> Body:
    folder = next(path for path in (recordings / "fixtures" / "rest", recordings.parent / "fixtures" / "rest") if path.is_dir())
    return lambda name: json.loads((folder / f"{name}.json").read_text())["response"]["body"]


def running(dialect: Dialect) -> Iterator[Direct]:
    venue = Direct(dialect=dialect)
    for _ in range(3):
        venue.call("POST", "/paper/v1/step")
    yield venue
    venue.close()


@pytest.fixture
def venue() -> Iterator[Direct]:
    yield from running(Dialect.BINANCE)


@pytest.fixture
def aster() -> Iterator[Direct]:
    yield from running(Dialect.ASTER)


def public(venue: Direct, path: str, query: str = "") -> Any:
    return orjson.loads(venue.call("GET", path, query.encode())[1])


def limit(venue: Direct) -> dict[str, str]:
    price = float(public(venue, "/fapi/v1/ticker/price", "symbol=BTCUSDT")["price"])
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    return {**words, "quantity": "0.01", "price": f"{price * 0.97:.0f}"}


PUBLIC = [
    ("constituents_BTCUSDT", "/fapi/v1/constituents", "symbol=BTCUSDT"),
    ("docs_aggTrades", "/fapi/v1/aggTrades", "symbol=BTCUSDT"),
    ("docs_fundingInfo", "/fapi/v1/fundingInfo", ""),
    ("docs_fundingRate", "/fapi/v1/fundingRate", "symbol=BTCUSDT"),
    ("docs_klines", "/fapi/v1/klines", "symbol=BTCUSDT&interval=1m"),
    ("docs_ticker_24hr", "/fapi/v1/ticker/24hr", "symbol=BTCUSDT"),
    ("exchangeInfo_2021", "/fapi/v1/exchangeInfo", ""),
    ("exchangeInfo_testnet_2022", "/fapi/v1/exchangeInfo", ""),
    ("error_1121_symbol", "/fapi/v1/klines", "symbol=NOPE&interval=1m"),
]


@pytest.mark.parametrize(("name", "path", "query"), PUBLIC, ids=[row[0] for row in PUBLIC])
def test_public(body: Body, venue: Direct, name: str, path: str, query: str) -> None:
    assert differences(body(name), public(venue, path, query), optional=frozenset(YOUNGER | GONE)) == []


def test_orders(body: Body, venue: Direct) -> None:
    words = limit(venue)
    known = frozenset(TRAILING | YOUNGER | GONE)
    placed = venue.signed("POST", "/fapi/v1/order", **words, newClientOrderId="k1")[1]
    assert differences(body("docs_order_post"), placed, optional=known) == []
    change = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": words["price"], "origClientOrderId": "k1"}
    assert differences(body("docs_order_put"), venue.signed("PUT", "/fapi/v1/order", **change)[1], optional=known) == []
    rows = json.dumps([{**words, "newClientOrderId": "k2"}, {"symbol": "BTCUSDT"}])
    batch = venue.signed("POST", "/fapi/v1/batchOrders", batchOrders=rows)[1]
    assert differences(body("docs_batchOrders_post"), batch, optional=known) == []
    shown = venue.signed("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="k2")[1]
    assert differences(body("openOrder_LTCUSDT_postonly"), shown, optional=AS_TEXT) == []
    gone = venue.signed("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList='["k1","k9"]')[1]
    assert differences(body("docs_batchOrders_delete"), gone, optional=known) == []


def test_account(body: Body, venue: Direct) -> None:
    known = frozenset(YOUNGER)
    done = venue.signed("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")[1]
    assert differences(body("docs_marginType_post"), done) == []
    market = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.02"}
    venue.signed("POST", "/fapi/v1/order", **market, side="BUY")
    moved = venue.signed("POST", "/fapi/v1/positionMargin", symbol="BTCUSDT", amount="10", type=1)[1]
    assert differences(body("docs_positionMargin_post"), moved) == []
    risk = venue.signed("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")[1]
    assert differences(body("docs_positionRisk_v2_one_way"), risk, optional=known) == []
    trades = venue.signed("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")[1]
    assert differences(body("userTrades_BTCUSDT"), trades, optional=AS_TEXT) == []
    assert differences(body("docs_adlQuantile")[1:], venue.signed("GET", "/fapi/v1/adlQuantile")[1]) == []
    venue.signed("POST", "/fapi/v1/order", **market, side="SELL")
    hedged = venue.signed("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")[1]
    assert differences(body("docs_positionSide_dual_post"), hedged) == []
    risk = venue.signed("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")[1]
    assert differences(body("docs_positionRisk_v2_hedge"), risk, optional=known) == []
    for name in ("commissionRate_btcusdt_quarterly", "commissionRate_ethusdt"):
        assert differences(body(name), venue.signed("GET", "/fapi/v1/commissionRate", symbol="ETHUSDT")[1]) == []
    for name in ("leverageBracket_DOGEUSDT", "leverageBracket_SOLUSDT"):
        assert differences(body(name), venue.signed("GET", "/fapi/v1/leverageBracket", symbol="ETHUSDT")[1], optional=known) == []


def test_aster(body: Body, aster: Direct) -> None:
    known = frozenset(YOUNGER)
    answers = {
        "aster_docs_balance_v3": aster.wallet_signed("GET", "/fapi/v3/balance")[1],
        "aster_docs_countdownCancelAll": aster.wallet_signed("POST", "/fapi/v3/countdownCancelAll", symbol="BTCUSDT", countdownTime=0)[1],
        "aster_docs_fundingInfo": public(aster, "/fapi/v3/fundingInfo"),
        "aster_docs_positionRisk_v3_one_way": aster.wallet_signed("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")[1],
        "aster_docs_v4_account_legacy": aster.signed("GET", "/fapi/v4/account")[1],
        "aster_premiumIndex_BTCUSDT": public(aster, "/fapi/v1/premiumIndex", "symbol=BTCUSDT"),
        "aster_batchOrders_post": aster.wallet_signed("POST", "/fapi/v3/batchOrders", batchOrders=json.dumps([limit(aster)]))[1],
    }
    assert {name: differences(body(name), answer, optional=known) for name, answer in answers.items()} == {name: [] for name in answers}
    market = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.01"}
    taken = aster.wallet_signed("POST", "/fapi/v3/order", **market, side="BUY")[1]
    assert differences(body("aster_order_post_MARKET_ack"), taken, optional=AS_TEXT | {"time"}) == []
    aster.wallet_signed("POST", "/fapi/v3/order", **market, side="SELL")
    aster.wallet_signed("DELETE", "/fapi/v3/allOpenOrders", symbol="BTCUSDT")
    aster.wallet_signed("POST", "/fapi/v3/positionSide/dual", dualSidePosition="true")
    risk = aster.wallet_signed("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")[1]
    assert differences(body("aster_docs_positionRisk_v3_hedge"), risk, optional=known) == []


def test_contracts_of_aster(body: Body, aster: Direct) -> None:
    """The recording joins the fields of spot and perpetual contracts; those of spot are left out."""
    spot = frozenset({"listingTime", "baseAssetAddress", "ocoAllowed"})
    rows = public(aster, "/fapi/v3/exchangeInfo")["symbols"]
    assert differences(body("aster_exchangeInfo_symbol_shape")["symbols"], rows, optional=AS_TEXT | spot) == []
    assert "GTD" not in rows[0]["timeInForce"]
    assert {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 100} in rows[0]["filters"]
    assert public(aster, "/fapi/v1/exchangeInfo")["symbols"] == rows

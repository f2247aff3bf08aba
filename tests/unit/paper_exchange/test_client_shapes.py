"""Requests in the forms in which widely used clients send them."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from services.paper_exchange.logic.spec import Dialect
from tests.unit.paper_exchange.asgi import Direct


@pytest.fixture
def venue() -> Iterator[Direct]:
    running = Direct()
    yield running
    running.close()


def rest(venue: Direct, count: int) -> list[dict[str, Any]]:
    """Resting orders far below the price."""
    price = float(orjson.loads(venue.call("GET", "/fapi/v1/ticker/price", b"symbol=BTCUSDT")[1])["price"])
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    answers = [venue.signed("POST", "/fapi/v1/order", **words, price=f"{price * 0.97:.0f}") for _ in range(count)]
    assert {status for status, _ in answers} == {200}
    return [body for _, body in answers]


def send(venue: Direct, method: str, path: str, parts: tuple[str, str]) -> Any:
    """A request whose (query, body) are signed as they stand; the signature ends whichever is not empty, the body first."""
    query, body = (part.replace("NOW", str(venue.wall.now_ms)) for part in parts)
    signature = "&signature=" + hmac.new(venue.exchange.options.api_secret.encode(), (query + body).encode(), hashlib.sha256).hexdigest()
    query, body = (query, body + signature) if body else (query + signature, body)
    headers = {"X-MBX-APIKEY": venue.exchange.options.api_key, "Content-Type": "application/x-www-form-urlencoded"}
    status, answer, _ = venue.call(method, path, query.encode(), body.encode(), headers)
    assert status == 200, answer
    return orjson.loads(answer)


def test_lists_to_cancel_with_lower_case_names_in_the_query(venue: Direct) -> None:
    one, two, three = rest(venue, 3)
    ids = f"timestamp=NOW&symbol=BTCUSDT&recvWindow=10000&orderidlist=%5B{one['orderId']}%2C{two['orderId']}%5D"
    assert [row["status"] for row in send(venue, "DELETE", "/fapi/v1/batchOrders", (ids, ""))] == ["CANCELED", "CANCELED"]
    names = f"timestamp=NOW&symbol=BTCUSDT&origclientorderidlist=%5B%22{three['clientOrderId']}%22%5D"
    assert [row["status"] for row in send(venue, "DELETE", "/fapi/v1/batchOrders", (names, ""))] == ["CANCELED"]


def test_lists_to_cancel_in_the_body_of_a_delete(venue: Direct) -> None:
    one, two = rest(venue, 2)
    ids = quote(orjson.dumps([one["orderId"], two["orderId"]]).decode())
    found = send(venue, "DELETE", "/fapi/v1/batchOrders", ("", f"orderidlist={ids}&recvWindow=10000&symbol=BTCUSDT&timestamp=NOW"))
    assert [row["orderId"] for row in found] == [one["orderId"], two["orderId"]]


def test_a_batch_as_bare_json_in_the_body(venue: Direct) -> None:
    rows = [{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": "RESULT", "reduceOnly": False}]
    body = f"timestamp=NOW&batchOrders={orjson.dumps(rows).decode()}&recvWindow=10000"
    assert [row["status"] for row in send(venue, "POST", "/fapi/v1/batchOrders", ("", body))] == ["FILLED"]


def test_parameters_in_query_and_body_are_signed_together(venue: Direct) -> None:
    parts = ("symbol=BTCUSDT&side=BUY&type=MARKET", "quantity=0.01&timestamp=NOW")
    assert send(venue, "POST", "/fapi/v1/order", parts)["status"] == "NEW"


def test_a_batch_of_amendments_and_their_history(venue: Direct) -> None:
    one, two = rest(venue, 2)
    price = float(one["price"]) - 10
    rows = [
        {"orderId": one["orderId"], "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.02", "price": f"{price:.1f}"},
        {"orderId": two["orderId"], "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.02", "price": f"{price:.1f}"},
    ]
    found = send(venue, "PUT", "/fapi/v1/batchOrders", ("", f"timestamp=NOW&batchOrders={orjson.dumps(rows).decode()}"))
    assert (found[0]["origQty"], found[1]) == ("0.020", {"code": -1117, "msg": "Invalid side."})
    again = {"orderId": one["orderId"], "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.03", "price": f"{price:.1f}"}
    assert venue.signed("PUT", "/fapi/v1/order", **again)[0] == 200
    history = venue.signed("GET", "/fapi/v1/orderAmendment", symbol="BTCUSDT", orderId=one["orderId"])[1]
    assert [row["amendment"]["count"] for row in history] == [1, 2]
    assert history[0]["amendment"]["origQty"] == {"before": "0.010", "after": "0.020"}
    assert history[1]["amendment"]["price"]["before"] == history[0]["amendment"]["price"]["after"]


def test_head_is_answered_as_get(venue: Direct) -> None:
    status, _, headers = venue.call("HEAD", "/fapi/v1/ping")
    assert (status, headers["content-length"]) == (200, "2")


@pytest.mark.parametrize(
    ("path", "query", "keys"),
    [
        ("/futures/data/openInterestHist", "symbol=BTCUSDT&period=5m", {"symbol", "sumOpenInterest", "sumOpenInterestValue", "timestamp"}),
        (
            "/futures/data/globalLongShortAccountRatio",
            "symbol=BTCUSDT&period=5m",
            {"symbol", "longShortRatio", "longAccount", "shortAccount"},
        ),
        ("/futures/data/topLongShortAccountRatio", "symbol=BTCUSDT&period=15m&limit=2", {"longAccount", "timestamp"}),
        ("/futures/data/topLongShortPositionRatio", "symbol=BTCUSDT&period=5m", {"longAccount", "timestamp"}),
        ("/futures/data/takerlongshortRatio", "symbol=BTCUSDT&period=5m", {"buySellRatio", "buyVol", "sellVol", "timestamp"}),
        ("/futures/data/basis", "pair=BTCUSDT&period=5m&contractType=PERPETUAL", {"pair", "basis", "basisRate", "indexPrice"}),
    ],
)
def test_statistics(venue: Direct, path: str, query: str, keys: set[str]) -> None:
    status, body, _ = venue.call("GET", path, query.encode())
    rows = orjson.loads(body)
    assert status == 200
    assert 0 < len(rows) <= 30
    assert keys <= rows[0].keys()


def test_index_and_queue(venue: Direct) -> None:
    found = orjson.loads(venue.call("GET", "/fapi/v1/constituents", b"symbol=BTCUSDT")[1])
    assert found["constituents"][0].keys() == {"exchange", "symbol", "price", "weight"}
    assert orjson.loads(venue.call("GET", "/fapi/v1/indexInfo")[1]) == []
    assert orjson.loads(venue.call("GET", "/fapi/v1/assetIndex", b"symbol=usdtusd")[1])["index"] == "1.00000000"
    assert orjson.loads(venue.call("GET", "/fapi/v1/symbolAdlRisk", b"symbol=BTCUSDT")[1])["adlRisk"] == "low"
    assert orjson.loads(venue.call("GET", "/fapi/v1/rpiDepth", b"symbol=BTCUSDT")[1])["bids"]
    assert isinstance(venue.signed("GET", "/fapi/v1/adlQuantile", symbol="BTCUSDT")[1], list)


def test_funding_rates_of_all_contracts(venue: Direct) -> None:
    rows = orjson.loads(venue.call("GET", "/fapi/v1/fundingRate", b"limit=6")[1])
    assert sorted({row["symbol"] for row in rows}) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    assert [row["fundingTime"] for row in rows] == sorted(row["fundingTime"] for row in rows)


def test_aster_knows_neither_statistics_nor_batches_of_amendments() -> None:
    venue = Direct(dialect=Dialect.ASTER)
    try:
        assert venue.call("GET", "/futures/data/basis")[0] == 404
        assert venue.call("PUT", "/fapi/v1/batchOrders")[0] == 404
    finally:
        venue.close()

"""Settings of an account, asked as a client asks."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.paper_exchange.asgi import Direct


@pytest.fixture
def venue() -> Iterator[Direct]:
    running = Direct()
    yield running
    running.close()


def code(answer: tuple[int, Any]) -> int:
    assert answer[0] == 400, answer
    return int(answer[1]["code"])


def buy(venue: Direct, quantity: str = "0.5", **words: str) -> Any:
    status, body = venue.signed(
        "POST", "/fapi/v1/order", **{"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": quantity, **words}
    )
    assert status == 200, body
    return body


def test_leverage(venue: Direct) -> None:
    assert venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=5)[1] == {
        "leverage": 5,
        "maxNotionalValue": "10000000",
        "symbol": "ETHUSDT",
    }
    assert code(venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=126)) == -4028
    assert code(venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT")) == -1102
    venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=20)
    buy(venue, "20")
    assert code(venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=2)) == -2028
    assert code(venue.signed("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage=50)) == -2027


def test_margin_type(venue: Direct) -> None:
    path = "/fapi/v1/marginType"
    assert code(venue.signed("POST", path, symbol="ETHUSDT", marginType="CROSSED")) == -4046
    assert venue.signed("POST", path, symbol="ETHUSDT", marginType="ISOLATED") == (200, {"code": 200, "msg": "success"})
    buy(venue)
    assert code(venue.signed("POST", path, symbol="ETHUSDT", marginType="CROSSED")) == -4048
    row = venue.signed("GET", "/fapi/v2/positionRisk", symbol="ETHUSDT")[1][0]
    assert (row["marginType"], row["isolated"]) == ("isolated", True)
    assert float(row["isolatedMargin"]) > 0


def test_position_margin(venue: Direct) -> None:
    path = "/fapi/v1/positionMargin"
    assert code(venue.signed("POST", path, symbol="ETHUSDT", amount="10", type=1)) == -4054
    venue.signed("POST", "/fapi/v1/marginType", symbol="ETHUSDT", marginType="ISOLATED")
    buy(venue)
    before = venue.exchange.desk.account("paper-key").held()[0].isolated_wallet
    status, body = venue.signed("POST", path, symbol="ETHUSDT", amount="10", type=1)
    assert (status, body["amount"], body["type"]) == (200, 10.0, 1)
    assert venue.exchange.desk.account("paper-key").held()[0].isolated_wallet == before + 10
    assert code(venue.signed("POST", path, symbol="ETHUSDT", amount="500", type=2)) == -4051
    assert code(venue.signed("POST", path, symbol="ETHUSDT", amount="50000", type=1)) == -2019
    assert code(venue.signed("POST", path, symbol="ETHUSDT", amount="-1", type=1)) == -4055
    rows = venue.signed("GET", "/fapi/v1/positionMargin/history", symbol="ETHUSDT")[1]
    assert [(row["type"], row["amount"]) for row in rows] == [(1, "10.00000000")]


def test_modes(venue: Direct) -> None:
    path = "/fapi/v1/positionSide/dual"
    assert code(venue.signed("POST", path, dualSidePosition="false")) == -4059
    price = float(venue.exchange.face.price("ETHUSDT")["price"])  # type: ignore[index]
    order = buy(venue, type="LIMIT", timeInForce="GTC", price=f"{price * 0.97:.2f}")
    assert code(venue.signed("POST", path, dualSidePosition="true")) == -4067
    venue.signed("DELETE", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])
    buy(venue)
    assert code(venue.signed("POST", path, dualSidePosition="true")) == -4068
    buy(venue, side="SELL")
    assert venue.signed("POST", path, dualSidePosition="true")[0] == 200
    assert venue.signed("GET", path)[1] == {"dualSidePosition": True}
    assert code(venue.signed("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false")) == -4171
    rows = venue.signed("GET", "/fapi/v2/positionRisk", symbol="ETHUSDT")[1]
    assert [row["positionSide"] for row in rows] == ["LONG", "SHORT"]


def test_listen_keys(venue: Direct) -> None:
    head = {"X-MBX-APIKEY": "paper-key"}
    first = venue.call("POST", "/fapi/v1/listenKey", headers=head)[1]
    assert venue.call("POST", "/fapi/v1/listenKey", headers=head)[1] == first
    venue.wall.now_ms += 59 * 60_000
    assert venue.call("PUT", "/fapi/v1/listenKey", headers=head)[1] == first
    venue.wall.now_ms += 61 * 60_000
    assert venue.call("PUT", "/fapi/v1/listenKey", headers=head)[0] == 400
    assert venue.call("POST", "/fapi/v1/listenKey", headers=head)[1] != first
    assert venue.call("DELETE", "/fapi/v1/listenKey", headers=head)[1] == b"{}"


def test_countdown_cancels_unless_renewed(venue: Direct) -> None:
    price = float(venue.exchange.face.price("ETHUSDT")["price"])  # type: ignore[index]
    buy(venue, type="LIMIT", timeInForce="GTC", price=f"{price * 0.97:.2f}")
    for wait in (1000, 1000, 0):
        venue.signed("POST", "/fapi/v1/countdownCancelAll", symbol="ETHUSDT", countdownTime=wait)
        venue.wall.now_ms += 900
        venue.exchange.check_timers()
        assert len(venue.signed("GET", "/fapi/v1/openOrders")[1]) == 1
    venue.signed("POST", "/fapi/v1/countdownCancelAll", symbol="ETHUSDT", countdownTime=1000)
    venue.wall.now_ms += 1001
    venue.exchange.check_timers()
    assert venue.signed("GET", "/fapi/v1/openOrders")[1] == []


def test_old_cancelled_orders_are_forgotten(venue: Direct) -> None:
    price = float(venue.exchange.face.price("ETHUSDT")["price"])  # type: ignore[index]
    order = buy(venue, type="LIMIT", timeInForce="GTC", price=f"{price * 0.97:.2f}")
    venue.signed("DELETE", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])
    assert venue.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])[0] == 200
    stored = venue.exchange.desk.account("paper-key").orders[order["orderId"]]
    stored.created_ms -= 4 * 86_400_000
    assert code(venue.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])) == -2013
    assert code(venue.signed("DELETE", "/fapi/v1/order", symbol="ETHUSDT", orderId=order["orderId"])) == -2011


def test_equity_is_the_sum_of_its_parts(venue: Direct) -> None:
    buy(venue, "1.5")
    for _ in range(40):
        venue.call("POST", "/paper/v1/step")
    buy(venue, "0.5", side="SELL")
    account = venue.signed("GET", "/fapi/v3/account")[1]
    incomes = sum(float(row["income"]) for row in venue.signed("GET", "/fapi/v1/income")[1])
    assert float(account["totalMarginBalance"]) == pytest.approx(incomes + float(account["totalUnrealizedProfit"]), abs=1e-7)

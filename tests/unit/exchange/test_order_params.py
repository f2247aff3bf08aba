"""Orders as parameters, in each venue's words."""

from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain.order import OrderRequest, OrderType, PositionSide, Side, TimeInForce, WorkingType
from shared.domain.units import Price, Qty
from shared.exchange.order_params import order_params
from shared.exchange.venues.shape import Conditional

MARKET = OrderRequest(symbol="BTCUSDT", side=Side.BUY, type=OrderType.MARKET, client_id="mr-a-e", quantity=Qty(Decimal("0.0010")))
STOP = OrderRequest(
    symbol="BTCUSDT",
    side=Side.SELL,
    type=OrderType.STOP_MARKET,
    client_id="mr-a-s1",
    quantity=Qty(Decimal("1E+1")),
    trigger_price=Price(Decimal("60000.10")),
    reduce_only=True,
)


def test_market_order_asks_for_its_result():
    assert order_params(MARKET, Conditional.ALGO) == [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "MARKET"),
        ("quantity", "0.001"),
        ("newClientOrderId", "mr-a-e"),
        ("newOrderRespType", "RESULT"),
    ]


def test_stop_on_the_algo_service():
    assert order_params(STOP, Conditional.ALGO) == [
        ("algoType", "CONDITIONAL"),
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "STOP_MARKET"),
        ("quantity", "10"),
        ("reduceOnly", "true"),
        ("triggerPrice", "60000.1"),
        ("workingType", "MARK_PRICE"),
        ("clientAlgoId", "mr-a-s1"),
    ]


def test_stop_among_ordinary_orders():
    params = dict(order_params(replace(STOP, working_type=WorkingType.CONTRACT_PRICE), Conditional.ORDER))
    assert params["stopPrice"] == "60000.1"
    assert params["newClientOrderId"] == "mr-a-s1"
    assert params["workingType"] == "CONTRACT_PRICE"
    assert not {"algoType", "clientAlgoId", "triggerPrice"} & set(params)


def test_close_position_has_neither_quantity_nor_reduce_only():
    params = dict(order_params(replace(STOP, quantity=None, close_position=True), Conditional.ALGO))
    assert params["closePosition"] == "true"
    assert not {"quantity", "reduceOnly"} & set(params)


def test_hedge_mode_names_the_side_and_drops_reduce_only():
    params = dict(order_params(replace(STOP, position_side=PositionSide.LONG), Conditional.ALGO))
    assert params["positionSide"] == "LONG"
    assert "reduceOnly" not in params


def test_limit_order_rests_unless_told_otherwise():
    limit = replace(MARKET, type=OrderType.LIMIT, price=Price(Decimal("60000.00")))
    params = dict(order_params(limit, Conditional.ALGO))
    assert (params["timeInForce"], params["price"]) == ("GTC", "60000")
    assert "newOrderRespType" not in params
    decided = dict(order_params(replace(limit, time_in_force=TimeInForce.IOC), Conditional.ALGO))
    assert (decided["timeInForce"], decided["newOrderRespType"]) == ("IOC", "RESULT")


@pytest.mark.parametrize(
    "request_",
    [
        replace(MARKET, quantity=None),
        replace(MARKET, price=Price(Decimal(1))),
        replace(MARKET, trigger_price=Price(Decimal(1))),
        replace(MARKET, type=OrderType.LIMIT),
        replace(STOP, trigger_price=None),
        replace(STOP, close_position=True),
        replace(STOP, type=OrderType.STOP),
        replace(STOP, type=OrderType.STOP, price=Price(Decimal(1)), quantity=None, close_position=True),
        replace(STOP, type=OrderType.TRAILING_STOP_MARKET),
        replace(MARKET, type=OrderType.LIQUIDATION),
    ],
)
def test_what_the_venue_would_refuse_is_refused_here(request_: OrderRequest):
    with pytest.raises(ValueError, match=r"price|quantity|close_position|not sent"):
        order_params(request_, Conditional.ALGO)

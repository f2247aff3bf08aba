"""The account over real HTTP, on both venues' dialects."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from shared.domain.errors import ContractViolation, ExchangeUnavailable, OrderRejected, OutcomeUnknown, Permanent
from shared.domain.order import OrderRequest, OrderStatus, OrderType, Side, VenueOrder
from shared.domain.units import Price, Qty
from shared.exchange.records import MarginType
from shared.exchange.venues.shape import Conditional
from shared.risk.gate import Approved
from tests.contract.exchange.conftest import Rig
from tests.fakes.venue_server import Asked, Reply

ENTRY = OrderRequest(symbol="ABCUSDT", side=Side.BUY, type=OrderType.MARKET, client_id="mr-abcdefghij-e", quantity=Qty(Decimal(2)))
STOP = OrderRequest(
    symbol="ABCUSDT",
    side=Side.SELL,
    type=OrderType.STOP_MARKET,
    client_id="mr-abcdefghij-s1",
    quantity=Qty(Decimal(2)),
    trigger_price=Price(Decimal("1.2")),
    reduce_only=True,
)
USE_ALGO = Reply(
    400, {"code": -4120, "msg": "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."}
)
NO_ORDER = Reply(400, {"code": -2013, "msg": "Order does not exist."})
NOT_OPEN = Reply(400, {"code": -2011, "msg": "Unknown order sent."})


def approved(request: OrderRequest, *, protective: bool = False) -> Approved:
    return Approved(request, protective=protective, epoch=1)


def order_body(**changes: Any) -> dict[str, Any]:
    body = {
        "symbol": "ABCUSDT",
        "orderId": 2**60 + 1,
        "clientOrderId": "mr-abcdefghij-e",
        "side": "BUY",
        "type": "MARKET",
        "origType": "MARKET",
    }
    body |= {"status": "FILLED", "origQty": "2", "executedQty": "2", "avgPrice": "1.5", "price": "0", "stopPrice": "0", "updateTime": 5}
    return body | changes


def algo_body(**changes: Any) -> dict[str, Any]:
    body = {"symbol": "ABCUSDT", "algoId": 77, "clientAlgoId": "mr-abcdefghij-s1", "side": "SELL", "orderType": "STOP_MARKET"}
    body |= {"algoStatus": "NEW", "quantity": "2", "triggerPrice": "1.2", "price": "0", "reduceOnly": True, "workingType": "MARK_PRICE"}
    return body | {"actualOrderId": "", "createTime": 5, "updateTime": 5} | changes


async def placed_stop(rig: Rig) -> VenueOrder:
    rig.server.on("POST", "/fapi/v1/algoOrder", Reply(body=algo_body()))
    return await rig.private.place(approved(STOP, protective=True))


async def test_market_entry_is_sent_once_and_comes_back_filled(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", Reply(body=order_body()))
    order = await rig.private.place(approved(ENTRY))
    (asked,) = rig.server.asked
    assert asked.params["newOrderRespType"] == "RESULT"
    assert asked.params["newClientOrderId"] == "mr-abcdefghij-e"
    assert (order.status, order.average_price, order.order_id) == (OrderStatus.FILLED, Decimal("1.5"), 2**60 + 1)


async def test_stop_goes_to_the_algo_service(rig: Rig):
    order = await placed_stop(rig)
    assert (order.algo, order.order_id, order.status, order.trigger_price) == (True, 77, OrderStatus.NEW, Decimal("1.2"))
    assert rig.server.asked[0].params["algoType"] == "CONDITIONAL"


async def test_venue_that_moved_conditional_orders_says_so_once(aster: Rig):
    aster.server.on("POST", "/fapi/v3/order", USE_ALGO)
    aster.server.on("POST", "/fapi/v3/algoOrder", Reply(body=algo_body()))
    assert (await aster.private.place(approved(STOP))).algo
    assert (await aster.private.place(approved(STOP))).algo
    assert len(aster.server.asked_for("POST", "/fapi/v3/order")) == 1
    assert aster.private.conditional is Conditional.ALGO


async def test_use_algo_for_a_market_order_is_a_plain_refusal(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", USE_ALGO)
    with pytest.raises(OrderRejected) as caught:
        await rig.private.place(approved(ENTRY))
    assert caught.value.venue_code == -4120


async def test_agent_signs_what_is_sent_as_a_form(aster: Rig):
    aster.server.on("POST", "/fapi/v3/order", Reply(body=order_body(clientOrderId=STOP.client_id, origType="STOP_MARKET", side="SELL")))
    order = await aster.private.place(approved(STOP))
    (asked,) = aster.server.asked
    assert (asked.query, asked.headers["content-type"]) == ("", "application/x-www-form-urlencoded")
    message, _, signature = asked.body.partition("&signature=")
    typed = encode_typed_data(
        domain_data={"name": "AsterSignTransaction", "version": "1", "chainId": 1666, "verifyingContract": "0x" + "0" * 40},
        message_types={"Message": [{"name": "msg", "type": "string"}]},
        message_data={"msg": message},
    )
    assert Account.recover_message(typed, signature=signature) == asked.params["signer"]
    assert asked.params["stopPrice"] == "1.2"
    assert (order.type, order.algo) == (OrderType.STOP_MARKET, False)


async def test_used_up_nonce_is_replaced(aster: Rig):
    aster.server.on("POST", "/fapi/v3/order", Reply(400, {"code": -4225, "msg": "Nonce Expired"}), Reply(body=order_body()))
    await aster.private.place(approved(ENTRY))
    first, second = aster.server.asked_for("POST", "/fapi/v3/order")
    assert int(second.params["nonce"]) > int(first.params["nonce"])


async def test_any_503_of_aster_is_unknown(aster: Rig):
    aster.server.on("POST", "/fapi/v3/order", Reply(503, {"code": -1001, "msg": "Internal error"}))
    with pytest.raises(OutcomeUnknown):
        await aster.private.place(approved(ENTRY))


async def test_duplicate_means_that_the_earlier_send_succeeded(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", Reply(400, {"code": -4116, "msg": "ClientOrderId is duplicated."}))
    rig.server.on("GET", "/fapi/v1/order", Reply(body=order_body(status="NEW", executedQty="0", avgPrice="0")))
    order = await rig.private.place(approved(ENTRY))
    assert (order.client_id, order.status, order.average_price) == (ENTRY.client_id, OrderStatus.NEW, None)


async def test_duplicate_that_is_not_shown_is_unknown(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", Reply(400, {"code": -4116, "msg": "ClientOrderId is duplicated."}))
    rig.server.on("GET", "/fapi/v1/order", NO_ORDER)
    with pytest.raises(OutcomeUnknown):
        await rig.private.place(approved(ENTRY))


async def test_order_that_was_taken_with_an_odd_answer_is_unknown(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", Reply(body={"orderId": 5}))
    with pytest.raises(OutcomeUnknown, match="its answer is odd"):
        await rig.private.place(approved(ENTRY))


async def test_query_tells_absent_from_unavailable(rig: Rig):
    rig.server.on("GET", "/fapi/v1/order", NO_ORDER, Reply(body=order_body()), Reply(500, b"<html>"))
    assert await rig.private.query_order("ABCUSDT", "mr-abcdefghij-e", conditional=False) is None
    found = await rig.private.query_order("ABCUSDT", "mr-abcdefghij-e", conditional=False)
    assert found is not None
    with pytest.raises(ExchangeUnavailable):
        await rig.private.query_order("ABCUSDT", "mr-abcdefghij-e", conditional=False)
    assert rig.server.asked[0].params["origClientOrderId"] == "mr-abcdefghij-e"


async def test_conditional_query_asks_the_algo_service(rig: Rig):
    rig.server.on("GET", "/fapi/v1/algoOrder", Reply(body=algo_body(algoStatus="TRIGGERED", actualOrderId="123456789012345678")))
    order = await rig.private.query_order("ABCUSDT", "mr-abcdefghij-s1", conditional=True)
    assert order is not None
    assert (order.status, order.triggered_order_id) == (OrderStatus.TRIGGERED, 123456789012345678)
    assert rig.server.asked[0].params["clientAlgoId"] == "mr-abcdefghij-s1"


@pytest.mark.parametrize("answer", [{"algoId": 77, "clientAlgoId": "x", "code": "200", "msg": "success"}, algo_body(algoStatus="CANCELED")])
async def test_cancel_of_a_stop_accepts_both_answers(rig: Rig, answer: dict[str, Any]):
    order = await placed_stop(rig)
    rig.server.on("DELETE", "/fapi/v1/algoOrder", Reply(body=answer))
    after = await rig.private.cancel("ABCUSDT", order=order)
    assert after == replace(order, status=OrderStatus.CANCELED)


async def test_cancel_follows_a_stop_that_has_just_triggered(rig: Rig):
    order = await placed_stop(rig)
    triggered = algo_body(algoStatus="TRIGGERED", actualOrderId="99")
    rig.server.on("DELETE", "/fapi/v1/algoOrder", NOT_OPEN)
    rig.server.on("GET", "/fapi/v1/algoOrder", Reply(body=triggered), Reply(body={**triggered, "algoStatus": "FINISHED"}))
    rig.server.on("DELETE", "/fapi/v1/order", Reply(body=order_body(orderId=99, status="CANCELED", executedQty="0")))
    after = await rig.private.cancel("ABCUSDT", order=order)
    assert after is not None
    assert (after.status, after.algo) == (OrderStatus.FINISHED, True)
    assert rig.server.asked_for("DELETE", "/fapi/v1/order")[0].params["orderId"] == "99"


async def test_cancel_of_something_already_gone_tells_what_became_of_it(rig: Rig):
    rig.server.on("POST", "/fapi/v1/order", Reply(body=order_body(status="NEW", executedQty="0")))
    order = await rig.private.place(approved(ENTRY))
    rig.server.on("DELETE", "/fapi/v1/order", NOT_OPEN)
    rig.server.on("GET", "/fapi/v1/order", Reply(body=order_body()), NO_ORDER)
    filled = await rig.private.cancel("ABCUSDT", order=order)
    assert filled is not None
    assert filled.status is OrderStatus.FILLED
    assert await rig.private.cancel("ABCUSDT", order=order) is None


async def test_cancel_without_an_answer_is_unknown(rig: Rig):
    order = await placed_stop(rig)
    rig.server.on("DELETE", "/fapi/v1/algoOrder", Reply(silent=True))
    with pytest.raises(OutcomeUnknown) as caught:
        await rig.private.cancel("ABCUSDT", order=order)
    assert caught.value.client_id == "mr-abcdefghij-s1"


async def test_cancel_all_calls_both_even_if_one_fails(rig: Rig):
    rig.server.on("DELETE", "/fapi/v1/allOpenOrders", Reply(500, b"<html>"))
    rig.server.on("DELETE", "/fapi/v1/algoOpenOrders", Reply(body={"code": 200, "msg": "done"}))
    with pytest.raises(ExchangeUnavailable):
        await rig.private.cancel_all("ABCUSDT")
    assert len(rig.server.asked_for("DELETE", "/fapi/v1/algoOpenOrders")) == 1


async def test_cancel_all_on_aster_has_one_endpoint_and_a_text_for_a_code(aster: Rig):
    aster.server.on("DELETE", "/fapi/v3/allOpenOrders", Reply(body={"code": "200", "msg": "done"}))
    await aster.private.cancel_all("ABCUSDT")
    assert len(aster.server.asked) == 1
    assert aster.server.asked[0].params["symbol"] == "ABCUSDT"


async def test_open_orders_are_the_union_or_nothing(rig: Rig):
    rig.server.on("GET", "/fapi/v1/openOrders", Reply(body=[order_body(status="NEW", executedQty="0")]))
    rig.server.on("GET", "/fapi/v1/openAlgoOrders", Reply(body=[algo_body()]), Reply(500, b"<html>"))
    orders = await rig.private.open_orders()
    assert [order.algo for order in orders] == [False, True]
    with pytest.raises(ExchangeUnavailable):
        await rig.private.open_orders("ABCUSDT")
    assert rig.http.limiter.used_weight >= 80


async def test_open_orders_that_are_not_a_list_are_refused(rig: Rig):
    rig.server.on("GET", "/fapi/v1/openOrders", Reply(body={}))
    rig.server.on("GET", "/fapi/v1/openAlgoOrders", Reply(body=[]))
    with pytest.raises(ContractViolation, match="openOrders"):
        await rig.private.open_orders()


async def test_account_positions_and_settings(rig: Rig):
    row = {
        "asset": "USDT",
        "walletBalance": "100",
        "unrealizedProfit": "-5",
        "availableBalance": "80",
        "initialMargin": "15",
        "maintMargin": "2",
    }
    rig.server.on("GET", "/fapi/v3/account", Reply(body={"assets": [row]}))
    position = {"symbol": "ABCUSDT", "positionSide": "BOTH", "positionAmt": "-3", "entryPrice": "1.5", "markPrice": "1.4"}
    position |= {"unRealizedProfit": "0.3", "liquidationPrice": "0", "isolatedWallet": "0", "updateTime": 9}
    rig.server.on("GET", "/fapi/v3/positionRisk", Reply(body=[position, {**position, "positionAmt": "0"}]))
    rig.server.on("GET", "/fapi/v1/symbolConfig", Reply(body=[{"symbol": "ABCUSDT", "marginType": "CROSSED", "leverage": 7}]))
    rig.server.on("POST", "/fapi/v1/leverage", Reply(body={"symbol": "ABCUSDT", "leverage": 5, "maxNotionalValue": "1"}))
    rig.server.on("POST", "/fapi/v1/marginType", Reply(400, {"code": -4046, "msg": "No need to change margin type."}))
    rig.server.on("POST", "/fapi/v1/positionSide/dual", Reply(400, {"code": -4059, "msg": "No need to change position side."}))
    rig.server.on("GET", "/fapi/v1/positionSide/dual", Reply(body={"dualSidePosition": False}))
    account = await rig.private.account()
    assert (account.equity, account.update_ms > 0) == (Decimal(95), True)
    (short,) = await rig.private.positions()
    assert (short.amount, short.liquidation_price, short.isolated, short.leverage) == (Decimal(-3), None, False, None)
    assert await rig.private.symbol_settings("ABCUSDT") == (7, MarginType.CROSSED)
    assert await rig.private.set_leverage("ABCUSDT", 5) == 5
    await rig.private.set_margin_type("ABCUSDT", MarginType.CROSSED)
    await rig.private.set_position_mode(hedge=False)
    assert await rig.private.position_mode() is False


async def test_aster_tells_the_settings_with_the_position(aster: Rig):
    row = {"symbol": "ABCUSDT", "positionSide": "BOTH", "positionAmt": "0", "leverage": "20", "marginType": "cross"}
    aster.server.on("GET", "/fapi/v3/positionRisk", Reply(body=[row]))
    assert await aster.private.symbol_settings("ABCUSDT") == (20, MarginType.CROSSED)


async def test_trades_income_brackets_and_fees(rig: Rig):
    trade = {"symbol": "ABCUSDT", "id": 1, "orderId": 2, "side": "BUY", "price": "1.5", "qty": "2", "commission": "0.001"}
    trade |= {"commissionAsset": "USDT", "realizedPnl": "0", "maker": False, "time": 7}
    rig.server.on("GET", "/fapi/v1/userTrades", Reply(body=[trade]))
    rig.server.on("GET", "/fapi/v1/income", Reply(body=[]))
    rig.server.on("GET", "/fapi/v1/commissionRate", Reply(body={"makerCommissionRate": "0.0002", "takerCommissionRate": "0.0005"}))
    bracket = {"initialLeverage": 20, "notionalCap": 1000, "notionalFloor": 0, "maintMarginRatio": 0.01, "cum": 0}
    rig.server.on("GET", "/fapi/v1/leverageBracket", Reply(body={"symbol": "ABCUSDT", "brackets": [bracket]}))
    (fill,) = await rig.private.user_trades("ABCUSDT", from_id=1)
    assert (fill.fee, fill.signed_quantity) == (Decimal("0.001"), Decimal(2))
    assert rig.server.asked[0].params["fromId"] == "1"
    with pytest.raises(ValueError, match="start_ms or from_id"):
        await rig.private.user_trades("ABCUSDT", from_id=1, start_ms=1)
    assert await rig.private.income(kind="FUNDING_FEE") == []
    assert (await rig.private.commission_rate("ABCUSDT")).taker == Decimal("0.0005")
    assert (await rig.private.leverage_brackets("ABCUSDT"))["ABCUSDT"][0].maintenance_ratio == Decimal("0.01")


def without_signature(asked: Asked) -> bool:
    return "signature" not in asked.params


async def test_listen_key_needs_the_keys_header_only(rig: Rig):
    for method in ("POST", "PUT", "DELETE"):
        rig.server.on(method, "/fapi/v1/listenKey", Reply(body={"listenKey": "K"}))
    assert await rig.private.create_listen_key() == "K"
    await rig.private.keepalive_listen_key()
    await rig.private.close_listen_key()
    assert all(without_signature(asked) and asked.headers["x-mbx-apikey"] == "key" for asked in rig.server.asked)
    rig.server.on("PUT", "/fapi/v1/listenKey", Reply(400, {"code": -1125, "msg": "This listenKey does not exist."}))
    with pytest.raises(Permanent) as caught:
        await rig.private.keepalive_listen_key()
    assert caught.value.code == "listen_key_unknown"


async def test_aster_signs_listen_key_requests(aster: Rig):
    aster.server.on("POST", "/fapi/v3/listenKey", Reply(body={"listenKey": "K"}))
    await aster.private.create_listen_key()
    assert "nonce" in aster.server.asked[0].params

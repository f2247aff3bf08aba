"""Orders, trades and income as REST shows them."""

import hashlib
from typing import Any

from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Amendment, Income, Order, Trade
from services.paper_exchange.logic.money import fixed, money
from services.paper_exchange.logic.rules import SymbolRules
from services.paper_exchange.logic.spec import Dialect
from shared.domain.order import OrderStatus, OrderType, Side
from shared.domain.units import plain


def _average_places(rules: SymbolRules) -> int:
    return max(5, rules.price_places + 2)


def order_view(desk: Desk, order: Order, *, ack: bool = False) -> dict[str, Any]:
    """An order as POST, PUT and DELETE answer it; `ack` shows it as it was taken, before any fill."""
    rules = desk.market.rule(order.symbol)
    executed = order.executed * (not ack)
    spent = order.quote_sum * (not ack)
    body: dict[str, Any] = {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": "NEW" if ack else order.status.value,
        "clientOrderId": order.client_id,
        "price": rules.show_price(order.price),
        "avgPrice": fixed(order.average * (not ack), _average_places(rules)),
        "origQty": rules.show_qty(order.quantity),
        "executedQty": rules.show_qty(executed),
        "cumQty": rules.show_qty(executed),
        "cumQuote": fixed(spent, max(5, rules.price_places)),
        "timeInForce": order.tif.value,
        "type": order.type.value,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side.value,
        "positionSide": order.position_side.value,
        "stopPrice": rules.show_price(order.trigger),
        "workingType": order.working.value,
        "priceProtect": order.price_protect,
        "origType": order.original.value,
    }
    if desk.dialect is Dialect.BINANCE:
        body |= {"priceMatch": order.price_match, "selfTradePreventionMode": order.stp, "goodTillDate": order.good_till_ms}
    if order.original is OrderType.TRAILING_STOP_MARKET:
        body |= {"activatePrice": rules.show_price(order.activate), "priceRate": plain(order.callback)}
    body["updateTime"] = order.updated_ms
    if desk.dialect is Dialect.ASTER:
        body["newChainData"] = {"hash": _chain_hash(order)}
    return body


def _chain_hash(order: Order) -> str:
    """Aster names the transaction that an answer stands for; here a number that is the same in each equal run."""
    return "0x" + hashlib.sha256(f"{order.order_id}:{order.status}:{order.updated_ms}".encode()).hexdigest()


def order_row(desk: Desk, order: Order) -> dict[str, Any]:
    """An order as the GET endpoints show it: with its time, without cumQty."""
    body = order_view(desk, order)
    del body["cumQty"]
    body.pop("newChainData", None)
    return {**body, "time": order.created_ms}


def algo_view(desk: Desk, order: Order) -> dict[str, Any]:
    """An algo order as POST answers it."""
    rules = desk.market.rule(order.symbol)
    body: dict[str, Any] = {
        "algoId": order.order_id,
        "clientAlgoId": order.client_id,
        "algoType": "CONDITIONAL",
        "orderType": order.type.value,
        "symbol": order.symbol,
        "side": order.side.value,
        "positionSide": order.position_side.value,
        "timeInForce": order.tif.value,
        "quantity": rules.show_qty(order.quantity),
        "algoStatus": order.status.value,
        "triggerPrice": rules.show_price(order.trigger),
        "price": rules.show_price(order.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": order.stp,
        "workingType": order.working.value,
        "priceMatch": order.price_match,
        "closePosition": order.close_position,
        "priceProtect": order.price_protect,
        "reduceOnly": order.reduce_only,
    }
    if order.type is OrderType.TRAILING_STOP_MARKET:
        body |= {"activatePrice": rules.show_price(order.activate), "callbackRate": plain(order.callback)}
    return body | {
        "createTime": order.created_ms,
        "updateTime": order.updated_ms,
        "triggerTime": order.triggered_ms,
        "goodTillDate": order.good_till_ms,
    }


def algo_row(desk: Desk, order: Order, actual: Order | None) -> dict[str, Any]:
    """An algo order as the GET endpoints show it; `actual` is the order that it became."""
    body = algo_view(desk, order)
    places = _average_places(desk.market.rule(order.symbol))
    body |= {"actualOrderId": str(order.actual_id or ""), "actualPrice": fixed(actual.average, places) if actual else "0"}
    if actual is not None:
        body |= {"actualQty": plain(actual.executed), "actualType": actual.type.value}
    zero = desk.market.rule(order.symbol).show_price(0.0)
    return body | {"tpTriggerPrice": zero, "tpPrice": zero, "slTriggerPrice": zero, "slPrice": zero, "tpOrderType": ""}


def trade_row(desk: Desk, trade: Trade) -> dict[str, Any]:
    """A row of userTrades; a positive commission is a cost."""
    rules = desk.market.rule(trade.symbol)
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side.value,
        "price": rules.show_price(trade.price),
        "qty": rules.show_qty(trade.quantity),
        "realizedPnl": money(trade.realised) if trade.realised else "0",
        "marginAsset": rules.quote,
        "quoteQty": fixed(trade.price * trade.quantity, max(5, rules.price_places)),
        "commission": money(trade.commission),
        "commissionAsset": rules.quote,
        "time": trade.time_ms,
        "positionSide": trade.position_side.value,
        "maker": trade.maker,
        "buyer": trade.side is Side.BUY,
    }


def income_row(desk: Desk, row: Income) -> dict[str, Any]:
    """A row of income; tranId is an integer on Binance and a string on Aster."""
    aster = desk.dialect is Dialect.ASTER
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": money(row.amount),
        "asset": "USDT",
        "time": row.time_ms,
        "info": row.info,
        "tranId": str(row.tran_id) if aster else row.tran_id,
        "tradeId": row.trade_id,
    }


def amendment_row(rules: SymbolRules, item: Amendment) -> dict[str, Any]:
    """A row of orderAmendment."""
    changes = {
        "price": {"before": rules.show_price(item.before[0]), "after": rules.show_price(item.after[0])},
        "origQty": {"before": rules.show_qty(item.before[1]), "after": rules.show_qty(item.after[1])},
    }
    return {
        "amendmentId": item.number,
        "symbol": item.symbol,
        "pair": item.symbol,
        "orderId": item.order_id,
        "clientOrderId": item.client_id,
        "time": item.time_ms,
        "amendment": {**changes, "count": item.count},
        "priceMatch": "NONE",
    }


def shows_result(order: Order, *, result: bool) -> bool:
    """Whether the answer of POST order carries the fills: only with newOrderRespType=RESULT, or after a refusal to rest."""
    return result or order.status in {OrderStatus.EXPIRED, OrderStatus.CANCELED}

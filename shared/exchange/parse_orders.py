"""REST answers about orders and executions to values; one type for ordinary and conditional orders."""

from decimal import Decimal
from typing import Any

from shared.domain.order import Fill, OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType
from shared.domain.units import Price, Qty, Usd
from shared.exchange.fields import (
    Row,
    decimal,
    decimal_or,
    flag,
    flag_or,
    member,
    positive_or_none,
    row,
    rows,
    text,
    text_or,
    whole,
    whole_or,
)

_ZERO = Decimal(0)


def parse_order(payload: Any) -> VenueOrder:
    """An ordinary order, from POST, GET, DELETE or a list.

    `{"orderId": 7, "symbol": "ABCUSDT", "status": "NEW", "clientOrderId": "mr-...", "origQty": "1", "executedQty": "0",
    "type": "LIMIT", "side": "BUY", "stopPrice": "0", ...}`. `avgPrice` and `cumQuote` may be missing. A triggered stop
    changes its `type`; `origType` keeps what it was sent as.
    """
    what = "order"
    order = row(payload, what)
    kind = member(OrderType, order, "origType" if order.get("origType") else "type", what)
    quantity, filled = decimal(order, "origQty", what), decimal_or(order, "executedQty", _ZERO, what)
    return VenueOrder(
        symbol=text(order, "symbol", what),
        order_id=whole(order, "orderId", what),
        client_id=text_or(order, "clientOrderId", ""),
        side=member(Side, order, "side", what),
        type=kind,
        status=order_status(order, "status", quantity, filled, what),
        quantity=Qty(quantity),
        filled=Qty(filled),
        average_price=_average(order, filled, what),
        price=_price(order, "price", what),
        trigger_price=_price(order, "stopPrice", what),
        reduce_only=flag_or(order, "reduceOnly", what, default=False),
        close_position=flag_or(order, "closePosition", what, default=False),
        working_type=_working_type(order, "workingType", what),
        position_side=_position_side(order, "positionSide", what),
        update_ms=whole_or(order, "updateTime", whole_or(order, "time", 0, what), what),
    )


def parse_algo_order(payload: Any) -> VenueOrder:
    """A conditional order of the algo endpoints.

    `{"algoId": 9, "clientAlgoId": "mr-...", "orderType": "STOP_MARKET", "symbol": "ABCUSDT", "side": "SELL",
    "algoStatus": "NEW", "quantity": "1", "triggerPrice": "1.2", "actualOrderId": "", ...}`. `actualOrderId`, `actualPrice`
    and `actualQty` are filled once the trigger created an ordinary order.
    """
    what = "algo order"
    order = row(payload, what)
    triggered = whole_or(order, "actualOrderId", 0, what)
    filled = decimal_or(order, "actualQty", _ZERO, what)
    return VenueOrder(
        symbol=text(order, "symbol", what),
        order_id=whole(order, "algoId", what),
        client_id=text_or(order, "clientAlgoId", ""),
        side=member(Side, order, "side", what),
        type=member(OrderType, order, "orderType", what),
        status=member(OrderStatus, order, "algoStatus", what),
        quantity=Qty(decimal_or(order, "quantity", _ZERO, what)),
        filled=Qty(filled),
        average_price=_price(order, "actualPrice", what) if filled else None,
        price=_price(order, "price", what),
        trigger_price=_price(order, "triggerPrice", what),
        reduce_only=flag_or(order, "reduceOnly", what, default=False),
        close_position=flag_or(order, "closePosition", what, default=False),
        working_type=_working_type(order, "workingType", what),
        position_side=_position_side(order, "positionSide", what),
        update_ms=whole_or(order, "updateTime", whole_or(order, "createTime", 0, what), what),
        algo=True,
        triggered_order_id=triggered or None,
    )


def parse_user_trades(payload: Any) -> list[Fill]:
    """`[{"symbol": "ABCUSDT", "id": 1, "orderId": 7, "side": "BUY", "price": "1.5", "qty": "1", "commission": "0.0006", ...}]`.

    The rows do not carry the client id: it is empty here. The commission is positive when it costs.
    """
    what = "userTrades"
    return [
        Fill(
            symbol=text(item, "symbol", what),
            trade_id=whole(item, "id", what),
            order_id=whole(item, "orderId", what),
            client_id="",
            side=member(Side, item, "side", what),
            price=Price(decimal(item, "price", what)),
            quantity=Qty(decimal(item, "qty", what)),
            fee=Usd(decimal(item, "commission", what)),
            fee_asset=text(item, "commissionAsset", what),
            realised=Usd(decimal(item, "realizedPnl", what)),
            maker=flag(item, "maker", what),
            time_ms=whole(item, "time", what),
        )
        for item in rows(payload, what)
    ]


def order_status(source: Row, name: str, quantity: Decimal, filled: Decimal, what: str) -> OrderStatus:
    """The status; NEW_ADL and NEW_INSURANCE say who is at work, so the filled quantity tells how far it is."""
    if str(source.get(name)).startswith("NEW_"):
        if filled >= quantity > 0:
            return OrderStatus.FILLED
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.NEW
    return member(OrderStatus, source, name, what)


def _average(order: Row, filled: Decimal, what: str) -> Price | None:
    """The average price, from the quote total where the venue no longer sends it."""
    average = positive_or_none(order, "avgPrice", what)
    if average is None and filled:
        total = positive_or_none(order, "cumQuote", what)
        average = None if total is None else total / filled
    return None if average is None else Price(average)


def _price(order: Row, name: str, what: str) -> Price | None:
    """A price, of which 0 means none."""
    value = positive_or_none(order, name, what)
    return None if value is None else Price(value)


def _working_type(order: Row, name: str, what: str) -> WorkingType | None:
    """The price that a trigger watches."""
    return member(WorkingType, order, name, what) if order.get(name) else None


def _position_side(order: Row, name: str, what: str) -> PositionSide:
    """BOTH where the venue leaves it out, as it does in one-way mode."""
    return member(PositionSide, order, name, what) if order.get(name) else PositionSide.BOTH

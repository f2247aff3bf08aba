"""Orders: ordinary and, on the algo endpoints, conditional ones."""

from typing import Any

from services.paper_exchange.archive import Page
from services.paper_exchange.call import Call, Route, Security
from services.paper_exchange.logic.cancelling import cancel, cancel_all, find_algo, find_order, forgotten
from services.paper_exchange.logic.entities import Account, Order
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.placing import amend, check_margin, check_spec, make_order, place, place_algo
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.logic.spec import Dialect, read_spec
from services.paper_exchange.logic.view_orders import algo_row, algo_view, amendment_row, order_row, order_view, shows_result, trade_row
from shared.domain.order import OrderType

Body = dict[str, Any]

_WEEK_MS = 7 * 86_400_000


def place_one(call: Call, params: Params) -> Body:
    """An order from its parameters."""
    exchange = call.exchange
    spec = read_spec(params, exchange.desk.dialect)
    order = place(exchange.desk, call.owner, spec)
    return order_view(exchange.desk, order, ack=not shows_result(order, result=spec.result))


def post_order(call: Call) -> Body:
    """POST order."""
    return place_one(call, call.params)


def test_order(call: Call) -> Body:
    """POST order/test: every check, no order."""
    desk = call.exchange.desk
    spec = read_spec(call.params, desk.dialect)
    quote = check_spec(desk, call.owner, spec, algo=False)
    counters = dict(desk.counters)
    order = make_order(desk, call.owner, spec, algo=False)
    desk.counters = counters
    if not spec.type.conditional:
        check_margin(desk, call.owner, order, quote)
    return order_view(desk, order, ack=True)


def put_order(call: Call) -> Body:
    """PUT order."""
    return amend_one(call, call.params)


def amend_one(call: Call, params: Params) -> Body:
    """Quantity and price of a resting limit order, from the parameters of an amendment."""
    desk = call.exchange.desk
    order = _open(find_order(call.owner, params, -2013), -2013)
    quantity, price = params.decimal("quantity"), params.decimal("price")
    if quantity is None or price is None:
        raise reject(-1102, name="quantity" if quantity is None else "price")
    if order.type is not OrderType.LIMIT:
        raise reject(-1116)
    side = params.text("side")
    if side is not None and side.upper() != order.side.value:
        raise reject(-1117)
    if params.flag("reduceOnly") and not order.reduce_only:
        raise reject(-5047)
    before = (order.price, order.quantity)
    shown = order_view(desk, amend(desk, call.owner, order, quantity, price))
    call.owner.note_amendment(order, before, desk.time_ms)
    return shown


def amendments(call: Call) -> list[Body]:
    """GET orderAmendment: changes of orders since the venue was started, oldest first."""
    params, desk = call.params, call.exchange.desk
    symbol = params.symbol()
    rules = desk.market.rule(symbol)
    number, client, (start, end) = params.integer("orderId"), params.text("origClientOrderId"), _week(params)
    limit = params.bounded("limit", 50, 100)
    rows = [
        amendment_row(rules, item)
        for item in call.owner.amendments
        if item.symbol == symbol
        and number in {None, item.order_id}
        and client in {None, item.client_id}
        and (start or 0) <= item.time_ms <= (end or item.time_ms)
    ]
    return rows[-limit:]


def _open(order: Order, missing: int) -> Order:
    if not order.status.open:
        raise reject(missing)
    return order


def get_order(call: Call) -> Body:
    """GET order."""
    order = _find(call)
    if forgotten(order, call.exchange.now_ms()):
        raise reject(-2013)
    return order_row(call.exchange.desk, order)


def _find(call: Call) -> Order:
    """An order of any age (-2013)."""
    try:
        return find_order(call.owner, call.params, -2013)
    except Reject as missing:
        if missing.code != -2013:
            raise
        symbol, number = call.params.symbol(), call.params.integer("orderId")
        archive, client = call.exchange.archive, call.params.text("origClientOrderId") or ""
        if number is None:
            found = archive.order_named(call.owner, client, symbol, algo=False)
        else:
            found = archive.order(call.owner, number, algo=False)
        if found is None or found.symbol != symbol or symbol not in call.exchange.desk.market.rules:
            raise
        return found


def get_open_order(call: Call) -> Body:
    """GET openOrder."""
    return order_row(call.exchange.desk, _open(find_order(call.owner, call.params, -2013), -2013))


def delete_order(call: Call) -> Body:
    """DELETE order."""
    desk = call.exchange.desk
    return order_view(desk, cancel(desk, call.owner, find_order(call.owner, call.params, -2011)))


def _wanted(call: Call) -> str | None:
    if "symbol" not in call.params:
        return None
    symbol = call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    return symbol


def open_orders(call: Call) -> list[Body]:
    """GET openOrders."""
    symbol = _wanted(call)
    return [order_row(call.exchange.desk, order) for order in call.owner.open_orders() if symbol in {None, order.symbol}]


def _week(params: Params) -> tuple[int | None, int | None]:
    """(startTime, endTime), at most seven days apart; a start alone means the seven days from there."""
    start, end = params.integer("startTime"), params.integer("endTime")
    if start is None:
        return None, end
    if end is not None and end - start > _WEEK_MS:
        raise reject(-1130, name="startTime")
    return start, start + _WEEK_MS if end is None else end


def _page(call: Call, number: str, symbol: str | None) -> Page:
    """Orders of a page: from an id on, or a time window (by creation), the newest when neither is given."""
    (start, end), first = _week(call.params), call.params.integer(number)
    return Page(limit=call.params.bounded("limit", 500, 1000), symbol=symbol, first=first, start=start, end=end)


def all_orders(call: Call) -> list[Body]:
    """GET allOrders."""
    symbol, now, rules = _wanted(call), call.exchange.now_ms(), call.exchange.desk.market.rules
    rows = call.exchange.archive.orders(
        call.owner,
        _page(call, "orderId", symbol),
        algo=False,
        keep=lambda order: order.symbol in rules and not forgotten(order, now),
    )
    return [order_row(call.exchange.desk, order) for order in rows]


def delete_all(call: Call) -> Body:
    """DELETE allOpenOrders."""
    desk = call.exchange.desk
    cancel_all(desk, call.owner, call.params.symbol(), algo=False)
    code: int | str = "200" if desk.dialect is Dialect.ASTER else 200
    return {"code": code, "msg": "The operation of cancel all open order is done."}


def countdown(call: Call) -> Body:
    """POST countdownCancelAll: cancel a symbol's ordinary orders unless asked again in time."""
    symbol, wait = call.params.symbol(), call.params.integer("countdownTime")
    call.exchange.desk.market.rule(symbol)
    if wait is None or wait < 0:
        raise reject(-1102, name="countdownTime")
    call.exchange.countdowns.set(call.owner.key, symbol, wait)
    return {"symbol": symbol, "countdownTime": str(wait)}


def user_trades(call: Call) -> list[Body]:
    """GET userTrades: of one symbol; a time window is at most seven days long."""
    params, symbol = call.params, call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    (start, end), first = _week(params), params.integer("fromId")
    order, limit = params.integer("orderId"), params.bounded("limit", 500, 1000)
    if first is not None and (start is not None or end is not None):
        raise reject(-1128)
    page = Page(limit=limit, symbol=symbol, first=first, start=start, end=end)
    return [trade_row(call.exchange.desk, trade) for trade in call.exchange.archive.trades(call.owner, page, order)]


def post_algo(call: Call) -> Body:
    """POST algoOrder."""
    kind = call.params.need("algoType").upper()
    if kind != "CONDITIONAL":
        raise reject(-1130, name="algoType")
    desk = call.exchange.desk
    return algo_view(desk, place_algo(desk, call.owner, read_spec(call.params, desk.dialect, algo=True)))


def show_algo(call: Call, account: Account, order: Order) -> Body:
    """A conditional order with the order that it became, however long ago."""
    actual = account.orders.get(order.actual_id)
    if actual is None and order.actual_id:
        actual = call.exchange.archive.order(account, order.actual_id, algo=False)
    return algo_row(call.exchange.desk, order, actual)


def get_algo(call: Call) -> Body:
    """GET algoOrder."""
    try:
        order = find_algo(call.owner, call.params, -2013)
    except Reject as missing:
        number, client = call.params.integer("algoId"), call.params.text("clientAlgoId") or ""
        archive = call.exchange.archive
        old = archive.order_named(call.owner, client, None, algo=True) if number is None else archive.order(call.owner, number, algo=True)
        if missing.code != -2013 or old is None or old.symbol not in call.exchange.desk.market.rules:
            raise
        order = old
    return show_algo(call, call.owner, order)


def delete_algo(call: Call) -> Body:
    """DELETE algoOrder: the code is a string here."""
    order = cancel(call.exchange.desk, call.owner, find_algo(call.owner, call.params, -2011))
    return {"algoId": order.order_id, "clientAlgoId": order.client_id, "code": "200", "msg": "success"}


def open_algos(call: Call) -> list[Body]:
    """GET openAlgoOrders."""
    symbol, number = _wanted(call), call.params.integer("algoId")
    rows = [order for order in call.owner.open_algos() if symbol in {None, order.symbol} and number in {None, order.order_id}]
    return [show_algo(call, call.owner, order) for order in rows]


def all_algos(call: Call) -> list[Body]:
    """GET allAlgoOrders."""
    symbol = call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    rows = call.exchange.archive.orders(call.owner, _page(call, "algoId", symbol), algo=True)
    return [show_algo(call, call.owner, order) for order in rows]


def delete_algos(call: Call) -> Body:
    """DELETE algoOpenOrders: the code is a number here."""
    cancel_all(call.exchange.desk, call.owner, call.params.symbol(), algo=True)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _one_or_forty(params: Params) -> int:
    return 1 if "symbol" in params else 40


def table(dialect: Dialect) -> dict[tuple[str, str], Route]:
    """Order routes of a dialect."""
    signed, aster = Security.SIGNED, dialect is Dialect.ASTER
    names = {
        ("POST", "order"): Route(post_order, signed, 1 if aster else 0, orders=1),
        ("POST", "order/test"): Route(test_order, signed, 1),
        ("PUT", "order"): Route(put_order, signed, 1, orders=1),
        ("GET", "order"): Route(get_order, signed),
        ("DELETE", "order"): Route(delete_order, signed),
        ("GET", "openOrder"): Route(get_open_order, signed),
        ("GET", "openOrders"): Route(open_orders, signed, _one_or_forty),
        ("GET", "allOrders"): Route(all_orders, signed, 5),
        ("DELETE", "allOpenOrders"): Route(delete_all, signed),
        ("POST", "countdownCancelAll"): Route(countdown, signed, 10),
        ("GET", "userTrades"): Route(user_trades, signed, 5),
    }
    if aster:
        return {(method, f"/fapi/{version}/{name}"): route for (method, name), route in names.items() for version in ("v1", "v3")}
    names |= {
        ("POST", "algoOrder"): Route(post_algo, signed, 0, orders=1),
        ("GET", "algoOrder"): Route(get_algo, signed),
        ("DELETE", "algoOrder"): Route(delete_algo, signed),
        ("GET", "openAlgoOrders"): Route(open_algos, signed, _one_or_forty),
        ("GET", "allAlgoOrders"): Route(all_algos, signed, 5),
        ("GET", "orderAmendment"): Route(amendments, signed),
        ("DELETE", "algoOpenOrders"): Route(delete_algos, signed),
    }
    return {(method, f"/fapi/v1/{name}"): route for (method, name), route in names.items()}

"""Several orders in one request: each item is answered with an order or with an error of its own."""

from collections.abc import Callable
from typing import Any

import orjson

from services.paper_exchange.call import Call, Route, Security
from services.paper_exchange.logic.cancelling import cancel, find_order
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.logic.view_orders import order_view
from services.paper_exchange.routes.trade import amend_one, place_one

Body = dict[str, Any]

_BATCH_MOST = 5
_CANCEL_MOST = 10


def _json_list(params: Params, name: str, most: int) -> list[Any]:
    try:
        rows = orjson.loads(params.need(name))
    except orjson.JSONDecodeError as error:
        raise reject(-1130, name=name) from error
    if not isinstance(rows, list) or not 1 <= len(rows) <= most:
        raise reject(-1130, name=name)
    return rows


def _texts(row: Any) -> Params:
    if not isinstance(row, dict):
        raise reject(-1130, name="batchOrders")
    shown = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in row.items() if value is not None}
    return Params(shown)


def _each(call: Call, act: Callable[[Call, Params], Body]) -> list[Body]:
    answers: list[Body] = []
    for row in _json_list(call.params, "batchOrders", _BATCH_MOST):
        try:
            answers.append(act(call, _texts(row)))
        except Reject as refused:
            answers.append(dict(refused.body()))
    return answers


def post_batch(call: Call) -> list[Body]:
    """POST batchOrders."""
    return _each(call, place_one)


def put_batch(call: Call) -> list[Body]:
    """PUT batchOrders: amendments."""
    return _each(call, amend_one)


_LISTS = {
    "orderIdList": "orderId",
    "orderidlist": "orderId",
    "origClientOrderIdList": "origClientOrderId",
    "origclientorderidlist": "origClientOrderId",
}
"""Names of the lists to cancel, as documented and in lower case, which ccxt and python-binance send, and what each item is."""


def delete_batch(call: Call) -> list[Body]:
    """DELETE batchOrders by a list of ids or of client ids."""
    desk, symbol = call.exchange.desk, call.params.symbol()
    name = next((item for item in _LISTS if item in call.params), "origClientOrderIdList")
    answers: list[Body] = []
    for item in _json_list(call.params, name, _CANCEL_MOST):
        try:
            order = find_order(call.owner, Params({"symbol": symbol, _LISTS[name]: str(item)}), -2011)
            answers.append(order_view(desk, cancel(desk, call.owner, order)))
        except Reject as refused:
            answers.append(dict(refused.body()))
    return answers


def table(dialect: Dialect) -> dict[tuple[str, str], Route]:
    """Batch routes of a dialect; Aster has no batch of amendments."""
    signed, aster = Security.SIGNED, dialect is Dialect.ASTER
    names = {
        ("POST", "batchOrders"): Route(post_batch, signed, 5, orders=5),
        ("DELETE", "batchOrders"): Route(delete_batch, signed),
    }
    if not aster:
        names[("PUT", "batchOrders")] = Route(put_batch, signed, 5, orders=5)
    versions = ("v1", "v3") if aster else ("v1",)
    return {(method, f"/fapi/{version}/{name}"): route for (method, name), route in names.items() for version in versions}

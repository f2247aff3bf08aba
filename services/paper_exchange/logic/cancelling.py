"""Finding and cancelling orders."""

from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order
from services.paper_exchange.logic.filling import stop_order
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import reject
from shared.domain.order import OrderStatus

_THREE_DAYS_MS = 3 * 86_400_000


def find_order(account: Account, params: Params, missing: int) -> Order:
    """An order by symbol and orderId or origClientOrderId; the newest with that client id.

    Raises:
        Reject: `missing` when there is none, -1102 when neither id was sent.
    """
    symbol, number, client = params.symbol(), params.integer("orderId"), params.text("origClientOrderId")
    if number is None and client is None:
        raise reject(-1102, name="orderId")
    found = account.orders.get(number) if number is not None else newest(account.orders, client or "", symbol)
    if found is None or found.symbol != symbol:
        raise reject(missing)
    return found


def newest(orders: dict[int, Order], client: str, symbol: str | None) -> Order | None:
    """The newest order with a client id. Client ids may be used again once the order is closed."""
    for order in reversed(orders.values()):
        if order.client_id == client and symbol in {None, order.symbol}:
            return order
    return None


def forgotten(order: Order, now_ms: int) -> bool:
    """Cancelled or expired without a fill more than three days ago: the venue no longer shows it."""
    ended = order.status in {OrderStatus.CANCELED, OrderStatus.EXPIRED}
    return ended and not order.executed and now_ms - order.created_ms > _THREE_DAYS_MS


def find_algo(account: Account, params: Params, missing: int) -> Order:
    """An algo order by algoId or clientAlgoId; no symbol is needed."""
    number, client = params.integer("algoId"), params.text("clientAlgoId")
    if number is None and client is None:
        raise reject(-1102, name="algoId")
    found = account.algos.get(number) if number is not None else newest(account.algos, client or "", None)
    if found is None:
        raise reject(missing)
    return found


def cancel(desk: Desk, account: Account, order: Order) -> Order:
    """Cancel an open order (-2011 when it is not open)."""
    book = account.open_algo_ids if order.algo else account.open_ids
    if book.get(order.client_id) != order.order_id:
        raise reject(-2011)
    stop_order(desk, account, order, OrderStatus.CANCELED)
    return order


def cancel_all(desk: Desk, account: Account, symbol: str, *, algo: bool) -> int:
    """Cancel every open order of a symbol of one kind; returns how many."""
    desk.market.rule(symbol)
    chosen = [item for item in (account.open_algos() if algo else account.open_orders()) if item.symbol == symbol]
    for order in chosen:
        cancel(desk, account, order)
    return len(chosen)

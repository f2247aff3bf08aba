"""Fills and ends of orders: what follows for the order, for its conditional parent and for resting reduce-only orders."""

from decimal import Decimal

from services.paper_exchange.logic import events
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order
from services.paper_exchange.logic.ledger import Execution, book_fill
from services.paper_exchange.logic.money import ZERO
from services.paper_exchange.logic.spec import Dialect
from shared.domain.order import OrderStatus, PositionSide, Side


def closes(order: Order) -> bool:
    """Whether the order may only make its position smaller."""
    if order.position_side is PositionSide.BOTH:
        return order.reduce_only or order.close_position
    return (order.position_side is PositionSide.LONG) == (order.side is Side.SELL)


def closable(account: Account, order: Order) -> Decimal:
    """How much of its position the order could close."""
    position = account.positions.get(order.key)
    if position is None or position.amount * order.side.sign >= 0:
        return ZERO
    return abs(position.amount)


def end(desk: Desk, account: Account, order: Order, status: OrderStatus) -> None:
    """Take an order out of the open ones with its final status."""
    order.status = status
    book = account.open_algo_ids if order.algo else account.open_ids
    if book.get(order.client_id) == order.order_id:
        del book[order.client_id]
    desk.drop_work(order)
    desk.touch(order)


def tell_order(desk: Desk, account: Account, order: Order, execution: str) -> None:
    """Emit the order's present state without a fill."""
    if order.algo:
        desk.emit(account.key, events.algo_update(desk, order, account.orders.get(order.actual_id)))
    else:
        desk.emit(account.key, events.order_update(desk, account, order, execution))


def close_parent(desk: Desk, account: Account, order: Order) -> None:
    """A triggered order that ended finishes the conditional order that made it."""
    parent = account.algos.get(order.parent_id)
    if parent is None or order.status.open or parent.status is OrderStatus.FINISHED:
        return
    parent.status = OrderStatus.FINISHED
    desk.touch(parent)
    tell_order(desk, account, parent, "")


def stop_order(desk: Desk, account: Account, order: Order, status: OrderStatus) -> None:
    """Cancel or expire an order and say so."""
    end(desk, account, order, status)
    tell_order(desk, account, order, "EXPIRED" if status is OrderStatus.EXPIRED_IN_MATCH else status.value)
    if not order.algo:
        close_parent(desk, account, order)


def fill(desk: Desk, account: Account, order: Order, execution: Execution) -> None:
    """Execute a part of an order and tell the account: TRADE_LITE (Binance), ACCOUNT_UPDATE, ORDER_TRADE_UPDATE."""
    trade = book_fill(desk, account, order, execution)
    if order.left > 0:
        order.status = OrderStatus.PARTIALLY_FILLED
    else:
        end(desk, account, order, OrderStatus.FILLED)
    if desk.dialect is Dialect.BINANCE:
        desk.emit(account.key, events.trade_lite(order, trade))
    position = account.position(*order.key)
    desk.emit(account.key, events.account_update(desk, account, "ORDER", [position]))
    desk.emit(account.key, events.order_update(desk, account, order, "TRADE", trade))
    close_parent(desk, account, order)
    trim_reducing(desk, account, order)


def trim_reducing(desk: Desk, account: Account, cause: Order) -> None:
    """Expire resting reduce-only limit orders that no longer have anything to reduce, newest first.

    Conditional orders stay, as on the venue: they are looked at when they trigger. GTE_GTC ones live with the position.
    """
    position = account.positions.get(cause.key)
    amount = position.amount if position is not None else ZERO
    resting = [
        order for order in account.open_orders() if order.key == cause.key and order is not cause and closes(order) and not order.waiting
    ]
    covered = ZERO
    for order in resting:
        fits = amount * order.side.sign < 0 and covered < abs(amount)
        if fits:
            covered += order.left
        else:
            stop_order(desk, account, order, OrderStatus.EXPIRED)
    if not amount:
        _expire_with_position(desk, account, cause)


def _expire_with_position(desk: Desk, account: Account, cause: Order) -> None:
    for order in (*account.open_orders(), *account.open_algos()):
        if order.key == cause.key and order.waiting and order.tif.value == "GTE_GTC":
            stop_order(desk, account, order, OrderStatus.EXPIRED)


def expire_due(desk: Desk) -> None:
    """Expire orders whose goodTillDate has come (GTD)."""
    due = [order for waiting in desk.working.values() for order in waiting.values() if 0 < order.good_till_ms <= desk.time_ms]
    for order in sorted(due, key=lambda item: item.order_id):
        stop_order(desk, desk.account(order.account), order, OrderStatus.EXPIRED)

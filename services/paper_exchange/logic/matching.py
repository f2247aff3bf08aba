"""An order meets the book: what it takes at once, what rests, what expires."""

from decimal import Decimal

from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order, Tif
from services.paper_exchange.logic.filling import closable, closes, fill, stop_order, trim_reducing
from services.paper_exchange.logic.ledger import Execution
from services.paper_exchange.logic.money import ZERO
from services.paper_exchange.logic.quote import Quote, walk
from shared.domain.order import OrderStatus, OrderType


def match(desk: Desk, account: Account, order: Order, quote: Quote) -> None:
    """Match a new order with the book: take what it may, then rest, or expire what an IOC or market order leaves."""
    if closes(order):
        room = closable(account, order)
        if not room:
            stop_order(desk, account, order, OrderStatus.EXPIRED)
            return
        order.quantity = min(order.quantity, order.executed + room)
    limit = order.price if order.type is OrderType.LIMIT else ZERO
    fills = walk(quote, order.side, order.left, limit)
    if prevent_self_trade(desk, account, order, fills):
        _take(desk, account, order, fills, quote)
    if order.status.open:
        _settle(desk, account, order, quote)


def _take(desk: Desk, account: Account, order: Order, fills: list[tuple[Decimal, Decimal]], quote: Quote) -> None:
    if desk.shape_fills is not None:
        fills = desk.shape_fills(order, fills)
    for price, quantity in fills:
        fill(desk, account, order, Execution(price=price, quantity=quantity, maker=False, mid=quote.mid))


def _settle(desk: Desk, account: Account, order: Order, quote: Quote) -> None:
    if order.type is OrderType.LIMIT and order.tif not in {Tif.IOC, Tif.FOK}:
        order.queue = queue_ahead(order, quote)
        desk.add_work(order)
        if order.reduce_only:
            trim_reducing(desk, account, order)
    else:
        stop_order(desk, account, order, OrderStatus.EXPIRED)


def prevent_self_trade(desk: Desk, account: Account, order: Order, fills: list[tuple[Decimal, Decimal]]) -> bool:
    """Expire (EXPIRED_IN_MATCH) the taking order, the account's own resting ones that it would meet, or both; False: do not go on."""
    if not fills or order.stp == "NONE":
        return True
    worst = fills[-1][0]
    met = [
        item
        for item in account.open_orders()
        if item.symbol == order.symbol
        and item.side is not order.side
        and item.type is OrderType.LIMIT
        and (worst - item.price) * order.side.sign >= 0
    ]
    if met and order.stp in {"EXPIRE_MAKER", "EXPIRE_BOTH"}:
        for item in met:
            stop_order(desk, account, item, OrderStatus.EXPIRED_IN_MATCH)
    if met and order.stp in {"EXPIRE_TAKER", "EXPIRE_BOTH"}:
        stop_order(desk, account, order, OrderStatus.EXPIRED_IN_MATCH)
        return False
    return True


def queue_ahead(order: Order, quote: Quote) -> Decimal:
    """What rests before a new limit order at its price: the modelled quantity of its level."""
    for price, quantity in quote.levels(order.side.opposite):
        if (order.price - price) * order.side.sign >= 0:
            return quantity if order.price == price else ZERO
    return ZERO

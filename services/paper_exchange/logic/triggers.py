"""A price moves: which waiting orders react, in which order, and at which price.

Between two points of the path the price is taken to pass through every price between them, so an order reacts at its own
level and not at the next point. Only a jump (the first price of a candle, or a moved book on a live mirror) is
discontinuous: then everything in between reacts at the new price.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.paper_exchange.logic import events
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order, Tif
from services.paper_exchange.logic.filling import closable, closes, end, fill, stop_order, tell_order
from services.paper_exchange.logic.ledger import Execution
from services.paper_exchange.logic.matching import match
from services.paper_exchange.logic.money import ZERO, snap_down
from services.paper_exchange.logic.placing import check_margin, register
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.reject import Reject
from shared.domain.order import OrderStatus, OrderType, Side


@dataclass(frozen=True, slots=True)
class Move:
    """The contract price went from `start` to `quote.last`; `traded` is the volume that went with it (base units).

    `printed`: the price is that of one recorded trade.
    """

    start: Decimal
    quote: Quote
    jump: bool
    traded: Decimal = ZERO
    printed: bool = False


def _limit_level(order: Order) -> tuple[Decimal, bool]:
    """A resting limit order reacts once the contract price trades at its price."""
    return order.price, order.side is Side.SELL


def _trailing_level(order: Order, offset: Decimal, move: Move) -> tuple[Decimal, bool] | None:
    """Follow the best price; the level lies `callback` percent behind it. None until activated.

    A move is one straight line, so it either betters the best price or comes back from it; the level of a returning move
    comes from the best price at its start.
    """
    start, price = move.start + offset, move.quote.last + offset
    buying = order.side is Side.BUY
    best = min if buying else max
    if not order.activated:
        reached = best(price, start)
        if (reached - order.activate) * order.side.sign > 0:
            return None
        order.activated, order.extreme = True, reached
    improving = (price - start) * order.side.sign < 0
    order.extreme = best(order.extreme, start, price)
    if improving and not move.jump:
        return None
    level = order.extreme * (1 + order.side.sign * order.callback / 100)
    return level - offset, buying


def _level(order: Order, move: Move) -> tuple[Decimal, bool] | None:
    """(contract price at which the order reacts, whether the price must rise to it)."""
    if not order.waiting:
        return _limit_level(order)
    offset = move.quote.watched(order.working) - move.quote.last
    if order.type is OrderType.TRAILING_STOP_MARKET:
        return _trailing_level(order, offset, move)
    return order.trigger - offset, (order.side is Side.BUY) == order.type.is_stop


def reaction(order: Order, move: Move) -> Decimal | None:
    """The contract price at which an order reacts within a move, or None."""
    found = _level(order, move)
    if found is None:
        return None
    level, rising = found
    reached = move.quote.last >= level if rising else move.quote.last <= level
    met = move.start >= level if rising else move.start <= level
    if not reached and not met:
        return None
    if move.jump:
        return move.quote.last if reached else None
    return move.start if met else level


def on_move(desk: Desk, move: Move) -> None:
    """Let the waiting orders of a symbol react to a move, nearest level first; ties in order of their numbers."""
    symbol = move.quote.symbol
    done: set[tuple[bool, int]] = set()
    while waiting := desk.working.get(symbol):
        hits = [
            (abs(level - move.start), key, level)
            for key, order in waiting.items()
            if key not in done and (level := reaction(order, move)) is not None
        ]
        if not hits:
            return
        _, key, level = min(hits)
        done.add(key)
        order = waiting[key]
        account = desk.account(order.account)
        left = move.traded
        if order.waiting:
            trigger(desk, account, order, move.quote.at(_on_tick(level, move.quote)))
        else:
            left -= fill_resting(desk, account, order, move)
        move = replace(move, start=level, traded=_rest_of(move, level, left))


def _rest_of(move: Move, level: Decimal, left: Decimal) -> Decimal:
    """The volume that is left for the rest of a move: in proportion to its length, at least one tick of it."""
    whole, rest = abs(move.quote.last - move.start), abs(move.quote.last - level)
    return max(ZERO, left) * (rest + move.quote.tick) / (whole + move.quote.tick)


def _on_tick(level: Decimal, quote: Quote) -> Decimal:
    return level if level % quote.tick == 0 else max(snap_down(level, quote.tick), quote.tick)


def fill_resting(desk: Desk, account: Account, order: Order, move: Move) -> Decimal:
    """Fill a limit order that the market came to, as maker at its own price; returns the volume that this took.

    What trades at its price first goes to those who were there before (`order.queue`, the modelled quantity of the level when
    the order came), then to the order. Once the other side of the book has come to its price, or a recorded trade was beyond it,
    it is filled whole: nobody could trade there without meeting it.
    """
    through = (move.quote.best(order.side) - order.price) * order.side.sign <= 0
    through = through or (move.printed and move.quote.last != order.price and _beyond(order, move.quote.last))
    here = move.traded if _beyond(order, move.start) else _rest_of(move, order.price, move.traded)
    ahead = ZERO if through else order.queue
    offered = order.left if through else max(ZERO, here - ahead)
    order.queue = max(ZERO, ahead - here)
    desk.touch(order)
    quantity = snap_down(min(order.left, offered), move.quote.step)
    if closes(order):
        quantity = min(quantity, closable(account, order))
        if not closable(account, order):
            stop_order(desk, account, order, OrderStatus.EXPIRED)
            return ZERO
    if quantity > 0:
        fill(desk, account, order, Execution(price=order.price, quantity=quantity, maker=True, mid=order.price))
    return ahead - order.queue + quantity


def _beyond(order: Order, price: Decimal) -> bool:
    return (price - order.price) * order.side.sign <= 0


def _protected(desk: Desk, order: Order, quote: Quote) -> bool:
    """priceProtect: no trigger while mark and contract price are further apart than the symbol's triggerProtect."""
    if not order.price_protect or not quote.last:
        return False
    return abs(quote.mark - quote.last) / quote.last > desk.market.rule(order.symbol).trigger_protect


def trigger(desk: Desk, account: Account, order: Order, quote: Quote) -> None:
    """Turn a conditional order into the ordinary order that it stands for."""
    if _protected(desk, order, quote):
        return
    order.triggered_ms = desk.time_ms
    quantity, reason = _working_quantity(account, order)
    if order.algo:
        _trigger_algo(desk, account, order, quote, (quantity, reason))
    else:
        _trigger_in_place(desk, account, order, quote, quantity)


def _working_quantity(account: Account, order: Order) -> tuple[Decimal, str]:
    """What to execute, and why nothing when it is zero."""
    if not closes(order):
        return order.quantity, ""
    room = closable(account, order)
    if order.close_position:
        return room, "" if room else "Position is not sufficient."
    return min(order.quantity, room), "" if room else "Reduce Only reject"


def _executed_type(order: Order) -> OrderType:
    return OrderType.LIMIT if order.price else OrderType.MARKET


def _refusal(desk: Desk, account: Account, order: Order, quote: Quote) -> str:
    try:
        check_margin(desk, account, order, quote)
    except Reject as refused:
        return refused.msg
    return ""


def _trigger_algo(desk: Desk, account: Account, order: Order, quote: Quote, working: tuple[Decimal, str]) -> None:
    quantity, reason = working
    end(desk, account, order, OrderStatus.TRIGGERING)
    tell_order(desk, account, order, "")
    actual = replace(
        order,
        order_id=0,
        algo=False,
        type=_executed_type(order),
        quantity=quantity,
        status=OrderStatus.NEW,
        parent_id=order.order_id,
        created_ms=desk.time_ms,
        tif=Tif.GTC if order.tif is Tif.GTE_GTC else order.tif,
    )
    reason = reason or _refusal(desk, account, actual, quote)
    if reason:
        order.status, order.reason = OrderStatus.EXPIRED, reason
        desk.touch(order)
        tell_order(desk, account, order, "")
        return
    actual.order_id = desk.next("order")
    if actual.client_id in account.open_ids:
        actual.client_id = desk.auto_client_id()
    order.status, order.actual_id = OrderStatus.TRIGGERED, actual.order_id
    desk.touch(order)
    register(desk, account, actual)
    tell_order(desk, account, order, "")
    desk.emit(account.key, events.order_update(desk, account, actual, "NEW"))
    match(desk, account, actual, quote)


def _trigger_in_place(desk: Desk, account: Account, order: Order, quote: Quote, quantity: Decimal) -> None:
    """Aster: the same order goes on as MARKET or LIMIT, its original type stays in `origType`."""
    desk.drop_work(order)
    order.type = _executed_type(order)
    if not quantity or _refusal(desk, account, order, quote):
        stop_order(desk, account, order, OrderStatus.EXPIRED)
        return
    order.quantity = quantity
    desk.touch(order)
    desk.emit(account.key, events.order_update(desk, account, order, "NEW"))
    match(desk, account, order, quote)

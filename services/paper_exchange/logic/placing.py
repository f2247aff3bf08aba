"""Taking orders in: the account's rules, the margin check, and the first match of an order with the book."""

from decimal import Decimal

from services.paper_exchange.logic import brackets, events
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Order, Spec, Tif
from services.paper_exchange.logic.filling import closable, closes, stop_order
from services.paper_exchange.logic.filters import check_filters
from services.paper_exchange.logic.margin import of_account, open_notionals, orders_initial
from services.paper_exchange.logic.matching import match
from services.paper_exchange.logic.money import ZERO
from services.paper_exchange.logic.quote import Quote, walk
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.logic.rules import SymbolRules
from shared.domain.order import OrderStatus, OrderType, PositionSide, Side

ALGO_LIMIT = 200
"""Open algo orders of an account over all symbols (-4045 beyond)."""


GTD_LEAST_MS = 600_000
"""A GTD order must live longer than ten minutes."""


def make_order(desk: Desk, account: Account, spec: Spec, *, algo: bool) -> Order:
    """An order object with the next number of its kind; not yet known to the account."""
    return Order(
        order_id=desk.next("algo" if algo else "order"),
        account=account.key,
        symbol=spec.symbol,
        client_id=spec.client_id or desk.auto_client_id(),
        side=spec.side,
        type=spec.type,
        original=spec.type,
        position_side=spec.position_side,
        tif=spec.tif,
        quantity=spec.quantity,
        price=spec.price,
        trigger=spec.trigger,
        activate=spec.activate,
        callback=spec.callback,
        reduce_only=spec.reduce_only,
        close_position=spec.close_position,
        price_protect=spec.price_protect,
        working=spec.working,
        price_match=spec.price_match,
        stp=spec.stp,
        good_till_ms=spec.good_till_ms,
        created_ms=desk.time_ms,
        updated_ms=desk.time_ms,
        algo=algo,
    )


def register(desk: Desk, account: Account, order: Order) -> None:
    """Make an order known and open."""
    if order.algo:
        account.algos[order.order_id] = order
        account.open_algo_ids[order.client_id] = order.order_id
    else:
        account.orders[order.order_id] = order
        account.open_ids[order.client_id] = order.order_id
    desk.touch(order)


def _check_open(rules: SymbolRules, quote: Quote, spec: Spec) -> None:
    if not quote.fresh:
        raise Reject(-4140, "Invalid symbol status for opening position. Prices are stale; no orders are taken until they move again.")
    if rules.status != "TRADING" and not (spec.reduce_only or spec.close_position):
        raise reject(-4140)


def _check_mode(account: Account, spec: Spec) -> None:
    if account.hedge != (spec.position_side is not PositionSide.BOTH):
        raise reject(-4061)
    if account.hedge and spec.reduce_only:
        raise reject(-1106, name="reduceonly")


def _check_room(account: Account, spec: Spec, rules: SymbolRules, *, algo: bool) -> None:
    """Client id free among open orders (-4116), limits on open orders (-2025, -4045), one closePosition per kind (-4130)."""
    if spec.client_id is not None and spec.client_id in (account.open_algo_ids if algo else account.open_ids):
        raise reject(-4116)
    pending = account.open_algos() if algo else [item for item in account.open_orders() if item.symbol == spec.symbol]
    if algo and len(pending) >= ALGO_LIMIT:
        raise reject(-4045)
    if not algo:
        if len(pending) >= rules.max_orders:
            raise reject(-2025)
        if spec.type.conditional and sum(item.waiting for item in pending) >= rules.max_algo_orders:
            raise reject(-4045)
    if spec.close_position and any(_same_closing(item, spec) for item in pending):
        raise reject(-4130)


def _same_closing(order: Order, spec: Spec) -> bool:
    return (
        order.close_position
        and order.waiting
        and (order.symbol, order.position_side, order.side) == (spec.symbol, spec.position_side, spec.side)
        and order.type.is_stop == spec.type.is_stop
    )


def _check_trigger(spec: Spec, quote: Quote) -> None:
    """A trigger that is met already (-2021)."""
    price = quote.watched(spec.working)
    if spec.type is OrderType.TRAILING_STOP_MARKET:
        beyond = spec.activate and (spec.activate - price) * spec.side.sign >= 0
        if beyond:
            raise reject(-2021)
        return
    rising = (spec.side is Side.BUY) == spec.type.is_stop
    if price >= spec.trigger if rising else price <= spec.trigger:
        raise reject(-2021)


def _check_reducing(account: Account, order: Order) -> None:
    """A reducing order needs something to reduce that earlier resting ones do not cover (-2022)."""
    if not closes(order) or order.type.conditional:
        return
    room = closable(account, order)
    if order.position_side is not PositionSide.BOTH and order.quantity > room:
        raise reject(-2022)
    if order.type is OrderType.LIMIT:
        room -= sum((item.left for item in account.open_orders() if item.key == order.key and closes(item) and not item.waiting), ZERO)
    if room <= 0:
        raise reject(-2022)


def check_margin(desk: Desk, account: Account, order: Order, quote: Quote) -> None:
    """Money for what the order opens: initial margin and taker fee (-2019), and the bracket's size (-2027)."""
    if closes(order):
        return
    price = order.price or quote.best(order.side)
    notional = order.left * price
    symbol, buying = order.symbol, order.side is Side.BUY
    extra = (notional, ZERO) if buying else (ZERO, notional)
    margins = of_account(desk, account)
    more = orders_initial(desk, account, symbol, extra) - orders_initial(desk, account, symbol)
    if more > 0 and more + notional * desk.fees.taker > margins.available:
        raise reject(-2019)
    position = account.positions.get(order.key)
    held = position.amount * quote.mark if position is not None else ZERO
    bids, asks = open_notionals(desk, account, symbol, order.position_side)
    size = abs(held + bids + notional) if buying else abs(held - asks - notional)
    limit = brackets.max_notional(desk.market.ladder(symbol), account.setting(symbol).leverage)
    if size > limit and size > abs(held):
        raise reject(-2027)


def check_spec(desk: Desk, account: Account, spec: Spec, *, algo: bool) -> Quote:
    """Everything that can be said before an order gets a number; returns the quote it was checked against."""
    rules = desk.market.rule(spec.symbol)
    quote = desk.market.quote(spec.symbol)
    _check_mode(account, spec)
    _check_open(rules, quote, spec)
    _check_room(account, spec, rules, algo=algo)
    check_filters(rules, spec, quote)
    if spec.type.conditional:
        _check_trigger(spec, quote)
    return quote


def match_price(spec: Spec, quote: Quote) -> Decimal:
    """The limit price of a priceMatch order: OPPONENT takes the other side's level, QUEUE joins its own."""
    kind, _, level = spec.price_match.partition("_")
    if kind not in {"OPPONENT", "QUEUE"} or level not in {"", "5", "10", "20"}:
        raise reject(-1130, name="priceMatch")
    side = spec.side if kind == "OPPONENT" else spec.side.opposite
    prices = [price for price, _ in quote.levels(side)]
    return prices[min(int(level or 1), len(prices)) - 1]


def place(desk: Desk, account: Account, spec: Spec) -> Order:
    """Take an order on `POST order`: check, register, match.

    Raises:
        Reject: with the venue's code; nothing was changed.
    """
    if spec.price_match != "NONE" and spec.type is OrderType.LIMIT:
        found = desk.market.quote(spec.symbol)
        spec = _priced(spec, match_price(spec, found))
    if spec.tif is Tif.GTD and spec.good_till_ms <= desk.time_ms + GTD_LEAST_MS:
        raise reject(-1130, name="goodTillDate")
    quote = check_spec(desk, account, spec, algo=False)
    order = make_order(desk, account, spec, algo=False)
    _check_reducing(account, order)
    if not order.type.conditional:
        check_margin(desk, account, order, quote)
        _check_immediate(order, quote)
    register(desk, account, order)
    desk.emit(account.key, events.order_update(desk, account, order, "NEW"))
    if order.type.conditional:
        _arm(desk, order, quote)
    else:
        match(desk, account, order, quote)
    return order


def _priced(spec: Spec, price: Decimal) -> Spec:
    values = {name: getattr(spec, name) for name in Spec.__slots__}
    return Spec(**{**values, "price": price})


def _arm(desk: Desk, order: Order, quote: Quote) -> None:
    """Let a conditional order watch prices; a trailing one without activation price starts at once."""
    if order.type is OrderType.TRAILING_STOP_MARKET:
        order.activated = not order.activate
        order.extreme = quote.watched(order.working)
    desk.add_work(order)


def place_algo(desk: Desk, account: Account, spec: Spec) -> Order:
    """Take a conditional order on `POST algoOrder`; no margin is checked before the trigger."""
    quote = check_spec(desk, account, spec, algo=True)
    order = make_order(desk, account, spec, algo=True)
    register(desk, account, order)
    desk.emit(account.key, events.algo_update(desk, order))
    _arm(desk, order, quote)
    return order


def _crosses(order: Order, quote: Quote) -> bool:
    return (order.price - quote.best(order.side)) * order.side.sign >= 0


def _check_immediate(order: Order, quote: Quote) -> None:
    """GTX must not take (-5022); FOK must fill at once in full (-5021). Neither leaves a trace when refused."""
    if order.type is not OrderType.LIMIT:
        return
    if order.tif is Tif.GTX and _crosses(order, quote):
        raise reject(-5022)
    if order.tif is Tif.FOK:
        offered = sum((taken for _, taken in walk(quote, order.side, order.quantity, order.price)), ZERO)
        if offered < order.quantity:
            raise reject(-5021)


def amend(desk: Desk, account: Account, order: Order, quantity: Decimal, price: Decimal) -> Order:
    """Change quantity and price of a resting limit order (`PUT order`); it loses its place in the queue."""
    spec = Spec(symbol=order.symbol, side=order.side, type=order.type, quantity=quantity, price=price, reduce_only=order.reduce_only)
    quote = desk.market.quote(order.symbol)
    check_filters(desk.market.rule(order.symbol), spec, quote)
    if (order.quantity, order.price) == (quantity, price):
        raise reject(-5027)
    crossing = (price - quote.best(order.side)) * order.side.sign >= 0
    if quantity <= order.executed or (order.tif is Tif.GTX and crossing):
        stop_order(desk, account, order, OrderStatus.CANCELED)
        return order
    desk.drop_work(order)
    order.quantity, order.price = quantity, price
    desk.touch(order)
    desk.emit(account.key, events.order_update(desk, account, order, "AMENDMENT"))
    match(desk, account, order, quote)
    return order

"""The symbol filters: tick, step, bounds, notional, distance from the mark. One code per way to be wrong."""

from decimal import Decimal

from services.paper_exchange.logic.entities import Spec
from services.paper_exchange.logic.money import fixed
from services.paper_exchange.logic.quote import Quote
from services.paper_exchange.logic.reject import reject
from services.paper_exchange.logic.rules import SymbolRules
from shared.domain.order import OrderType, Side
from shared.domain.units import plain


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def check_price(rules: SymbolRules, price: Decimal) -> None:
    """PRICE_FILTER: decimals (-1111), tick (-4014), bounds (-4013, -4002)."""
    if _places(price) > rules.price_places:
        raise reject(-1111)
    if rules.tick and price % rules.tick:
        raise reject(-4014)
    if price < rules.min_price:
        raise reject(-4013)
    if rules.max_price and price > rules.max_price:
        raise reject(-4002)


def check_quantity(rules: SymbolRules, quantity: Decimal, *, market: bool) -> None:
    """LOT_SIZE or MARKET_LOT_SIZE: decimals (-1111), step (-4023), bounds (-4004, -4005)."""
    step = rules.market_step if market else rules.step
    if _places(quantity) > rules.qty_places:
        raise reject(-1111)
    if step and quantity % step:
        raise reject(-4023)
    if quantity < (rules.market_min_qty if market else rules.min_qty):
        raise reject(-4004)
    if quantity > (rules.market_max_qty if market else rules.max_qty):
        raise reject(-4005)


def check_band(rules: SymbolRules, side: Side, price: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE of a limit price: a buy at most mark * up (-4016), a sell at least mark * down (-4024)."""
    if side is Side.BUY and price > mark * rules.percent_up:
        raise reject(-4016, limit=fixed(mark * rules.percent_up, rules.price_places))
    if side is Side.SELL and price < mark * rules.percent_down:
        raise reject(-4024, limit=fixed(mark * rules.percent_down, rules.price_places))


def check_counterparty(rules: SymbolRules, side: Side, quote: Quote) -> None:
    """PERCENT_PRICE of a market order: the best price that it would take must lie in the band around the mark (-4131)."""
    best = quote.best(side)
    if best > quote.mark * rules.percent_up if side is Side.BUY else best < quote.mark * rules.percent_down:
        raise reject(-4131)


def _check_trigger_band(rules: SymbolRules, spec: Spec) -> None:
    if spec.side is Side.BUY and spec.price > spec.trigger * rules.percent_up:
        raise reject(-4183)
    if spec.side is Side.SELL and spec.price < spec.trigger * rules.percent_down:
        raise reject(-4184)


def _reference(spec: Spec, quote: Quote) -> Decimal:
    """The price that the notional is reckoned at: the limit, else the trigger, else the mark."""
    return spec.price or spec.trigger or quote.mark


def check_notional(rules: SymbolRules, spec: Spec, quote: Quote) -> None:
    """MIN_NOTIONAL (-4164); orders that can only reduce are exempt."""
    if spec.reduce_only or spec.close_position:
        return
    if spec.quantity * _reference(spec, quote) < rules.min_notional:
        raise reject(-4164, notional=plain(rules.min_notional))


def check_filters(rules: SymbolRules, spec: Spec, quote: Quote) -> None:
    """All filters of a new order."""
    market = spec.type in {OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.TRAILING_STOP_MARKET}
    if not spec.close_position:
        check_quantity(rules, spec.quantity, market=market)
    for price in (spec.price, spec.trigger, spec.activate):
        if price:
            check_price(rules, price)
    if spec.type is OrderType.MARKET:
        check_counterparty(rules, spec.side, quote)
    elif spec.type is OrderType.LIMIT:
        check_band(rules, spec.side, spec.price, quote.mark)
    elif spec.price:
        _check_trigger_band(rules, spec)
    check_notional(rules, spec, quote)

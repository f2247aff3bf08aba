"""An order request as the parameters that a venue expects. Pure."""

from shared.domain.order import OrderRequest, OrderType, PositionSide, TimeInForce
from shared.domain.units import plain
from shared.exchange.venues.shape import Conditional

_DECIDED_AT_ONCE = {TimeInForce.IOC, TimeInForce.FOK}
_SUPPORTED = {
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.STOP,
    OrderType.STOP_MARKET,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_MARKET,
}


def order_params(request: OrderRequest, conditional: Conditional) -> list[tuple[str, str]]:
    """Parameters of POST order, or of POST algoOrder for conditional orders of a venue that keeps them there.

    Orders that are decided at once ask for the full result, since the short answer to a filled market order looks like one
    that waits. `reduceOnly` is left out in hedge mode and with `closePosition`, where venues refuse it.

    Raises:
        ValueError: the request lacks what its type needs, or has what its type excludes.
    """
    _check(request)
    algo = request.type.conditional and conditional is Conditional.ALGO
    params: list[tuple[str, str]] = [("algoType", "CONDITIONAL")] if algo else []
    params += [("symbol", request.symbol), ("side", request.side), ("type", request.type)]
    if request.position_side is not PositionSide.BOTH:
        params.append(("positionSide", request.position_side))
    params += _size_and_price(request)
    if request.trigger_price is not None:
        params.append(("triggerPrice" if algo else "stopPrice", plain(request.trigger_price)))
        params.append(("workingType", request.working_type))
    params.append(("clientAlgoId" if algo else "newClientOrderId", request.client_id))
    if request.type is OrderType.MARKET or request.time_in_force in _DECIDED_AT_ONCE:
        params.append(("newOrderRespType", "RESULT"))
    return params


def _size_and_price(request: OrderRequest) -> list[tuple[str, str]]:
    """Quantity or close-all, price, time in force."""
    params: list[tuple[str, str]] = []
    if request.close_position:
        params.append(("closePosition", "true"))
    if request.quantity is not None:
        params.append(("quantity", plain(request.quantity)))
    if request.reduce_only and not request.close_position and request.position_side is PositionSide.BOTH:
        params.append(("reduceOnly", "true"))
    if request.price is not None:
        params += [("timeInForce", request.time_in_force or TimeInForce.GTC), ("price", plain(request.price))]
    return params


def _check(request: OrderRequest) -> None:
    """Refuse here what the venue would refuse, before it costs a request."""
    kind = request.type
    if kind not in _SUPPORTED:
        raise ValueError(f"{kind} orders are not sent by MrAster")
    if request.close_position == (request.quantity is not None):
        raise ValueError(f"{request.client_id}: expected either a quantity or close_position, got both or neither")
    if request.close_position and kind not in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}:
        raise ValueError(f"{request.client_id}: close_position goes with STOP_MARKET and TAKE_PROFIT_MARKET only, not {kind}")
    if kind.conditional != (request.trigger_price is not None):
        raise ValueError(f"{request.client_id}: {kind} {'needs a' if kind.conditional else 'takes no'} trigger price")
    needs_price = kind in {OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT}
    if needs_price != (request.price is not None):
        raise ValueError(f"{request.client_id}: {kind} {'needs a' if needs_price else 'takes no'} price")

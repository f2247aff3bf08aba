"""From request parameters to an order specification: what each order type must and must not carry."""

from decimal import Decimal
from enum import StrEnum

from services.paper_exchange.logic.entities import Spec, Tif
from services.paper_exchange.logic.money import ZERO
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import reject
from shared.domain.order import OrderType, PositionSide, Side, WorkingType


class Dialect(StrEnum):
    """Which venue is spoken."""

    BINANCE = "binance"
    ASTER = "aster"


_PLACEABLE = frozenset(OrderType) - {OrderType.LIQUIDATION}
_PRICED = {OrderType.LIMIT, OrderType.STOP, OrderType.TAKE_PROFIT}
_TRIGGERED = {OrderType.STOP, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET}
_CLOSING = {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}


def _side(params: Params) -> Side:
    word = params.need("side").upper()
    if word not in set(Side):
        raise reject(-1117)
    return Side(word)


def _type(params: Params) -> OrderType:
    word = params.need("type").upper()
    if word not in _PLACEABLE:
        raise reject(-1116)
    return OrderType(word)


def _position_side(params: Params) -> PositionSide:
    word = (params.text("positionSide") or "BOTH").upper()
    if word not in set(PositionSide):
        raise reject(-1130, name="positionSide")
    return PositionSide(word)


def _tif(params: Params, kind: OrderType) -> Tif:
    word = params.text("timeInForce")
    if kind is OrderType.MARKET and word is not None:
        raise reject(-1106, name="timeInForce")
    if kind is OrderType.LIMIT and word is None:
        raise reject(-1102, name="timeInForce")
    if word is None:
        return Tif.GTC
    if word.upper() not in set(Tif):
        raise reject(-1115)
    return Tif(word.upper())


def _working(params: Params) -> WorkingType:
    word = (params.text("workingType") or "CONTRACT_PRICE").upper()
    if word not in set(WorkingType):
        raise reject(-1130, name="workingType")
    return WorkingType(word)


def _positive(params: Params, name: str, code: int) -> Decimal:
    value = params.decimal(name)
    if value is None:
        raise reject(-1102, name=name)
    if value <= 0:
        raise reject(code)
    return value


def _quantity(params: Params, *, closing: bool) -> Decimal:
    if not closing:
        return _positive(params, "quantity", -4003)
    value = params.decimal("quantity")
    if value:
        raise reject(-4137)
    return ZERO


def _price(params: Params, kind: OrderType, price_match: str) -> Decimal:
    sent = params.decimal("price")
    if kind in _PRICED:
        if price_match != "NONE":
            if sent is not None:
                raise reject(-1106, name="price")
            return ZERO
        return _positive(params, "price", -4001)
    if kind is OrderType.MARKET and sent is not None:
        raise reject(-1106, name="price")
    return ZERO


def _callback(params: Params, most: Decimal) -> Decimal:
    value = params.decimal("callbackRate")
    if value is None:
        raise reject(-1102, name="callbackRate")
    if not Decimal("0.1") <= value <= most:
        raise reject(-1130, name="callbackRate")
    return value


def _check_closing(spec: Spec) -> Spec:
    if not spec.close_position:
        return spec
    if spec.type not in _CLOSING:
        raise reject(-4137) if spec.type is OrderType.MARKET else reject(-1128)
    if spec.reduce_only:
        raise reject(-1106, name="reduceonly")
    if (spec.side, spec.position_side) in {(Side.BUY, PositionSide.LONG), (Side.SELL, PositionSide.SHORT)}:
        raise reject(-1128)
    return spec


def _words(dialect: Dialect, *, algo: bool) -> tuple[str, str, str]:
    """Names of trigger, activation and client id, which differ between the endpoints."""
    if algo:
        return "triggerPrice", "activatePrice", "clientAlgoId"
    return "stopPrice", "activationPrice" if dialect is Dialect.ASTER else "activatePrice", "newClientOrderId"


def _stp(params: Params, dialect: Dialect) -> str:
    name = "stpMode" if dialect is Dialect.ASTER else "selfTradePreventionMode"
    word = (params.text(name) or "EXPIRE_MAKER").upper()
    if word not in {"NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"}:
        raise reject(-1130, name=name)
    return word


def _good_till(params: Params, tif: Tif) -> int:
    value = params.integer("goodTillDate")
    if tif is Tif.GTD and not value:
        raise reject(-1102, name="goodTillDate")
    return value or 0


def read_spec(params: Params, dialect: Dialect, *, algo: bool = False) -> Spec:
    """Parse an order.

    Source: the parameter tables of `POST order` and `POST algoOrder`.

    Raises:
        Reject: -1102 missing, -1106 not wanted, -1111..-1130 malformed, -4120 a conditional type on /order
            (Binance), -4137 quantity with closePosition.
    """
    symbol, side, kind = params.symbol(), _side(params), _type(params)
    if algo and not kind.conditional:
        raise reject(-1116)
    if kind.conditional and not algo and dialect is Dialect.BINANCE:
        raise reject(-4120)
    trigger, activate, client = _words(dialect, algo=algo)
    closing, tif = params.flag("closePosition"), _tif(params, kind)
    price_match = (params.text("priceMatch") or "NONE").upper()
    trailing = kind is OrderType.TRAILING_STOP_MARKET
    return _check_closing(
        Spec(
            symbol=symbol,
            side=side,
            type=kind,
            position_side=_position_side(params),
            tif=tif,
            quantity=_quantity(params, closing=closing),
            price=_price(params, kind, price_match),
            trigger=_positive(params, trigger, -4001) if kind in _TRIGGERED else ZERO,
            activate=(params.decimal(activate) or ZERO) if trailing else ZERO,
            callback=_callback(params, Decimal(10 if algo else 5)) if trailing else ZERO,
            reduce_only=params.flag("reduceOnly"),
            close_position=closing,
            price_protect=params.flag("priceProtect"),
            working=_working(params),
            client_id=params.client_id(client),
            price_match=price_match,
            stp=_stp(params, dialect),
            good_till_ms=_good_till(params, tif),
            result=(params.text("newOrderRespType") or "ACK").upper() == "RESULT",
        )
    )

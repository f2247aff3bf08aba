"""Frames of the user stream to values."""

from collections.abc import Callable
from decimal import Decimal

from shared.domain.order import Fill, OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType
from shared.domain.units import Price, Qty, Usd
from shared.exchange.events import (
    AccountUpdate,
    AlgoUpdate,
    BalanceChange,
    ConfigUpdate,
    Execution,
    ListenKeyExpired,
    MarginCall,
    MarginCallPosition,
    OrderUpdate,
    PositionChange,
    UserEvent,
)
from shared.exchange.fields import (
    Row,
    decimal,
    decimal_or,
    flag_or,
    member,
    positive_or_none,
    row,
    rows,
    text,
    text_or,
    whole,
    whole_or,
)
from shared.exchange.parse_orders import order_status

_ZERO = Decimal(0)
_EXECUTIONS = set(Execution)


def parse_user_event(event: Row) -> UserEvent | ListenKeyExpired | None:
    """The value of one event; None for kinds that MrAster does not read.

    TRADE_LITE is one of those: it repeats, earlier, the fill that ORDER_TRADE_UPDATE tells in full.
    """
    parser = _PARSERS.get(str(event.get("e")))
    return None if parser is None else parser(event)


def parse_order_update(event: Row) -> OrderUpdate:
    """`{"e": "ORDER_TRADE_UPDATE", "E": ..., "T": ..., "o": {"s": "ABCUSDT", "c": "mr-...", "S": "BUY", "x": "TRADE", ...}}`.

    Commission and its asset are absent without a fill. `ot` is the type that was sent, `o` what it became.
    """
    what = "ORDER_TRADE_UPDATE"
    source = row(event.get("o"), what)
    transaction_ms = whole(event, "T", what)
    word = text(source, "x", what)
    return OrderUpdate(
        order=_order(source, transaction_ms, what),
        execution=Execution(word) if word in _EXECUTIONS else Execution.OTHER,
        fill=_fill(source, what),
        event_ms=whole(event, "E", what),
        transaction_ms=transaction_ms,
    )


def _order(source: Row, transaction_ms: int, what: str) -> VenueOrder:
    """The order after the event."""
    quantity, filled = decimal(source, "q", what), decimal(source, "z", what)
    average = positive_or_none(source, "ap", what)
    return VenueOrder(
        symbol=text(source, "s", what),
        order_id=whole(source, "i", what),
        client_id=text_or(source, "c", ""),
        side=member(Side, source, "S", what),
        type=member(OrderType, source, "ot" if source.get("ot") else "o", what),
        status=order_status(source, "X", quantity, filled, what),
        quantity=Qty(quantity),
        filled=Qty(filled),
        average_price=None if average is None else Price(average),
        price=_price(source, "p", what),
        trigger_price=_price(source, "sp", what),
        reduce_only=flag_or(source, "R", what, default=False),
        close_position=flag_or(source, "cp", what, default=False),
        working_type=member(WorkingType, source, "wt", what) if source.get("wt") else None,
        position_side=_position_side(source, "ps", what),
        update_ms=whole_or(source, "T", transaction_ms, what),
    )


def _fill(source: Row, what: str) -> Fill | None:
    """The execution of the event, when it has one."""
    quantity = decimal_or(source, "l", _ZERO, what)
    if quantity <= 0:
        return None
    return Fill(
        symbol=text(source, "s", what),
        trade_id=whole(source, "t", what),
        order_id=whole(source, "i", what),
        client_id=text_or(source, "c", ""),
        side=member(Side, source, "S", what),
        price=Price(decimal(source, "L", what)),
        quantity=Qty(quantity),
        fee=Usd(decimal_or(source, "n", _ZERO, what)),
        fee_asset=text_or(source, "N", ""),
        realised=Usd(decimal_or(source, "rp", _ZERO, what)),
        maker=flag_or(source, "m", what, default=False),
        time_ms=whole(source, "T", what),
    )


def parse_algo_update(event: Row) -> AlgoUpdate:
    """`{"e": "ALGO_UPDATE", "E": ..., "T": ..., "o": {"caid": "mr-...", "aid": 9, "o": "STOP_MARKET", "X": "NEW", ...}}`.

    `ai` is empty and `ap`, `aq` are missing or 0 until the trigger; `aq` 0 at the end means that nothing was filled.
    """
    what = "ALGO_UPDATE"
    source = row(event.get("o"), what)
    transaction_ms = whole(event, "T", what)
    filled = decimal_or(source, "aq", _ZERO, what)
    order = VenueOrder(
        symbol=text(source, "s", what),
        order_id=whole(source, "aid", what),
        client_id=text_or(source, "caid", ""),
        side=member(Side, source, "S", what),
        type=member(OrderType, source, "o", what),
        status=member(OrderStatus, source, "X", what),
        quantity=Qty(decimal_or(source, "q", _ZERO, what)),
        filled=Qty(filled),
        average_price=_price(source, "ap", what) if filled else None,
        price=_price(source, "p", what),
        trigger_price=_price(source, "tp", what),
        reduce_only=flag_or(source, "R", what, default=False),
        close_position=flag_or(source, "cp", what, default=False),
        working_type=member(WorkingType, source, "wt", what) if source.get("wt") else None,
        position_side=_position_side(source, "ps", what),
        update_ms=transaction_ms,
        algo=True,
        triggered_order_id=whole_or(source, "ai", 0, what) or None,
    )
    return AlgoUpdate(order=order, reason=text_or(source, "rm", ""), event_ms=whole(event, "E", what), transaction_ms=transaction_ms)


def parse_account_update(event: Row) -> AccountUpdate:
    """`{"e": "ACCOUNT_UPDATE", "E": ..., "T": ..., "a": {"m": "ORDER", "B": [{"a": "USDT", "wb": "1", "cw": "1"}], "P": [...]}}`.

    A closed position is listed with amount 0; `bc` and either list may be missing.
    """
    what = "ACCOUNT_UPDATE"
    source = row(event.get("a"), what)
    return AccountUpdate(
        reason=text(source, "m", what),
        balances=tuple(_balance(item, what) for item in rows(source.get("B", []), what)),
        positions=tuple(_position(item, what) for item in rows(source.get("P", []), what)),
        symbol=text_or(source, "S", "") or None,
        event_ms=whole(event, "E", what),
        transaction_ms=whole(event, "T", what),
    )


def _balance(item: Row, what: str) -> BalanceChange:
    """One asset."""
    return BalanceChange(
        asset=text(item, "a", what),
        wallet=Usd(decimal(item, "wb", what)),
        cross_wallet=Usd(decimal(item, "cw", what)),
        change=Usd(decimal(item, "bc", what)) if item.get("bc") is not None else None,
    )


def _position(item: Row, what: str) -> PositionChange:
    """One position."""
    return PositionChange(
        symbol=text(item, "s", what),
        amount=decimal(item, "pa", what),
        entry_price=Price(decimal(item, "ep", what)),
        unrealised=Usd(decimal(item, "up", what)),
        isolated=text(item, "mt", what).lower() == "isolated",
        position_side=_position_side(item, "ps", what),
    )


def parse_config_update(event: Row) -> ConfigUpdate:
    """`{"e": "ACCOUNT_CONFIG_UPDATE", "E": ..., "ac": {"s": "ABCUSDT", "l": 10}}`, or `"ai": {"j": true}` for the account."""
    what = "ACCOUNT_CONFIG_UPDATE"
    symbol = row(event.get("ac", {}), what)
    account = row(event.get("ai", {}), what)
    return ConfigUpdate(
        symbol=text(symbol, "s", what) if symbol else None,
        leverage=whole(symbol, "l", what) if symbol else None,
        multi_assets=flag_or(account, "j", what, default=False) if "j" in account else None,
        hedge=flag_or(account, "d", what, default=False) if "d" in account else None,
        event_ms=whole(event, "E", what),
    )


def parse_margin_call(event: Row) -> MarginCall:
    """`{"e": "MARGIN_CALL", "E": ..., "cw": "3.1", "p": [{"s": "ABCUSDT", "ps": "LONG", "pa": "1", "mt": "CROSSED", ...}]}`."""
    what = "MARGIN_CALL"
    wallet = event.get("cw")
    return MarginCall(
        cross_wallet=None if wallet in (None, "") else Usd(decimal(event, "cw", what)),
        positions=tuple(
            MarginCallPosition(
                symbol=text(item, "s", what),
                position_side=_position_side(item, "ps", what),
                amount=decimal(item, "pa", what),
                isolated=text(item, "mt", what).lower() == "isolated",
                mark_price=Price(decimal(item, "mp", what)),
                unrealised=Usd(decimal(item, "up", what)),
                maintenance_margin=Usd(decimal(item, "mm", what)),
            )
            for item in rows(event.get("p"), what)
        ),
        event_ms=whole(event, "E", what),
    )


def parse_listen_key_expired(event: Row) -> ListenKeyExpired:
    """`{"e": "listenKeyExpired", "E": ...}`; one venue adds the key."""
    return ListenKeyExpired(event_ms=whole(event, "E", "listenKeyExpired"))


_PARSERS: dict[str, Callable[[Row], UserEvent | ListenKeyExpired]] = {
    "ORDER_TRADE_UPDATE": parse_order_update,
    "ALGO_UPDATE": parse_algo_update,
    "ACCOUNT_UPDATE": parse_account_update,
    "ACCOUNT_CONFIG_UPDATE": parse_config_update,
    "MARGIN_CALL": parse_margin_call,
    "listenKeyExpired": parse_listen_key_expired,
}


def _price(source: Row, name: str, what: str) -> Price | None:
    """A price, of which 0 means none."""
    value = positive_or_none(source, name, what)
    return None if value is None else Price(value)


def _position_side(source: Row, name: str, what: str) -> PositionSide:
    """BOTH where the venue leaves it out."""
    return member(PositionSide, source, name, what) if source.get(name) else PositionSide.BOTH

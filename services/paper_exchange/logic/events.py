"""User-data events as the venue sends them, built the moment something happens."""

from decimal import Decimal
from typing import Any

from services.paper_exchange.logic.desk import Desk, UserEvent
from services.paper_exchange.logic.entities import Account, Order, Position, Trade
from services.paper_exchange.logic.margin import of_position, open_notionals
from services.paper_exchange.logic.money import ZERO, money
from shared.domain.order import OrderType
from shared.domain.units import plain

ASSET = "USDT"


def break_even(desk: Desk, position: Position) -> Decimal:
    """The price that also pays the taker fee of the entry: entry * (1 + fee) long, * (1 - fee) short."""
    return position.entry * (1 + position.sign * desk.fees.taker)


def _trailing(order: Order) -> dict[str, Any]:
    if order.original is not OrderType.TRAILING_STOP_MARKET:
        return {}
    return {"AP": plain(order.activate), "cr": plain(order.callback)}


def _fill(trade: Trade | None) -> dict[str, Any]:
    if trade is None:
        return {}
    return {"N": ASSET, "n": plain(trade.commission)}


def order_update(desk: Desk, account: Account, order: Order, execution: str, trade: Trade | None = None) -> UserEvent:
    """ORDER_TRADE_UPDATE; `execution` is NEW, TRADE, CANCELED, EXPIRED, CALCULATED or AMENDMENT."""
    bids, asks = open_notionals(desk, account, order.symbol)
    body: dict[str, Any] = {
        "s": order.symbol,
        "c": order.client_id,
        "S": order.side.value,
        "o": order.type.value,
        "f": order.tif.value,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average.quantize(Decimal("1e-8"))) if order.executed else "0",
        "sp": plain(order.trigger),
        "x": execution,
        "X": order.status.value,
        "i": order.order_id,
        "l": plain(trade.quantity) if trade else "0",
        "z": plain(order.executed),
        "L": plain(trade.price) if trade else "0",
        **_fill(trade),
        "T": desk.time_ms,
        "t": trade.trade_id if trade else 0,
        "b": plain(bids),
        "a": plain(asks),
        "m": trade.maker if trade else False,
        "R": order.reduce_only,
        "wt": order.working.value,
        "ot": order.original.value,
        "ps": order.position_side.value,
        "cp": order.close_position,
        **_trailing(order),
        "rp": plain(trade.realised) if trade else "0",
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.stp,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": desk.time_ms, "E": desk.time_ms, "o": body}


def trade_lite(order: Order, trade: Trade) -> UserEvent:
    """TRADE_LITE, the short form of a fill."""
    return {
        "e": "TRADE_LITE",
        "E": trade.time_ms,
        "T": trade.time_ms,
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": trade.maker,
        "c": order.client_id,
        "S": order.side.value,
        "L": plain(trade.price),
        "l": plain(trade.quantity),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def position_row(desk: Desk, account: Account, position: Position) -> dict[str, Any]:
    """One row of P in ACCOUNT_UPDATE."""
    return {
        "s": position.symbol,
        "pa": plain(position.amount),
        "ep": plain(position.entry),
        "bep": plain(break_even(desk, position).quantize(Decimal("1e-8"))) if position.amount else "0",
        "cr": plain(position.realised),
        "up": money(position.unrealised(desk.mark(position.symbol))) if position.amount else "0",
        "mt": "isolated" if account.setting(position.symbol).isolated else "cross",
        "iw": plain(position.isolated_wallet),
        "ps": position.side.value,
        "ma": ASSET,
    }


def account_update(desk: Desk, account: Account, reason: str, positions: list[Position], change: Decimal = ZERO) -> UserEvent:
    """ACCOUNT_UPDATE; `change` is the part of the balance change that is neither PnL nor commission."""
    cross = account.wallet - sum((position.isolated_wallet for position in account.held()), ZERO)
    return {
        "e": "ACCOUNT_UPDATE",
        "T": desk.time_ms,
        "E": desk.time_ms,
        "a": {
            "B": [{"a": ASSET, "wb": money(account.wallet), "cw": money(cross), "bc": plain(change)}],
            "P": [position_row(desk, account, position) for position in positions],
            "m": reason,
        },
    }


def algo_update(desk: Desk, order: Order, actual: Order | None = None) -> UserEvent:
    """ALGO_UPDATE; `actual` is the ordinary order that the trigger made."""
    after: dict[str, Any] = {}
    if actual is not None:
        average = plain(actual.average.quantize(Decimal("1e-8"))) if actual.executed else "0"
        after = {"ap": average, "aq": plain(actual.executed), "act": actual.type.value}
    body = {
        "caid": order.client_id,
        "aid": order.order_id,
        "at": "CONDITIONAL",
        "o": order.type.value,
        "s": order.symbol,
        "S": order.side.value,
        "ps": order.position_side.value,
        "f": order.tif.value,
        "q": plain(order.quantity),
        "X": order.status.value,
        "ai": str(order.actual_id) if order.actual_id else "",
        **after,
        "tp": plain(order.trigger),
        "p": plain(order.price),
        "V": order.stp,
        "wt": order.working.value,
        "pm": order.price_match,
        "cp": order.close_position,
        "pP": order.price_protect,
        "R": order.reduce_only,
        "tt": order.triggered_ms,
        "gtd": order.good_till_ms,
    }
    if order.reason:
        body["rm"] = order.reason
    return {"e": "ALGO_UPDATE", "T": desk.time_ms, "E": desk.time_ms, "o": body}


def leverage_update(desk: Desk, symbol: str, leverage: int) -> UserEvent:
    """ACCOUNT_CONFIG_UPDATE after a change of leverage."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": desk.time_ms, "E": desk.time_ms, "ac": {"s": symbol, "l": leverage}}


def multi_assets_update(desk: Desk, account: Account) -> UserEvent:
    """ACCOUNT_CONFIG_UPDATE after a change of the multi-assets mode."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": desk.time_ms, "E": desk.time_ms, "ai": {"j": account.multi_assets}}


def margin_call(desk: Desk, account: Account, cross_wallet: Decimal) -> UserEvent:
    """MARGIN_CALL: an advisory; a liquidation may come without one."""
    rows = []
    for position in account.held():
        part = of_position(desk, account, position)
        rows.append(
            {
                "s": position.symbol,
                "ps": position.side.value,
                "pa": plain(position.amount),
                "mt": "ISOLATED" if account.setting(position.symbol).isolated else "CROSSED",
                "iw": plain(position.isolated_wallet),
                "mp": plain(part.mark),
                "up": money(part.unrealised),
                "mm": money(part.maintenance),
            }
        )
    return {"e": "MARGIN_CALL", "E": desk.time_ms, "cw": money(cross_wallet), "p": rows}


def force_order(desk: Desk, order: Order) -> dict[str, Any]:
    """The public forceOrder event of a liquidation."""
    body = {
        "s": order.symbol,
        "S": order.side.value,
        "o": "LIMIT",
        "f": "IOC",
        "q": plain(order.quantity),
        "p": plain(order.price),
        "ap": plain(order.average),
        "X": order.status.value,
        "l": plain(order.executed),
        "z": plain(order.executed),
        "T": desk.time_ms,
    }
    return {"e": "forceOrder", "E": desk.time_ms, "o": body}

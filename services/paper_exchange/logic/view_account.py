"""Balances, account and positions as REST shows them, in the shapes of both dialects."""

from decimal import Decimal
from typing import Any

from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.entities import Account, Position
from services.paper_exchange.logic.events import ASSET, break_even
from services.paper_exchange.logic.margin import Margins, liquidation_price, of_account, of_position, open_notionals, orders_initial
from services.paper_exchange.logic.money import ZERO, fixed, money
from services.paper_exchange.logic.spec import Dialect
from shared.domain.order import PositionSide
from shared.domain.units import plain


def balance_view(desk: Desk, account: Account) -> list[dict[str, Any]]:
    """`balance`: one row, the margin asset."""
    margins = of_account(desk, account)
    return [
        {
            "accountAlias": account.alias,
            "asset": ASSET,
            "balance": money(margins.wallet),
            "crossWalletBalance": money(margins.cross_wallet),
            "crossUnPnl": money(margins.cross_unrealised),
            "availableBalance": money(margins.available),
            "maxWithdrawAmount": money(_withdrawable(margins)),
            "marginAvailable": True,
            "updateTime": account.updated_ms,
        }
    ]


def _withdrawable(margins: Margins) -> Decimal:
    return max(ZERO, min(margins.available, margins.cross_wallet))


def _totals(margins: Margins) -> dict[str, Any]:
    return {
        "totalInitialMargin": money(margins.initial),
        "totalMaintMargin": money(margins.maintenance),
        "totalWalletBalance": money(margins.wallet),
        "totalUnrealizedProfit": money(margins.unrealised),
        "totalMarginBalance": money(margins.balance),
        "totalPositionInitialMargin": money(margins.positions_initial),
        "totalOpenOrderInitialMargin": money(margins.orders_initial),
        "totalCrossWalletBalance": money(margins.cross_wallet),
        "totalCrossUnPnl": money(margins.cross_unrealised),
        "availableBalance": money(margins.available),
        "maxWithdrawAmount": money(_withdrawable(margins)),
    }


def _asset(account: Account, margins: Margins) -> dict[str, Any]:
    return {
        "asset": ASSET,
        "walletBalance": money(margins.wallet),
        "unrealizedProfit": money(margins.unrealised),
        "marginBalance": money(margins.balance),
        "maintMargin": money(margins.maintenance),
        "initialMargin": money(margins.initial),
        "positionInitialMargin": money(margins.positions_initial),
        "openOrderInitialMargin": money(margins.orders_initial),
        "crossWalletBalance": money(margins.cross_wallet),
        "crossUnPnl": money(margins.cross_unrealised),
        "availableBalance": money(margins.available),
        "maxWithdrawAmount": money(_withdrawable(margins)),
        "updateTime": account.updated_ms,
    }


def account_v3(desk: Desk, account: Account) -> dict[str, Any]:
    """`v3/account`: totals, assets, and only positions that exist or have orders."""
    margins = of_account(desk, account)
    rows = [_slim_row(desk, account, position) for position in _relevant(account)]
    return {**_totals(margins), "assets": [_asset(account, margins)], "positions": rows}


def _slim_row(desk: Desk, account: Account, position: Position) -> dict[str, Any]:
    part = of_position(desk, account, position)
    orders = orders_initial(desk, account, position.symbol)
    return {
        "symbol": position.symbol,
        "positionSide": position.side.value,
        "positionAmt": _amount(desk, position),
        "unrealizedProfit": money(part.unrealised),
        "isolatedMargin": _isolated_margin(account, position, part.unrealised),
        "notional": _signed(position, part.notional),
        "isolatedWallet": plain(position.isolated_wallet),
        "initialMargin": money(part.initial + orders),
        "maintMargin": money(part.maintenance),
        "updateTime": position.updated_ms,
    }


def account_v2(desk: Desk, account: Account) -> dict[str, Any]:
    """`v2/account` (and Aster's account): flags, totals, positions of all symbols."""
    margins = of_account(desk, account)
    flags = {
        "feeTier": 0,
        "feeBurn": account.fee_burn,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }
    rows = [_wide_row(desk, account, position) for position in _all(desk, account)]
    return {**flags, **_totals(margins), "assets": [{**_asset(account, margins), "marginAvailable": True}], "positions": rows}


def _wide_row(desk: Desk, account: Account, position: Position) -> dict[str, Any]:
    part, setting = of_position(desk, account, position), account.setting(position.symbol)
    orders = orders_initial(desk, account, position.symbol)
    bids, asks = open_notionals(desk, account, position.symbol, position.side)
    return {
        "symbol": position.symbol,
        "initialMargin": money(part.initial + orders),
        "maintMargin": money(part.maintenance),
        "unrealizedProfit": money(part.unrealised),
        "positionInitialMargin": money(part.initial),
        "openOrderInitialMargin": money(orders),
        "leverage": str(setting.leverage),
        "isolated": setting.isolated,
        "entryPrice": _entry(desk, position),
        "breakEvenPrice": _break_even(desk, position),
        "maxNotional": _max_notional(desk, account, position.symbol),
        "positionSide": position.side.value,
        "positionAmt": _amount(desk, position),
        "notional": _signed(position, part.notional),
        "isolatedWallet": plain(position.isolated_wallet),
        "bidNotional": plain(bids),
        "askNotional": plain(asks),
        "updateTime": position.updated_ms,
    }


def position_risk(desk: Desk, account: Account, symbol: str | None, version: int) -> list[dict[str, Any]]:
    """`positionRisk`: version 3 of Binance shows only relevant positions without leverage, everything else all symbols."""
    slim = version >= 3 and desk.dialect is Dialect.BINANCE
    positions = _relevant(account) if slim else _all(desk, account, symbol)
    margins = of_account(desk, account)
    show = _risk_v3 if slim else _risk_v2
    return [show(desk, account, item, margins) for item in positions if symbol in {None, item.symbol}]


def _risk_v2(desk: Desk, account: Account, position: Position, margins: Margins) -> dict[str, Any]:
    part, setting = of_position(desk, account, position), account.setting(position.symbol)
    row = {
        "symbol": position.symbol,
        "positionAmt": _amount(desk, position),
        "entryPrice": _entry(desk, position),
        "breakEvenPrice": _break_even(desk, position),
        "markPrice": money(part.mark),
        "unRealizedProfit": money(part.unrealised),
        "liquidationPrice": _liquidation(desk, account, position, margins),
        "leverage": str(setting.leverage),
        "maxNotionalValue": _max_notional(desk, account, position.symbol),
        "marginType": "isolated" if setting.isolated else "cross",
        "isolatedMargin": money(Decimal(_isolated_margin(account, position, part.unrealised))),
        "isAutoAddMargin": "true" if setting.auto_add else "false",
        "positionSide": position.side.value,
        "updateTime": position.updated_ms,
    }
    if desk.dialect is Dialect.BINANCE:
        row |= {
            "notional": _signed(position, part.notional),
            "isolatedWallet": plain(position.isolated_wallet),
            "isolated": setting.isolated,
            "adlQuantile": _adl(position),
        }
    return row


def _risk_v3(desk: Desk, account: Account, position: Position, margins: Margins) -> dict[str, Any]:
    part = of_position(desk, account, position)
    orders = orders_initial(desk, account, position.symbol)
    bids, asks = open_notionals(desk, account, position.symbol, position.side)
    return {
        "symbol": position.symbol,
        "positionSide": position.side.value,
        "positionAmt": _amount(desk, position),
        "entryPrice": _entry(desk, position),
        "breakEvenPrice": _break_even(desk, position),
        "markPrice": money(part.mark),
        "unRealizedProfit": money(part.unrealised),
        "liquidationPrice": _liquidation(desk, account, position, margins),
        "isolatedMargin": _isolated_margin(account, position, part.unrealised),
        "notional": _signed(position, part.notional),
        "marginAsset": ASSET,
        "isolatedWallet": plain(position.isolated_wallet),
        "initialMargin": money(part.initial + orders),
        "maintMargin": money(part.maintenance),
        "positionInitialMargin": money(part.initial),
        "openOrderInitialMargin": money(orders) if orders else "0",
        "adl": _adl(position),
        "bidNotional": plain(bids),
        "askNotional": plain(asks),
        "updateTime": position.updated_ms,
    }


def symbol_config(desk: Desk, account: Account, symbols: list[str]) -> list[dict[str, Any]]:
    """`symbolConfig`."""
    return [
        {
            "symbol": symbol,
            "marginType": "ISOLATED" if account.setting(symbol).isolated else "CROSSED",
            "isAutoAddMargin": account.setting(symbol).auto_add,
            "leverage": account.setting(symbol).leverage,
            "maxNotionalValue": _max_notional(desk, account, symbol),
        }
        for symbol in symbols
    ]


def _sides(account: Account) -> tuple[PositionSide, ...]:
    return (PositionSide.LONG, PositionSide.SHORT) if account.hedge else (PositionSide.BOTH,)


def _all(desk: Desk, account: Account, symbol: str | None = None) -> list[Position]:
    names = sorted(desk.market.rules) if symbol is None else [symbol]
    flat = {(name, side): Position(symbol=name, side=side) for name in names for side in _sides(account)}
    return [account.positions.get(key, empty) for key, empty in flat.items()]


def _relevant(account: Account) -> list[Position]:
    """Positions that are not flat or have open orders, by symbol."""
    keys = {position_key for position_key, position in account.positions.items() if position.amount}
    keys |= {order.key for order in account.open_orders()}
    return [account.positions.get(key, Position(symbol=key[0], side=key[1])) for key in sorted(keys)]


def _amount(desk: Desk, position: Position) -> str:
    return desk.market.rule(position.symbol).show_qty(position.amount)


def _entry(desk: Desk, position: Position) -> str:
    places = desk.market.rule(position.symbol).price_places
    return plain(position.entry.quantize(Decimal("1e-12"))) if position.amount else fixed(ZERO, max(1, places))


def _break_even(desk: Desk, position: Position) -> str:
    return plain(break_even(desk, position).quantize(Decimal("1e-10"))) if position.amount else "0.0"


def _signed(position: Position, notional: Decimal) -> str:
    return money(notional * position.sign) if position.amount else "0"


def _isolated_margin(account: Account, position: Position, unrealised: Decimal) -> str:
    return money(position.isolated_wallet + unrealised) if account.setting(position.symbol).isolated and position.amount else "0"


def _liquidation(desk: Desk, account: Account, position: Position, margins: Margins) -> str:
    price = liquidation_price(desk, account, position, margins) if position.amount else ZERO
    return plain(price) if price else "0"


def _max_notional(desk: Desk, account: Account, symbol: str) -> str:
    return plain(brackets.max_notional(desk.market.ladder(symbol), account.setting(symbol).leverage))


def _adl(position: Position) -> int:
    return 1 if position.amount else 0

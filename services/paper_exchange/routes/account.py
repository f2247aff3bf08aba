"""Account, settings and user-stream keys."""

from decimal import Decimal
from typing import Any

from services.paper_exchange.archive import Page
from services.paper_exchange.call import Call, Route, Security
from services.paper_exchange.logic import brackets, events
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.margin import of_account, of_position
from services.paper_exchange.logic.money import ZERO, cut, money
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import reject
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.logic.view_account import account_v2, account_v3, balance_view, position_risk, symbol_config
from services.paper_exchange.logic.view_orders import income_row, order_row
from shared.domain.order import PositionSide
from shared.domain.units import plain

Body = dict[str, Any]


def balance(call: Call) -> list[Body]:
    """GET balance."""
    return balance_view(call.exchange.desk, call.owner)


def account_wide(call: Call) -> Body:
    """GET v2/account, and Aster's account under its several names."""
    return account_v2(call.exchange.desk, call.owner)


def account_slim(call: Call) -> Body:
    """GET v3/account."""
    return account_v3(call.exchange.desk, call.owner)


def _optional_symbol(call: Call) -> str | None:
    if "symbol" not in call.params:
        return None
    symbol = call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    return symbol


def risk(call: Call) -> list[Body]:
    """GET positionRisk; the version is in the path."""
    version = 3 if "/v3/" in call.raw.path else 2
    return position_risk(call.exchange.desk, call.owner, _optional_symbol(call), version)


def symbol_configs(call: Call) -> list[Body]:
    """GET symbolConfig."""
    desk, symbol = call.exchange.desk, _optional_symbol(call)
    return symbol_config(desk, call.owner, sorted(desk.market.rules) if symbol is None else [symbol])


def account_config(call: Call) -> Body:
    """GET accountConfig."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": call.owner.hedge,
        "updateTime": 0,
        "multiAssetsMargin": call.owner.multi_assets,
        "tradeGroupId": -1,
    }


def set_leverage(call: Call) -> Body:
    """POST leverage: within the symbol's first bracket (-4028), and the margin of what is open must still suffice (-2028)."""
    desk, account, params = call.exchange.desk, call.owner, call.params
    symbol = params.symbol()
    desk.market.rule(symbol)
    leverage = params.integer("leverage")
    if leverage is None:
        raise reject(-1102, name="leverage")
    ladder = desk.market.ladder(symbol)
    if not 1 <= leverage <= ladder[0].leverage:
        raise reject(-4028, leverage=leverage)
    setting = account.setting(symbol)
    before, setting.leverage = setting.leverage, leverage
    held = sum((of_position(desk, account, item).notional for item in account.held() if item.symbol == symbol), ZERO)
    margins = of_account(desk, account)
    short = margins.cross_wallet + margins.cross_unrealised < margins.initial
    too_big = held > brackets.max_notional(ladder, leverage)
    isolated_cut = setting.isolated and held > 0 and leverage < before
    if short or too_big or isolated_cut:
        setting.leverage = before
        raise reject(-2027) if too_big else reject(-2028)
    desk.touch_account(account)
    desk.emit(account.key, events.leverage_update(desk, symbol, leverage))
    return {"leverage": leverage, "maxNotionalValue": plain(brackets.max_notional(ladder, leverage)), "symbol": symbol}


def set_margin_type(call: Call) -> Body:
    """POST marginType (-4046 unchanged, -4047 open orders, -4048 position)."""
    account, symbol = call.owner, call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    word = call.params.need("marginType").upper()
    if word not in {"ISOLATED", "CROSSED"}:
        raise reject(-1130, name="marginType")
    setting = account.setting(symbol)
    if setting.isolated == (word == "ISOLATED"):
        raise reject(-4046)
    if any(order.symbol == symbol for order in (*account.open_orders(), *account.open_algos())):
        raise reject(-4047)
    if any(position.symbol == symbol for position in account.held()):
        raise reject(-4048)
    setting.isolated = word == "ISOLATED"
    call.exchange.desk.touch_account(account)
    return {"code": 200, "msg": "success"}


def _flag(params: Params, name: str) -> bool:
    params.need(name)
    return params.flag(name)


def dual_side(call: Call) -> Body:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.owner.hedge}


def _is_flat(account: Account) -> None:
    if account.open_ids or account.open_algo_ids:
        raise reject(-4067)
    if account.held():
        raise reject(-4068)


def set_dual_side(call: Call) -> Body:
    """POST positionSide/dual (-4059 unchanged, -4067 open orders, -4068 positions)."""
    wanted = _flag(call.params, "dualSidePosition")
    if wanted == call.owner.hedge:
        raise reject(-4059)
    _is_flat(call.owner)
    call.owner.hedge = wanted
    call.exchange.desk.touch_account(call.owner)
    return {"code": 200, "msg": "success"}


def multi_assets(call: Call) -> Body:
    """GET multiAssetsMargin."""
    return {"multiAssetsMargin": call.owner.multi_assets}


def set_multi_assets(call: Call) -> Body:
    """POST multiAssetsMargin (-4171 unchanged)."""
    wanted = _flag(call.params, "multiAssetsMargin")
    if wanted == call.owner.multi_assets:
        raise reject(-4171)
    call.owner.multi_assets = wanted
    desk = call.exchange.desk
    desk.touch_account(call.owner)
    desk.emit(call.owner.key, events.multi_assets_update(desk, call.owner))
    return {"code": 200, "msg": "success"}


def _movable(call: Call, side: PositionSide, amount: Decimal, *, adding: bool) -> Decimal:
    """How the isolated wallet may change (-2019 not enough to add, -4051 not enough to take)."""
    desk, account = call.exchange.desk, call.owner
    position = account.positions[(call.params.symbol(), side)]
    if adding:
        if amount > of_account(desk, account).available:
            raise reject(-2019)
        return amount
    part = of_position(desk, account, position)
    spare = position.isolated_wallet + min(ZERO, part.unrealised) - part.initial
    if amount > spare:
        raise reject(-4051)
    return -amount


def change_margin(call: Call) -> Body:
    """POST positionMargin: 1 adds to an isolated position, 2 takes away (-4054 when not isolated)."""
    params, account, desk = call.params, call.owner, call.exchange.desk
    symbol, amount, kind = params.symbol(), params.decimal("amount"), params.integer("type")
    desk.market.rule(symbol)
    if amount is None or kind is None:
        raise reject(-1102, name="amount" if amount is None else "type")
    if amount <= 0:
        raise reject(-4055)
    if kind not in {1, 2}:
        raise reject(-1130, name="type")
    word = (params.text("positionSide") or "BOTH").upper()
    if word not in set(PositionSide) or account.hedge != (word != "BOTH"):
        raise reject(-4061)
    position = account.positions.get((symbol, PositionSide(word)))
    if not account.setting(symbol).isolated or position is None or not position.amount:
        raise reject(-4054)
    position.isolated_wallet += _movable(call, PositionSide(word), cut(amount), adding=kind == 1)
    desk.touch_account(account)
    moved = {"symbol": symbol, "type": kind, "deltaType": "USER_ADJUST", "amount": money(cut(amount)), "asset": events.ASSET}
    account.margin_moves.append({**moved, "time": desk.time_ms, "positionSide": word})
    desk.emit(account.key, events.account_update(desk, account, "MARGIN_TRANSFER", [position]))
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def margin_history(call: Call) -> list[Body]:
    """GET positionMargin/history: changes by hand, since the venue was started."""
    symbol, kind = call.params.symbol(), call.params.integer("type")
    call.exchange.desk.market.rule(symbol)
    limit = call.params.bounded("limit", 500, 500)
    rows = [row for row in call.owner.margin_moves if row["symbol"] == symbol and kind in {None, row["type"]}]
    return rows[-limit:]


def set_fee_burn(call: Call) -> Body:
    """POST feeBurn; fees are paid in the margin asset all the same, there is no other."""
    call.owner.fee_burn = _flag(call.params, "feeBurn")
    call.exchange.desk.touch_account(call.owner)
    return {"code": 200, "msg": "success"}


def leverage_brackets(call: Call) -> list[Body]:
    """GET leverageBracket: always an array."""
    market, symbol = call.exchange.desk.market, _optional_symbol(call)
    names = sorted(market.rules) if symbol is None else [symbol]
    return [brackets.show(name, market.ladder(name)) for name in names]


def commission(call: Call) -> Body:
    """GET commissionRate."""
    symbol, fees = call.params.symbol(), call.exchange.desk.fees
    call.exchange.desk.market.rule(symbol)
    return {"symbol": symbol, "makerCommissionRate": plain(fees.maker), "takerCommissionRate": plain(fees.taker)}


def income(call: Call) -> list[Body]:
    """GET income, oldest first; without a start the newest rows."""
    params, desk = call.params, call.exchange.desk
    symbol, kind = params.text("symbol"), params.text("incomeType")
    page = Page(
        limit=params.bounded("limit", 100, 1000),
        symbol=None if symbol is None else symbol.upper(),
        start=params.integer("startTime"),
        end=params.integer("endTime"),
    )
    return [income_row(desk, row) for row in call.exchange.archive.incomes(call.owner, page, None if kind is None else kind.upper())]


def adl(call: Call) -> list[Body]:
    """GET adlQuantile: everybody stands last in the queue; an array also for one symbol."""
    symbol = _optional_symbol(call)
    sides = ("LONG", "SHORT", "HEDGE") if call.owner.hedge else ("LONG", "SHORT", "BOTH")
    names = sorted({position.symbol for position in call.owner.held()}) if symbol is None else [symbol]
    return [{"symbol": name, "adlQuantile": dict.fromkeys(sides, 0)} for name in names]


def force_orders(call: Call) -> list[Body]:
    """GET forceOrders: the account's liquidations."""
    symbol, desk = _optional_symbol(call), call.exchange.desk
    found = call.exchange.archive.liquidations(call.owner, symbol)
    return [order_row(desk, order) for order in found if order.symbol in desk.market.rules]


def order_limits(call: Call) -> list[Body]:
    """GET rateLimit/order."""
    return [dict(row) for row in call.exchange.head["rateLimits"] if row["rateLimitType"] == "ORDERS"]


def fee_burn(call: Call) -> Body:
    """GET feeBurn."""
    return {"feeBurn": call.owner.fee_burn}


def trading_status(_call: Call) -> Body:
    """GET apiTradingStatus: no account is ever locked here."""
    return {"indicators": {}, "updateTime": 0}


def open_key(call: Call) -> Body:
    """POST listenKey: a new key, or the present one for another 60 minutes."""
    return {"listenKey": call.exchange.keys.open(call.owner.key)}


def keep_key(call: Call) -> Body:
    """PUT listenKey (-1125 when there is none)."""
    key = call.exchange.keys.renew(call.owner.key)
    if key is None:
        raise reject(-1125)
    return {} if call.exchange.desk.dialect is Dialect.ASTER else {"listenKey": key}


def close_key(call: Call) -> Body:
    """DELETE listenKey."""
    call.exchange.keys.close(call.owner.key)
    return {}


def builders(_call: Call) -> list[Body]:
    """GET builder: no builder is approved, and none is ever paid here."""
    return []


def approve_builder(_call: Call) -> Body:
    """POST approveBuilder: taken and without effect; the wallet's own signature of it is not looked at."""
    return {"code": 200, "msg": "success"}


def noop(_call: Call) -> Body:
    """POST noop: does nothing but use up its nonce."""
    return {"code": 200, "msg": "success"}


def table(dialect: Dialect) -> dict[tuple[str, str], Route]:
    """Account routes of a dialect."""
    signed = Security.SIGNED
    shared: dict[tuple[str, str], Route] = {
        ("GET", "leverageBracket"): Route(leverage_brackets, signed),
        ("GET", "commissionRate"): Route(commission, signed, 20),
        ("GET", "income"): Route(income, signed, 30),
        ("POST", "leverage"): Route(set_leverage, signed),
        ("POST", "marginType"): Route(set_margin_type, signed),
        ("GET", "positionSide/dual"): Route(dual_side, signed, 30),
        ("POST", "positionSide/dual"): Route(set_dual_side, signed),
        ("GET", "multiAssetsMargin"): Route(multi_assets, signed, 30),
        ("POST", "multiAssetsMargin"): Route(set_multi_assets, signed),
        ("POST", "positionMargin"): Route(change_margin, signed),
        ("GET", "positionMargin/history"): Route(margin_history, signed),
        ("GET", "adlQuantile"): Route(adl, signed, 5),
        ("GET", "forceOrders"): Route(force_orders, signed, 20),
        ("POST", "listenKey"): Route(open_key, Security.KEY),
        ("PUT", "listenKey"): Route(keep_key, Security.KEY),
        ("DELETE", "listenKey"): Route(close_key, Security.KEY),
    }
    routes = {(method, f"/fapi/v1/{name}"): route for (method, name), route in shared.items()}
    risks, balances = Route(risk, signed, 5), Route(balance, signed, 5)
    routes |= {("GET", f"/fapi/{version}/positionRisk"): risks for version in ("v2", "v3")}
    routes |= {("GET", f"/fapi/{version}/balance"): balances for version in ("v2", "v3")}
    if dialect is Dialect.BINANCE:
        return routes | _binance(signed)
    wide = Route(account_wide, signed, 5)
    routes |= {(method, f"/fapi/v3/{name}"): route for (method, name), route in shared.items()}
    for method in ("POST", "PUT", "DELETE"):
        routes[(method, "/fapi/v3/listenKey")] = Route(shared[(method, "listenKey")].handler, signed)
    routes[("POST", "/fapi/v3/noop")] = Route(noop, signed)
    routes[("GET", "/fapi/v3/builder")] = Route(builders, signed)
    routes[("POST", "/fapi/v3/approveBuilder")] = Route(approve_builder)
    for path in ("v1/account", "v2/account", "v4/account", "v3/accountWithJoinMargin"):
        routes[("GET", f"/fapi/{path}")] = wide
    return routes | {("GET", "/fapi/v1/balance"): balances, ("GET", "/fapi/v1/positionRisk"): risks}


def _binance(signed: Security) -> dict[tuple[str, str], Route]:
    return {
        ("GET", "/fapi/v2/account"): Route(account_wide, signed, 5),
        ("GET", "/fapi/v3/account"): Route(account_slim, signed, 5),
        ("GET", "/fapi/v1/symbolConfig"): Route(symbol_configs, signed, 5),
        ("GET", "/fapi/v1/accountConfig"): Route(account_config, signed, 5),
        ("GET", "/fapi/v1/rateLimit/order"): Route(order_limits, signed),
        ("GET", "/fapi/v1/feeBurn"): Route(fee_burn, signed, 30),
        ("POST", "/fapi/v1/feeBurn"): Route(set_fee_burn, signed),
        ("GET", "/fapi/v1/apiTradingStatus"): Route(trading_status, signed),
    }

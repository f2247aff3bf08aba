"""Administration of the paper venue: market time, accounts, reset, reports, exports. All need an API key of the venue."""

import asyncio
import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from services.paper_exchange.call import Call, Route, Security, Text
from services.paper_exchange.candle_market import CandleMarket
from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.money import ZERO, money
from services.paper_exchange.logic.reject import Reject, reject
from services.paper_exchange.logic.view_orders import income_row, order_row, trade_row
from services.paper_exchange.options import MarketKind
from services.paper_exchange.routes.trade import show_algo

Body = dict[str, Any]
_KEY_MOST = 128
_YIELD_STEPS = 200
_SEEK_MOST_MS = 30 * 86_400_000


def _market(call: Call) -> CandleMarket:
    market = call.exchange.market
    if not isinstance(market, CandleMarket):
        raise Reject(-1000, "A live market cannot be paused, sped up or moved.")
    return market


def _running(call: Call) -> CandleMarket:
    """A market whose time runs by itself; in lock-step it is moved by steps and seeks only."""
    market = _market(call)
    if market.pacer.lock_step:
        raise Reject(-1000, "In lock-step time moves only by /paper/v1/step and /paper/v1/seek; there is nothing to pause or speed up.")
    return market


def pause(call: Call) -> Body:
    """POST /paper/v1/pause: time stands still until resume."""
    _running(call).pacer.pause(paused=True)
    return {"paused": True, "time_ms": call.exchange.now_ms()}


def resume(call: Call) -> Body:
    """POST /paper/v1/resume."""
    _running(call).pacer.pause(paused=False)
    return {"paused": False, "time_ms": call.exchange.now_ms()}


def set_speed(call: Call) -> Body:
    """POST /paper/v1/speed: `speed` is a positive number or max."""
    text = call.params.need("speed")
    speed = Decimal("Infinity") if text == "max" else call.params.decimal("speed") or ZERO
    if speed <= 0:
        raise reject(-1130, name="speed")
    _running(call).pacer.set_speed(float(speed))
    return {"speed": float(speed) if speed.is_finite() else "max", "time_ms": call.exchange.now_ms()}


async def seek(call: Call) -> Body:
    """POST /paper/v1/seek: run at full speed to `time` (ms); orders and positions meet every price on the way."""
    market, target, now = _market(call), call.params.integer("time"), call.exchange.now_ms()
    pacer = market.pacer
    if target is None:
        raise reject(-1102, name="time")
    if target < now:
        raise Reject(
            -1130,
            f"Data sent for parameter 'time' is not valid: a market moves forward only, and it is {now} already. Start anew to go back.",
        )
    if market.kind is MarketKind.SYNTHETIC and target > now + _SEEK_MOST_MS:
        raise Reject(
            -1130, f"Data sent for parameter 'time' is not valid: a synthetic market has no end; at most 30 days beyond {now} at once."
        )
    paused = pacer.paused
    pacer.pause(paused=True)
    steps = 0
    while not pacer.ended and call.exchange.desk.time_ms < target:
        pacer.step()
        steps += 1
        if steps % _YIELD_STEPS == 0:
            await asyncio.sleep(0)
    pacer.pause(paused=paused)
    return {"time_ms": call.exchange.now_ms(), "ended": pacer.ended}


def accounts(call: Call) -> list[Body]:
    """GET /paper/v1/accounts: keys (never secrets) and balances."""
    return [{"key": item.key, "alias": item.alias, "wallet": money(item.wallet)} for item in call.exchange.desk.accounts.values()]


def add_account(call: Call) -> Body:
    """POST /paper/v1/accounts: `key`, `secret`, `balance`."""
    key, secret = call.params.need("key"), call.params.need("secret")
    balance = call.params.decimal("balance") or call.exchange.options.balance
    if not key.isascii() or not key.isprintable() or " " in key or len(key) > _KEY_MOST or key in call.exchange.desk.accounts:
        raise reject(-1130, name="key")
    if balance <= 0:
        raise reject(-1130, name="balance")
    account = call.exchange.open_account(key, secret, balance)
    return {"key": account.key, "alias": account.alias, "wallet": money(account.wallet)}


def _chosen(call: Call) -> Account:
    key = call.params.text("key") or call.owner.key
    found = call.exchange.desk.accounts.get(key)
    if found is None:
        raise reject(-2015)
    return found


def reset(call: Call) -> Body:
    """POST /paper/v1/reset: an account as new, with its opening balance; market time goes on."""
    account = _chosen(call)
    balance = call.params.decimal("balance") or call.exchange.options.balance
    if balance <= 0:
        raise reject(-1130, name="balance")
    call.exchange.forget(account)
    fresh = call.exchange.open_account(account.key, account.secret, balance)
    return {"key": fresh.key, "wallet": money(fresh.wallet)}


def report(call: Call) -> Body:
    """GET /paper/v1/report: what trading made and what it cost; fees, funding and slippage as three lines.

    Slippage is what fills lost against the mid price. It is part of the realised PnL, not a payment, so it is not in `income`.
    """
    account = _chosen(call)
    lines = {"REALIZED_PNL": ZERO, "COMMISSION": ZERO, "FUNDING_FEE": ZERO, "INSURANCE_CLEAR": ZERO, "TRANSFER": ZERO}
    archive = call.exchange.archive
    for row in archive.all_incomes(account):
        lines[row.kind] = lines.get(row.kind, ZERO) + row.amount
    slippage, count = ZERO, 0
    for trade in archive.all_trades(account):
        slippage, count = slippage + trade.slippage, count + 1
    return {
        "trades": count,
        "deposits": money(lines["TRANSFER"]),
        "realised": money(lines["REALIZED_PNL"]),
        "fees": money(-lines["COMMISSION"]),
        "funding": money(-lines["FUNDING_FEE"]),
        "slippage": money(slippage),
        "liquidation": money(-lines["INSURANCE_CLEAR"]),
        "wallet": money(account.wallet),
    }


def export(call: Call) -> Text:
    """GET /paper/v1/export: `what` is trades, orders, algo_orders or income; CSV with a header."""
    account, desk = _chosen(call), call.exchange.desk
    what = call.params.text("what") or "trades"
    archive, listed = call.exchange.archive, desk.market.rules
    rows: Iterator[Body]
    if what == "trades":
        trades = (trade for trade in archive.all_trades(account) if trade.symbol in listed)
        rows = ({**trade_row(desk, trade), "slippage": money(trade.slippage)} for trade in trades)
    elif what in {"orders", "algo_orders"}:
        orders = (order for order in archive.all_orders(account, algo=what != "orders") if order.symbol in listed)
        rows = (order_row(desk, order) if what == "orders" else show_algo(call, account, order) for order in orders)
    elif what == "income":
        rows = (income_row(desk, row) for row in archive.all_incomes(account))
    else:
        raise reject(-1130, name="what")
    return Text("text/csv; charset=utf-8", _csv(list(rows)))


def _csv(rows: list[Body]) -> str:
    out = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A spreadsheet must not take a client's id for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "@", "+"} else value


def table() -> dict[tuple[str, str], Route]:
    """Administration routes."""
    key = Security.KEY
    return {
        ("POST", "/paper/v1/pause"): Route(pause, key),
        ("POST", "/paper/v1/resume"): Route(resume, key),
        ("POST", "/paper/v1/speed"): Route(set_speed, key),
        ("POST", "/paper/v1/seek"): Route(seek, key),
        ("GET", "/paper/v1/accounts"): Route(accounts, key),
        ("POST", "/paper/v1/accounts"): Route(add_account, key),
        ("POST", "/paper/v1/reset"): Route(reset, key),
        ("GET", "/paper/v1/report"): Route(report, key),
        ("GET", "/paper/v1/export"): Route(export, key),
    }

"""Positions, trades, account, equity."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Answer, Times
from services.dashboard.logic.frames import Positions
from services.dashboard.logic.rows import AccountRow, Equity, TradeRow
from services.dashboard.logic.view import TRADE_LIMIT

Limit = Annotated[int, Query(ge=1, le=TRADE_LIMIT)]


class PositionsAnswer(Positions):
    """With the times to judge ages by: `updated_ms` is venue time, `store_read_ms` this machine's."""

    times: Times
    store_read_ms: int | None


class AccountAnswer(AccountRow):
    """With the times to judge ages by."""

    times: Times
    store_read_ms: int | None


class TradesAnswer(Answer):
    """Newest first; `total` counts all closed trades of the account."""

    rows: tuple[TradeRow, ...]
    total: int


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["money"])

    @routes.get("/api/positions")
    async def positions() -> PositionsAnswer:
        """Open positions with stop and target, their state and when they were last checked."""
        found, times = desk.view.positions, desk.times()
        read_ms = desk.view.store_read_ms
        return PositionsAnswer(rows=found.rows, unknown=found.unknown, times=times, store_read_ms=read_ms)

    @routes.get("/api/trades")
    async def trades(limit: Limit = 100) -> TradesAnswer:
        """Closed trades."""
        return TradesAnswer(rows=desk.view.trades(limit), total=desk.view.curve.count)

    @routes.get("/api/account")
    async def account() -> AccountAnswer:
        """Wallet, equity, opening balance, result of the day."""
        return AccountAnswer(**dict(desk.view.account), times=desk.times(), store_read_ms=desk.view.store_read_ms)

    @routes.get("/api/equity")
    async def equity() -> Equity:
        """The equity curve."""
        return desk.view.curve.answer()

    return routes

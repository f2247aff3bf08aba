"""Decisions, funnel, logs, alerts."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Answer
from services.dashboard.logic.decision import DecisionRow
from services.dashboard.logic.decisions import LIMIT
from services.dashboard.logic.funnel import Funnel
from services.dashboard.logic.lines import ALERT_LIMIT, LOG_LIMIT, AlertRow, LogRow


class DecisionsAnswer(Answer):
    """Newest first."""

    rows: tuple[DecisionRow, ...]


class LogsAnswer(Answer):
    """Oldest first."""

    rows: tuple[LogRow, ...]


class AlertsAnswer(Answer):
    """Newest first."""

    rows: tuple[AlertRow, ...]


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["work"])
    view = desk.view

    @routes.get("/api/decisions")
    async def decisions(limit: Annotated[int, Query(ge=1, le=2 * LIMIT)] = 100, *, skips: bool = True) -> DecisionsAnswer:
        """Candidates, skips, plans, orders and trades, joined by decision."""
        return DecisionsAnswer(rows=view.decisions.rows(limit, skips=skips))

    @routes.get("/api/decisions/{decision_id}", response_model=DecisionRow, responses={404: {}})
    async def decision(decision_id: str) -> Response | DecisionRow:
        """One decision with its steps, as long as it is among the newest."""
        found = view.decisions.one(decision_id)
        if found is None:
            return JSONResponse({"code": "unknown_decision", "message": "it is not among the newest decisions"}, status_code=404)
        return found

    @routes.get("/api/funnel")
    async def funnel() -> Funnel:
        """Today (UTC, venue time) from scanned candles to fills."""
        return view.funnel.answer(desk.times().now_ms)

    @routes.get("/api/logs")
    async def logs(limit: Annotated[int, Query(ge=1, le=LOG_LIMIT)] = 200) -> LogsAnswer:
        """The newest log lines of all services."""
        return LogsAnswer(rows=view.lines.rows(limit))

    @routes.get("/api/alerts")
    async def alerts(limit: Annotated[int, Query(ge=1, le=ALERT_LIMIT)] = 50) -> AlertsAnswer:
        """The newest alerts."""
        return AlertsAnswer(rows=view.alerts.rows(limit))

    return routes

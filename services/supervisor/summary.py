"""What the supervisor tells about the running product: its mode, and what one cycle found."""

from decimal import Decimal
from typing import Any

import httpx

from services.supervisor.plan import Plan
from services.supervisor.probes import http_json
from shared.config.choices import PaperMarket

_WORDS = {"replay": "replayed prices", "synthetic": "synthetic prices", "live": "live prices"}


async def mode(client: httpx.AsyncClient, plan: Plan) -> str:
    """PAPER with the kind of prices, or LIVE with the venue."""
    if not plan.settings.core.paper:
        return f"LIVE · real money at {plan.venue}"
    return f"PAPER · {_WORDS.get(await _market(client, plan), 'prices of ' + plan.venue)}"


async def _market(client: httpx.AsyncClient, plan: Plan) -> str:
    """What the venue says it plays; the settings decide unless they leave it open."""
    market = plan.settings.paper.market
    if market is not PaperMarket.AUTO:
        return market.value
    _, answer = await http_json(client, f"{plan.venue}/paper/v1/status")
    return str(answer.get("market", "")) if isinstance(answer, dict) else ""


async def cycle(client: httpx.AsyncClient, plan: Plan) -> str:
    """The summary of a run-once cycle, from the dashboard's API."""
    _, funnel = await http_json(client, f"{plan.dashboard}/api/funnel")
    _, account = await http_json(client, f"{plan.dashboard}/api/account")
    if not isinstance(funnel, dict) or "scanned" not in funnel:
        return "one scan cycle is done; its numbers are in the logs (the dashboard does not tell them)"
    steps = ("scanned", "setups", "candidates", "skipped", "taken", "declined", "refused", "sent", "filled")
    counted = ", ".join(f"{name} {funnel[name]}" for name in steps if name in funnel)
    return f"one scan cycle is done: {counted}{_reasons(funnel)}{_equity(account)}"


def _reasons(funnel: dict[str, Any]) -> str:
    """Why setups were not traded, most frequent first."""
    rows = [f"{row['reason']} {row['count']}" for row in funnel.get("reasons", []) if isinstance(row, dict) and "reason" in row]
    return f"; reasons: {', '.join(rows)}" if rows else ""


def _equity(account: Any) -> str:
    equity = account.get("equity_usd") if isinstance(account, dict) else None
    return f"; equity {Decimal(str(equity)):.2f} USD" if equity is not None else ""

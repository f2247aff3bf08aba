"""What the supervisor tells about the running product: its mode, and what one cycle found."""

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
    parts: list[str] = ["one scan cycle is done"]
    for name in ("decisions", "positions", "trades"):
        _, answer = await http_json(client, f"{plan.dashboard}/api/{name}")
        parts.append(f"{name}: {_count(answer)}")
    return " · ".join(parts)


def _count(answer: Any) -> str:
    """How many entries a list answer has."""
    rows = answer.get("items", answer.get("rows")) if isinstance(answer, dict) else answer
    return str(len(rows)) if isinstance(rows, list) else "unknown"

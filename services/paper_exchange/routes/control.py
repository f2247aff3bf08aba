"""The paper venue's own endpoints: status, activity, lock-step."""

from typing import Any

from services.paper_exchange.call import Call, Route
from services.paper_exchange.candle_market import CandleMarket
from services.paper_exchange.logic.reject import Reject

Body = dict[str, Any]


def status(call: Call) -> Body:
    """GET /paper/v1/status."""
    exchange = call.exchange
    return {
        **exchange.market.status(),
        "speed": exchange.market.scale,
        "lock_step": exchange.options.lock_step,
        "time_ms": exchange.now_ms(),
        "dialect": exchange.desk.dialect.value,
        "accounts": len(exchange.desk.accounts),
    }


def activity(call: Call) -> Body:
    """GET /paper/v1/activity: how much was sent and asked; two equal answers in a row mean that all is quiet."""
    exchange = call.exchange
    return {
        "frames_sent_total": exchange.hub.frames,
        "requests_total": exchange.counts.requests,
        "open_connections": len(exchange.hub.connections),
        "time_ms": exchange.now_ms(),
        "ended": bool(exchange.market.status()["ended"]),
    }


def step(call: Call) -> Body:
    """POST /paper/v1/step: the next batch; `until=candle` goes on to the next close of candles."""
    exchange, market = call.exchange, call.exchange.market
    if not isinstance(market, CandleMarket) or not market.pacer.lock_step:
        raise Reject(-1000, "This venue does not run in lock-step; start it with lock-step to step it.")
    pacer = market.pacer
    batch = pacer.step_until_close() if call.params.text("until") == "candle" else pacer.step()
    return {
        "time_ms": exchange.now_ms(),
        "batch": batch.kind.value if batch is not None else None,
        "ended": pacer.ended,
        "frames_sent_total": exchange.hub.frames,
    }


def table() -> dict[tuple[str, str], Route]:
    """Control routes."""
    return {
        ("GET", "/paper/v1/status"): Route(status),
        ("GET", "/paper/v1/activity"): Route(activity),
        ("POST", "/paper/v1/step"): Route(step),
    }

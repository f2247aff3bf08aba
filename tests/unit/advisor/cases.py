"""Candidates and warnings to decide about."""

from decimal import Decimal
from typing import Any

from shared.contracts.sentinel import RiskLabel, SentinelState
from shared.contracts.signal import Candidate, Setup
from shared.domain.order import Direction

CLOSE_MS = 1_764_590_399_999


def candidate(**changes: Any) -> Candidate:
    """A long in SOLUSDT with an edge of 0.31 R."""
    fields: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "interval": "5m",
        "close_ms": CLOSE_MS,
        "direction": Direction.LONG,
        "setup": Setup.TREND_CROSS,
        "strength": 0.62,
        "price": 132.9,
        "atr": 0.8,
        "stop_distance": 1.2,
        "target_distance": 1.8,
        "p_prior": 0.5,
        "p": 0.56,
        "cost_r": 0.09,
        "edge_r": 0.31,
        "spread_ratio": 0.00015,
        "features": {"rsi": 58.0},
        "valid_until_ms": CLOSE_MS + 90_000,
    }
    return Candidate.model_validate(fields | changes)


def warning(**changes: Any) -> SentinelState:
    """A yellow warning that shrinks sizes to 0.65."""
    fields: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "ts_ms": CLOSE_MS - 60_000,
        "label": RiskLabel.YELLOW,
        "event_risk": 0.6,
        "hype": 0.2,
        "size_clamp": Decimal("0.65"),
        "veto": False,
        "reasons": ("24 h range 18 %",),
        "expires_ms": CLOSE_MS + 1_800_000,
    }
    return SentinelState.model_validate(fields | changes)


def red(**changes: Any) -> SentinelState:
    """A red warning: no entries."""
    return warning(**({"label": RiskLabel.RED, "event_risk": 0.9, "size_clamp": Decimal("0.3"), "veto": True} | changes))

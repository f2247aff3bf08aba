"""From a track to what is published about it, and when that is worth a message."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from services.sentinel.logic.track import Track
from shared.contracts.sentinel import RiskLabel, SentinelState

YELLOW = 0.45
RED = 0.75
_LEAST_CLAMP = 0.3
MATERIAL = Decimal("0.05")
"""A step of the clamp that is worth a message."""


def label_of(risk: float) -> RiskLabel:
    """Which colour a risk has: green < 0.45 <= yellow < 0.75 <= red."""
    if risk >= RED:
        return RiskLabel.RED
    return RiskLabel.YELLOW if risk >= YELLOW else RiskLabel.GREEN


def clamp_of(risk: float) -> Decimal:
    """The size factor: 1 up to yellow, then linear down to 0.3 at red, rounded down to a hundredth."""
    share = min(1.0, max(0.0, (risk - YELLOW) / (RED - YELLOW)))
    # The last digits of the float are noise; without the first rounding 0.65 might become 0.64.
    return Decimal(repr(round(1.0 - (1.0 - _LEAST_CLAMP) * share, 9))).quantize(Decimal("0.01"), rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class Present:
    """How a symbol is judged at a moment, apart from its track: hype and the numbers that were looked at."""

    hype: float = 0.0
    inputs: Mapping[str, float] = field(default_factory=dict)


def state_of(symbol: str, track: Track, present: Present, now_ms: int, decay_ms: int) -> SentinelState:
    """The judgement of a symbol. It expires when the warning has faded; a quiet one after the same time."""
    risk = track.risk(now_ms, decay_ms)
    label = label_of(risk)
    return SentinelState(
        symbol=symbol,
        ts_ms=now_ms,
        label=label,
        event_risk=round(risk, 6),
        hype=round(present.hype, 6),
        size_clamp=clamp_of(risk),
        veto=label is RiskLabel.RED,
        reasons=track.reasons if risk > 0 else (),
        inputs={name: round(value, 9) for name, value in present.inputs.items() if math.isfinite(value)},
        expires_ms=track.ends_ms(decay_ms) if risk > 0 else now_ms + decay_ms,
    )


def worth_telling(before: SentinelState | None, risk: float, now_ms: int, decay_ms: int, *, always_known: bool = False) -> bool:
    """Whether the judgement differs from the one last told: another label, a material step of the clamp, or an expiry.

    Nobody is told about a symbol that was never in trouble, unless it is `always_known` (the market): that one is told at once and
    again before it expires, which also shows that somebody watches.
    """
    if before is None:
        return always_known or label_of(risk) is not RiskLabel.GREEN
    if before.label is not label_of(risk) or abs(before.size_clamp - clamp_of(risk)) >= MATERIAL:
        return True
    return (always_known or before.label is not RiskLabel.GREEN) and before.expires_ms - now_ms <= decay_ms // 4

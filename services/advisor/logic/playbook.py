"""The regime of the market by rules, and the bounded adjustments that go with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from services.advisor.logic.pulse import Snapshot
from shared.contracts.learning import Regime

SIZE_LOW, SIZE_HIGH = 0.5, 1.2
REACH_LOW, REACH_HIGH = 0.8, 1.25
BIAS_LIMIT = 0.3
CONFIRM = 3
"""Snapshots in a row that a new regime needs, but for risk_off, which holds at once."""
HISTORY = 288


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Factors on size, stop and target, a bias for longs (+) or shorts (-), and a factor on the size of each setup."""

    size: float = 1.0
    stop: float = 1.0
    target: float = 1.0
    side_bias: float = 0.0
    focus: Mapping[str, float] = field(default_factory=dict)

    def bounded(self) -> "Adjustments":
        """The same within the limits, whoever proposed them."""
        return Adjustments(
            size=min(SIZE_HIGH, max(SIZE_LOW, self.size)),
            stop=min(REACH_HIGH, max(REACH_LOW, self.stop)),
            target=min(REACH_HIGH, max(REACH_LOW, self.target)),
            side_bias=min(BIAS_LIMIT, max(-BIAS_LIMIT, self.side_bias)),
            focus={setup: min(SIZE_HIGH, max(SIZE_LOW, value)) for setup, value in self.focus.items()},
        )


@dataclass(frozen=True, slots=True)
class Playbook:
    """The regime that holds, the one that waits for confirmation, and the past of the median ATR.

    `before` is the regime that held until then, `inputs` the numbers from which the present adjustments were made.
    """

    regime: Regime = Regime.UNKNOWN
    waiting: Regime = Regime.UNKNOWN
    waited: int = 0
    version: int = 0
    adjustments: Adjustments = field(default_factory=Adjustments)
    reason: str = "no snapshot yet"
    before: Regime = Regime.UNKNOWN
    inputs: Mapping[str, float] = field(default_factory=dict)
    atr_history: tuple[float, ...] = ()


def regime_of(snapshot: Snapshot, atr_rank: float) -> tuple[Regime, str]:
    """The rules, first match: trouble, a market that moves one way together, a quiet one, else a market that turns back."""
    if snapshot.risk >= 0.6:
        return Regime.RISK_OFF, f"market risk {snapshot.risk:.2f} >= 0.60"
    if snapshot.breadth <= 0.15 and snapshot.correlation >= 0.6 and atr_rank >= 0.8:
        return Regime.RISK_OFF, f"breadth {snapshot.breadth:.0%}, correlation {snapshot.correlation:.2f}, ATR rank {atr_rank:.2f}"
    if atr_rank <= 0.2:
        return Regime.VOLATILITY_COMPRESSION, f"median ATR {snapshot.atr_ratio:.3%} is in the lowest fifth of its past"
    if abs(snapshot.breadth - 0.5) >= 0.2:
        return Regime.MOMENTUM, f"{snapshot.breadth:.0%} of symbols are above their EMA55"
    return Regime.MEAN_REVERSION, f"breadth {snapshot.breadth:.0%} is near the middle"


def adjustments_of(regime: Regime, snapshot: Snapshot) -> Adjustments:
    """What a regime changes."""
    lean = BIAS_LIMIT * min(1.0, max(-1.0, (snapshot.breadth - 0.5) / 0.4))
    found = {
        Regime.MOMENTUM: Adjustments(1.0, 1.0, 1.1, lean, {"trend_cross": 1.1, "breakout_retest": 1.1, "range_reversion": 0.7}),
        Regime.MEAN_REVERSION: Adjustments(0.9, 1.0, 0.9, 0.0, {"trend_cross": 0.8, "breakout_retest": 0.9, "range_reversion": 1.1}),
        Regime.VOLATILITY_COMPRESSION: Adjustments(0.9, 1.1, 1.1, 0.0, {"trend_cross": 0.8, "breakout_retest": 1.2}),
        Regime.RISK_OFF: Adjustments(0.5, 1.1, 0.9, min(0.0, lean), {}),
    }
    return found.get(regime, Adjustments()).bounded()


def advance(playbook: Playbook, snapshot: Snapshot) -> Playbook:
    """The playbook after a snapshot. `version` grows when regime or adjustments change in a way that is worth telling."""
    history = (*playbook.atr_history, snapshot.atr_ratio)[-HISTORY:]
    rank = sum(past <= snapshot.atr_ratio for past in history) / len(history) if len(history) >= 12 else 0.5
    found, reason = regime_of(snapshot, rank)
    waited = playbook.waited + 1 if found is playbook.waiting else 1
    moved = replace(playbook, atr_history=history, waiting=found, waited=waited)
    now = found is playbook.regime
    if not (now or found is Regime.RISK_OFF or waited >= CONFIRM or playbook.regime is Regime.UNKNOWN):
        return moved
    adjusted = adjustments_of(found, snapshot)
    if now and abs(adjusted.side_bias - playbook.adjustments.side_bias) < 0.05:
        return moved
    before = playbook.before if now else playbook.regime
    inputs = {name: float(value) for name, value in asdict(snapshot).items()} | {"atr_rank": rank}
    return replace(moved, regime=found, adjustments=adjusted, reason=reason, version=playbook.version + 1, before=before, inputs=inputs)


def to_dict(playbook: Playbook) -> dict[str, Any]:
    """The whole state as JSON types."""
    return {"kind": "playbook", "version": 1, **{f"state_{key}": value for key, value in asdict(playbook).items()}}


def from_dict(document: Mapping[str, Any]) -> Playbook:
    """The playbook of a document; its adjustments are bounded again.

    Raises:
        ValueError: it is not one.
    """
    if (document.get("kind"), document.get("version")) != ("playbook", 1):
        raise ValueError(f"expected kind 'playbook' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
    try:
        return Playbook(
            regime=Regime(document["state_regime"]),
            waiting=Regime(document["state_waiting"]),
            waited=int(document["state_waited"]),
            version=int(document["state_version"]),
            adjustments=Adjustments(**document["state_adjustments"]).bounded(),
            reason=str(document["state_reason"]),
            before=Regime(document.get("state_before", Regime.UNKNOWN)),
            inputs={str(name): float(value) for name, value in document.get("state_inputs", {}).items()},
            atr_history=tuple(float(value) for value in document["state_atr_history"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected the state of a playbook: {error}") from error

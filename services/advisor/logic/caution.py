"""What the sentinel's warnings do to one candidate."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from shared.contracts.sentinel import MARKET_KEY, RiskLabel, SentinelState

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Caution:
    """Warnings that hold at one moment, taken together. `worst` is the riskiest of them, None when there are none.

    `clamp` multiplies the size, at most 1; `vetoed` forbids the entry; `features` is what the learned models see of it.
    """

    worst: SentinelState | None
    clamp: Decimal
    vetoed: bool
    features: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The worst warning in words, for explanations."""
        if self.worst is None or self.worst.label is RiskLabel.GREEN:
            return "the sentinel has no warning"
        reasons = "; ".join(self.worst.reasons) or "no reason given"
        return f"the sentinel shows {self.worst.label} for {self.worst.symbol} (risk {self.worst.event_risk:.2f}: {reasons})"


def caution(states: Iterable[SentinelState | None], at_ms: int) -> Caution:
    """The smallest clamp and any veto among the states that have not expired at `at_ms` (venue time).

    The clamps of a symbol and of the market are not multiplied: both see the same move when all symbols move together.
    """
    live = [state for state in states if state is not None and state.expires_ms > at_ms]
    return Caution(
        worst=max(live, key=lambda state: state.event_risk, default=None),
        clamp=min((state.size_clamp for state in live), default=_ONE),
        vetoed=any(state.veto for state in live),
        features={
            "sentinel_risk": max((state.event_risk for state in live if state.symbol != MARKET_KEY), default=0.0),
            "sentinel_hype": max((state.hype for state in live if state.symbol != MARKET_KEY), default=0.0),
            "market_risk": max((state.event_risk for state in live if state.symbol == MARKET_KEY), default=0.0),
        },
    )

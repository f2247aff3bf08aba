"""One thing to learn from: a followed signal that ended, or a trade that was closed."""

from dataclasses import dataclass
from enum import StrEnum

from services.advisor.logic.postmortem import Path
from services.advisor.logic.shadow import End, Followed, Outcome
from shared.contracts.order import ExitReason, TradeClosed

TRADE_WEIGHT, SHADOW_WEIGHT = 1.0, 0.5
BY_OTHERS = frozenset({ExitReason.EXTERNAL, ExitReason.FLATTEN, ExitReason.MANUAL})
"""Ends that say nothing about the signal."""


class Kind(StrEnum):
    """Where a lesson comes from."""

    SHADOW = "shadow"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class Lesson:
    """`teaches` = whether policy and alpha model learn from it: the shadow of a real trade does not, the trade itself does.

    `worst_r` and `best_r` are excursions from the entry (worst at most 0); None when nobody saw them.
    """

    kind: Kind
    ended_ms: int
    followed: Followed
    net_r: float
    worst_r: float | None
    best_r: float | None
    stopped: bool
    teaches: bool = True
    beyond_stop_r: float | None = None

    @property
    def order(self) -> tuple[int, str, str]:
        """Lessons are learned in this order, whichever came first."""
        return (self.ended_ms, self.followed.idea, self.kind.value)

    @property
    def weight(self) -> float:
        """1 for a trade, 0.5 for what was only followed."""
        return TRADE_WEIGHT if self.kind is Kind.TRADE else SHADOW_WEIGHT

    @property
    def path(self) -> Path:
        """What is known about the way it went, for the post-mortem."""
        raw = self.followed.raw
        return Path(
            net_r=self.net_r,
            payoff=self.followed.payoff,
            stopped=self.stopped,
            mae_r=self.worst_r,
            mfe_r=self.best_r,
            exit_beyond_stop_r=self.beyond_stop_r,
            symbol_risk=raw.get("sentinel_risk"),
            market_risk=raw.get("market_risk"),
            funding_against=raw["funding_rate_8h"] * self.followed.sign if "funding_rate_8h" in raw else None,
        )


def from_shadow(outcome: Outcome) -> Lesson | None:
    """The lesson of a followed signal; None when its path is unknown."""
    if outcome.end is End.GAP:
        return None
    followed, stopped = outcome.followed, outcome.end is End.STOP
    return Lesson(
        Kind.SHADOW,
        outcome.ended_ms,
        followed,
        outcome.net_r,
        followed.worst_r,
        followed.best_r,
        stopped=stopped,
        teaches=not followed.taken,
    )


def from_trade(trade: TradeClosed, followed: Followed) -> Lesson | None:
    """The lesson of a closed trade; None when its result in R is unknown, or somebody else ended it."""
    return None if trade.exit_reason in BY_OTHERS else seen_of(trade, followed)


def seen_of(trade: TradeClosed, followed: Followed) -> Lesson | None:
    """What was seen of a closed trade, whoever ended it: enough for a post-mortem. None when its result in R is unknown."""
    if trade.r is None:
        return None
    worst = None if trade.mae_r is None else -abs(float(trade.mae_r))
    stopped = trade.exit_reason is ExitReason.STOP
    return Lesson(
        Kind.TRADE,
        trade.closed_ms,
        followed,
        float(trade.r),
        worst,
        None if trade.mfe_r is None else float(trade.mfe_r),
        stopped=stopped,
        beyond_stop_r=_beyond(trade) if stopped else None,
    )


def _beyond(trade: TradeClosed) -> float | None:
    """How far behind its stop a trade was closed, in R of the initial risk (the stop itself may have moved since)."""
    if trade.stop_price is None or not trade.initial_risk_usd or not trade.quantity:
        return None
    missed = (trade.stop_price - trade.exit_price) * trade.direction.sign
    return float(missed * trade.quantity / trade.initial_risk_usd)

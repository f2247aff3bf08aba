"""TAKE or SKIP for one candidate: the sentinel's veto first, then the edge."""

from dataclasses import dataclass
from decimal import Decimal

from services.advisor.logic.caution import Caution
from shared.contracts.plan import Bucket, Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Candidate, Setup
from shared.domain.errors import ContractViolation

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings that a decision needs: the least edge in R, and the size multiplier of the small bucket."""

    min_edge_r: float
    size_mult_s: Decimal


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason as a code and in words."""

    verdict: Verdict
    reason: PlanReason
    words: str


def judge(candidate: Candidate, caution: Caution, rules: Rules) -> Judgement:
    """Decide; the first reason that applies is given, in a fixed order."""
    if caution.vetoed:
        return Judgement(Verdict.SKIP, PlanReason.SENTINEL_VETO, f"Not traded: {caution.words}, which forbids entries.")
    if candidate.setup is Setup.TREND_SCAN:
        return Judgement(Verdict.SKIP, PlanReason.AI, "Not traded: no rule fired, and offers without a rule need the AI.")
    edge, least = f"{candidate.edge_r:+.3f} R", f"{rules.min_edge_r:+.3f} R"
    if candidate.edge_r < rules.min_edge_r:
        return Judgement(
            Verdict.SKIP, PlanReason.EDGE_TOO_SMALL, f"Not traded: the edge of {edge} after costs is below the least of {least}."
        )
    chance = f"win chance {candidate.p:.1%}, costs {candidate.cost_r:.3f} R"
    size = "" if caution.clamp >= _ONE else f" Size x{caution.clamp}: {caution.words}."
    return Judgement(
        Verdict.TAKE, PlanReason.EDGE, f"Traded: the edge of {edge} after costs reaches the least of {least} ({chance}).{size}"
    )


def decide(candidate: Candidate, caution: Caution, rules: Rules) -> Plan:
    """The one plan of a candidate. The same arguments give the same plan.

    Raises:
        ContractViolation: a distance that no bracket can have.
    """
    if candidate.stop_distance <= 0 or candidate.target_distance <= 0:
        raise ContractViolation(
            f"candidate {candidate.identity()}: expected positive stop and target distances, "
            f"got {candidate.stop_distance} and {candidate.target_distance}"
        )
    judgement = judge(candidate, caution, rules)
    return Plan(
        symbol=candidate.symbol,
        interval=candidate.interval,
        close_ms=candidate.close_ms,
        direction=candidate.direction,
        setup=candidate.setup,
        verdict=judgement.verdict,
        reason=judgement.reason,
        source=PlanSource.POLICY,
        bucket=Bucket.S,
        raising={"bucket": rules.size_mult_s},
        reducing={"sentinel": caution.clamp} if caution.clamp < _ONE else {},
        edge_r=candidate.edge_r,
        price=candidate.price,
        stop_distance=candidate.stop_distance,
        target_distance=candidate.target_distance,
        valid_until_ms=candidate.valid_until_ms,
        explanation=judgement.words,
        policy=_numbers(candidate, caution, rules),
    )


def _numbers(candidate: Candidate, caution: Caution, rules: Rules) -> dict[str, float]:
    """What the decision was made from. `sentinel_risk` is absent when no warning is known."""
    numbers = {"edge_r": candidate.edge_r, "min_edge_r": rules.min_edge_r, "p": candidate.p, "cost_r": candidate.cost_r}
    if caution.worst is not None:
        numbers |= {"sentinel_risk": caution.worst.event_risk, "sentinel_clamp": float(caution.clamp)}
    return numbers

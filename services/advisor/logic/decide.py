"""TAKE or SKIP for one candidate: the sentinel's veto, the edge, then what was learned. The first reason to skip is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.advisor.logic.adjust import Adjusted, adjust, playbook_size
from services.advisor.logic.brain import Brain, Question, View
from services.advisor.logic.caution import Caution
from shared.contracts.plan import Bucket, Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Candidate, Setup
from shared.domain.errors import ContractViolation

_ONE = Decimal(1)
_ORDER = (Bucket.S, Bucket.M, Bucket.L)
LEAST_HEARD_R = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings that a decision needs: the least edge in R, the size multiplier of each bucket, and who has a say.

    `enforce` holds the calibrated edge against the least, too; otherwise it is only shown. `tuner_distances` lets the tuner
    move stop and target; its size factor always counts.
    """

    min_edge_r: float
    size_mult_s: Decimal
    size_mult_m: Decimal = Decimal("1.5")
    size_mult_l: Decimal = Decimal("2.2")
    bandit: bool = False
    alpha: bool = False
    alpha_threshold: float = 0.55
    alpha_promote_delta: float = 0.15
    enforce: bool = False
    tuner_distances: bool = False

    def multiplier(self, bucket: Bucket) -> Decimal:
        """The size multiplier of a bucket."""
        return {Bucket.S: self.size_mult_s, Bucket.M: self.size_mult_m, Bucket.L: self.size_mult_l}[bucket]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason as a code and in words."""

    verdict: Verdict
    reason: PlanReason
    words: str
    bucket: Bucket = Bucket.S


def question_of(candidate: Candidate, caution: Caution, brain: Brain) -> Question:
    """The candidate as the learned models see it."""
    sign, setup = candidate.direction.sign, candidate.setup.value
    return Question(
        symbol=candidate.symbol,
        setup=setup,
        sign=sign,
        strength=candidate.strength,
        p_prior=candidate.p_prior,
        cost_r=candidate.cost_r,
        payoff=candidate.target_distance / candidate.stop_distance,
        edge_r=candidate.edge_r,
        raw={
            **candidate.features,
            "strength": candidate.strength,
            "edge_r": candidate.edge_r,
            "cost_r": candidate.cost_r,
            "spread_ratio": candidate.spread_ratio,
            **caution.features,
            **brain.context(candidate.symbol, setup, sign, candidate.features),
        },
    )


def judge(candidate: Candidate, caution: Caution, rules: Rules, view: View) -> Judgement:
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
    if rules.enforce and view.edge_calibrated_r < rules.min_edge_r:
        words = f"Not traded: outcomes correct the edge of {edge} to {view.edge_calibrated_r:+.3f} R, below the least of {least}."
        return Judgement(Verdict.SKIP, PlanReason.EDGE_TOO_SMALL, words)
    learned = _learned(rules, view)
    if learned is not None:
        return learned
    chance = f"win chance {candidate.p:.1%}, costs {candidate.cost_r:.3f} R"
    bucket, why = _bucket(rules, view)
    size = "" if caution.clamp >= _ONE else f" Size x{caution.clamp}: {caution.words}."
    return Judgement(
        Verdict.TAKE, PlanReason.EDGE, f"Traded: the edge of {edge} after costs reaches the least of {least} ({chance}).{why}{size}", bucket
    )


def _learned(rules: Rules, view: View) -> Judgement | None:
    """A reason to skip from outcomes, if there is one."""
    opinion = view.opinion
    if rules.bandit and opinion.weight > 0 and not opinion.take:
        numbers = f"{opinion.mean:+.3f} R +- {opinion.sigma:.3f}, they count {opinion.weight:.0%}"
        words = f"Not traded: outcomes of such signals speak against it ({numbers})."
        return Judgement(Verdict.SKIP, PlanReason.BANDIT, words)
    if rules.alpha and view.alpha_ready and view.confidence < rules.alpha_threshold:
        words = f"Not traded: the confidence of {view.confidence:.2f} (0.50 is break-even) is below {rules.alpha_threshold:.2f}."
        return Judgement(Verdict.SKIP, PlanReason.ALPHA, words)
    return None


def _bucket(rules: Rules, view: View) -> tuple[Bucket, str]:
    """The bucket of a trade that is taken, and why it is not the small one."""
    place = _ORDER.index(Bucket(view.opinion.size.value)) if rules.bandit else 0
    why = f" Outcomes promise at least {view.opinion.lower:+.3f} R." if place else ""
    if rules.alpha and view.alpha_ready and view.confidence >= rules.alpha_threshold + rules.alpha_promote_delta:
        place, why = min(place + 1, len(_ORDER) - 1), f"{why} The confidence of {view.confidence:.2f} moves it one size up."
    return _ORDER[place], why


def decide(candidate: Candidate, caution: Caution, rules: Rules, brain: Brain) -> Plan:
    """The one plan of a candidate. The same arguments give the same plan.

    Raises:
        ContractViolation: a distance that no bracket can have.
    """
    if candidate.stop_distance <= 0 or candidate.target_distance <= 0:
        raise ContractViolation(
            f"candidate {candidate.identity()}: expected positive stop and target distances, "
            f"got {candidate.stop_distance} and {candidate.target_distance}"
        )
    question = question_of(candidate, caution, brain)
    view = brain.view(question)
    judgement = judge(candidate, caution, rules, view)
    adjusted = _adjusted(candidate, rules, view, brain)
    changed = f" Adjusted: {', '.join(adjusted.words)}." if adjusted.words and judgement.verdict is Verdict.TAKE else ""
    learned = view.learned if rules.bandit and view.opinion.weight > 0 else {}
    return Plan(
        symbol=candidate.symbol,
        interval=candidate.interval,
        close_ms=candidate.close_ms,
        direction=candidate.direction,
        setup=candidate.setup,
        verdict=judgement.verdict,
        reason=judgement.reason,
        source=PlanSource.POLICY,
        bucket=judgement.bucket,
        raising={"bucket": rules.multiplier(judgement.bucket), **adjusted.raising},
        reducing={**({"sentinel": caution.clamp} if caution.clamp < _ONE else {}), **adjusted.reducing},
        stop_factors=dict(adjusted.stops),
        target_factors=dict(adjusted.targets),
        learned_r=dict(learned),
        confidence=view.confidence if rules.alpha and view.alpha_ready else None,
        edge_r=candidate.edge_r,
        price=candidate.price,
        stop_distance=adjusted.stop_distance,
        target_distance=adjusted.target_distance,
        valid_until_ms=candidate.valid_until_ms,
        explanation=judgement.words + _heard(learned) + changed,
        policy=_numbers(candidate, caution, rules, view),
    )


def _heard(learned: Mapping[str, float]) -> str:
    """What the learning loops added to the expectation, where it is worth a word."""
    told = [f"{name} {value:+.3f} R" for name, value in learned.items() if abs(value) >= LEAST_HEARD_R]
    return f" In what outcomes say: {', '.join(told)}." if told else ""


def _adjusted(candidate: Candidate, rules: Rules, view: View, brain: Brain) -> Adjusted:
    """Playbook and tuner at work."""
    adjustments, advice = brain.playbook.adjustments, view.advice
    sizes = {
        "playbook": playbook_size(adjustments, candidate.setup.value, candidate.direction.sign),
        "tuner": advice.size_factor,
    }
    stops, targets = {"playbook": adjustments.stop}, {"playbook": adjustments.target}
    if rules.tuner_distances:
        stops["tuner"], targets["tuner"] = advice.stop_factor, advice.target_factor
    return adjust((candidate.stop_distance, candidate.target_distance), sizes, stops, targets)


def _numbers(candidate: Candidate, caution: Caution, rules: Rules, view: View) -> dict[str, float]:
    """What the decision was made from. Warnings are absent when none is known, opinions when nobody listens to them."""
    numbers = {"edge_r": candidate.edge_r, "min_edge_r": rules.min_edge_r, "p": candidate.p, "cost_r": candidate.cost_r}
    if caution.worst is not None:
        numbers |= {"sentinel_risk": caution.worst.event_risk, "sentinel_clamp": float(caution.clamp)}
    opinion = view.opinion
    if rules.bandit and opinion.weight > 0:
        numbers |= {"bandit_score_r": opinion.score, "bandit_mean_r": opinion.mean, "bandit_sigma_r": opinion.sigma}
        numbers |= {"bandit_lower_r": opinion.lower, "bandit_weight": opinion.weight}
    if rules.alpha and view.alpha_ready:
        numbers["alpha_confidence"] = view.confidence
    return numbers | {
        "p_calibrated": view.p_calibrated,
        "edge_calibrated_r": view.edge_calibrated_r,
        "features_unknown": float(len(view.unknown)),
    }

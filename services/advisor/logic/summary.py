"""What was learned, for people: the report that the dashboard shows. The same learner and edition give the same report."""

from dataclasses import asdict
from math import sqrt
from typing import Any

import numpy as np

from services.advisor.logic.brain import Brain
from services.advisor.logic.budget import TWO_SIDED_90, BudgetLearner
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.playbook import Playbook
from services.advisor.logic.report import LEAST_SAMPLE, FilterRow
from services.advisor.logic.tuner import Tuner
from shared.contracts.learning import (
    BanditState,
    CalibrationPoint,
    FilterResult,
    HelpValue,
    LearningFunnel,
    LearningReport,
    ModelScore,
    PlaybookNow,
    TunerBucket,
)
from shared.policy.calibration import KAPPA

WEIGHTS_SHOWN = 15


def learning_report(learner: Learner, edition: Edition) -> LearningReport:
    """Filters, calibration, models, tuner, playbook and post-mortems up to an edition."""
    brain = edition.brain
    weights = sorted(brain.bandit.weights.items(), key=lambda item: (-abs(item[1]), item[0]))
    return LearningReport(
        edition=edition.number,
        made_ms=learner.clock_ms,
        until_ms=brain.until_ms,
        learned=edition.learned,
        lessons=brain.alpha.outcomes,
        following=len(learner.ledger),
        least_sample=LEAST_SAMPLE,
        funnel=LearningFunnel(**asdict(learner.funnel)),
        filters=tuple(_filter(row) for row in brain.filters.rows(np.random.default_rng(edition.number))),
        models=_models(brain),
        bandit=BanditState(outcomes=brain.bandit.outcomes, weights={name: round(weight, 6) for name, weight in weights[:WEIGHTS_SHOWN]}),
        tuner=tuple(_bucket(brain.tuner, bucket) for bucket in brain.tuner.buckets),
        playbook=_playbook(brain.playbook),
        postmortem=brain.lessons.overall,
        help=tuple(_help(brain.budget, symbol) for symbol in brain.budget.symbols),
    )


def report(learner: Learner, edition: Edition) -> dict[str, Any]:
    """The same as JSON types, as it stands in Redis."""
    return learning_report(learner, edition).model_dump(mode="json")


def wilson(share: float, count: float) -> tuple[float, float]:
    """90 % interval of a share of independent outcomes. Source: Wilson 1927."""
    z2 = TWO_SIDED_90**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = TWO_SIDED_90 * sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _point(name: str, outcomes: float, predicted: float, observed: float) -> CalibrationPoint:
    low, high = wilson(observed, outcomes)
    return CalibrationPoint(name=name, outcomes=outcomes, predicted=predicted, observed=observed, low=low, high=high)


def _models(brain: Brain) -> tuple[ModelScore, ...]:
    """The probabilities of the signals themselves, and those of the alpha model."""
    table, alpha = brain.calibration, brain.alpha
    prior = [_point(f"{one.setup}-{one.bin}", one.outcomes, one.predicted, one.observed) for one in table.curve()]
    learned = [_point(f"{one.low:.1f}-{one.high:.1f}", one.outcomes, one.predicted, one.observed) for one in alpha.reliability()]
    return (
        ModelScore(model="prior", outcomes=table.outcomes, ready=table.outcomes >= KAPPA, brier_score=table.brier(), points=tuple(prior)),
        ModelScore(model="alpha", outcomes=float(alpha.outcomes), ready=alpha.ready, brier_score=alpha.brier(), points=tuple(learned)),
    )


def _filter(row: FilterRow) -> FilterResult:
    return FilterResult(
        reason=row.reason,
        trades=row.trades,
        wins=row.wins,
        net_r=row.net_r,
        mean_r=row.interval.mean,
        low_r=row.interval.low,
        high_r=row.interval.high,
        worth=row.worth,
    )


def _bucket(tuner: Tuner, bucket: str) -> TunerBucket:
    advice = tuner.advice(bucket)
    return TunerBucket(
        bucket=bucket,
        trades=advice.trades,
        hit_ratio=advice.hit_ratio,
        mean_r=advice.mean_r,
        low_r=advice.low_r,
        high_r=advice.high_r,
        stop_factor=advice.stop_factor,
        target_factor=advice.target_factor,
        size_factor=advice.size_factor,
    )


def _playbook(book: Playbook) -> PlaybookNow:
    changed = book.adjustments
    return PlaybookNow(
        regime=book.regime,
        reason=book.reason,
        version=book.version,
        size=changed.size,
        stop=changed.stop,
        target=changed.target,
        side_bias=changed.side_bias,
        focus=dict(changed.focus),
        inputs=dict(book.inputs),
    )


def _help(budget: BudgetLearner, symbol: str) -> HelpValue:
    return HelpValue(symbol=symbol, **asdict(budget.value(symbol)))

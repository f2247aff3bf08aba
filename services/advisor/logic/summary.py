"""What was learned, for people: the report that the dashboard shows. All of it is hypothetical but for the closed trades."""

from dataclasses import asdict
from typing import Any

import numpy as np

from services.advisor.logic.learner import Edition, Learner


def report(learner: Learner, edition: Edition) -> dict[str, Any]:
    """Filters, calibration, models, tuner and playbook as JSON types. The same edition gives the same report."""
    brain = edition.brain
    weights = sorted(brain.bandit.weights.items(), key=lambda item: (-abs(item[1]), item[0]))
    return {
        "edition": edition.number,
        "learned": edition.learned,
        "until_ms": brain.until_ms,
        "hypothetical": True,
        "funnel": asdict(learner.funnel),
        "following": len(learner.ledger),
        "filters": [asdict(row) for row in brain.filters.rows(np.random.default_rng(edition.number))],
        "calibration": {"brier": brain.calibration.brier(), "curve": [asdict(point) for point in brain.calibration.curve()]},
        "alpha": {
            "ready": brain.alpha.ready,
            "outcomes": brain.alpha.outcomes,
            "brier": brain.alpha.brier(),
            "reliability": [asdict(row) for row in brain.alpha.reliability()],
        },
        "bandit": {"outcomes": brain.bandit.outcomes, "weights": dict(weights[:15])},
        "tuner": {bucket: asdict(brain.tuner.advice(bucket)) for bucket in brain.tuner.buckets},
        "playbook": {
            "regime": brain.playbook.regime.value,
            "reason": brain.playbook.reason,
            "version": brain.playbook.version,
            "adjustments": asdict(brain.playbook.adjustments),
        },
    }

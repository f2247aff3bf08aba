"""What each adviser changed about a plan, and what a closed trade's post-mortem found."""

from decimal import Decimal
from enum import StrEnum

from services.dashboard.logic.answers import Answer
from shared.contracts.ai import Postmortem
from shared.contracts.learning import Cause
from shared.contracts.plan import Plan

LEAST_LEARNED_R = 0.005
LEAST_WEIGHT = 0.3


class Adviser(StrEnum):
    """Who may change a plan, in the order in which they are shown."""

    BUCKET = "bucket"
    SENTINEL = "sentinel"
    PLAYBOOK = "playbook"
    TUNER = "tuner"
    POSTMORTEM = "postmortem"


class Adjusted(Answer):
    """Factors on size, stop and target, and what the adviser's features added to the expected result in R. None = nothing."""

    adviser: Adviser
    size: Decimal | None = None
    stop: float | None = None
    target: float | None = None
    learned_r: float | None = None


def adjusted_of(plan: Plan) -> tuple[Adjusted, ...]:
    """One row per adviser that changed something."""
    sizes = {**plan.raising, **plan.reducing}
    rows = []
    for adviser in Adviser:
        learned = plan.learned_r.get(adviser, 0.0)
        row = Adjusted(
            adviser=adviser,
            size=sizes.get(adviser) if sizes.get(adviser) != 1 else None,
            stop=plan.stop_factors.get(adviser),
            target=plan.target_factors.get(adviser),
            learned_r=learned if abs(learned) >= LEAST_LEARNED_R else None,
        )
        if row != Adjusted(adviser=adviser):
            rows.append(row)
    return tuple(rows)


def main_cause(review: Postmortem) -> str:
    """The heaviest flaw that is worth naming; good process when there is none."""
    flaws = {name: weight for name, weight in review.features.items() if name != Cause.GOOD_PROCESS and weight >= LEAST_WEIGHT}
    return max(sorted(flaws), key=lambda name: flaws[name], default=Cause.GOOD_PROCESS.value)

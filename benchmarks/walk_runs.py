"""Who decides in the walk-forward evaluation, and one of them going through a recording. See `walk_forward`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from math import isfinite

import numpy as np

from benchmarks.recorded_signals import Case, Recording, again
from services.advisor.logic.aftermath import WATCHED, Review
from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide
from services.advisor.logic.edition import HOUR_MS, wanted
from services.advisor.logic.lesson import Kind, Lesson, from_shadow
from services.advisor.logic.postmortem import causes
from services.advisor.logic.shadow import End, Outcome
from shared.contracts.plan import Plan, Verdict
from shared.contracts.signal import Candidate

STEP_MS = 300_000
CALM = caution([], 0)
EDGE_ONLY = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"))


@dataclass(frozen=True, slots=True)
class Variant:
    """What has a say besides the edge. `calibrated` gates on the calibrated edge; `everything` skips no candidate.

    `sizes` lets the tuner change sizes, `distances` stops and targets as well.
    """

    name: str
    bandit: bool = False
    alpha: bool = False
    calibrated: bool = False
    sizes: bool = False
    distances: bool = False
    everything: bool = False

    @property
    def learns(self) -> bool:
        """Whether outcomes have a say at all."""
        return self.bandit or self.alpha or self.calibrated or self.sizes or self.distances

    @property
    def rules(self) -> Rules:
        """Settings of the decision."""
        least = -99.0 if self.everything else EDGE_ONLY.min_edge_r
        asked = {"bandit": self.bandit, "alpha": self.alpha, "enforce": self.calibrated, "tuner_distances": self.distances}
        return replace(EDGE_ONLY, min_edge_r=least, **asked)


ALL = Variant("all of it (default live)", bandit=True, alpha=True, calibrated=True, sizes=True)
VARIANTS = (
    Variant("every candidate", everything=True),
    Variant("edge only"),
    Variant("edge + calibration", calibrated=True),
    Variant("edge + bandit", bandit=True),
    Variant("edge + alpha", alpha=True),
    Variant("edge + tuner's sizes", sizes=True),
    Variant("edge + tuner's sizes and distances", sizes=True, distances=True),
    ALL,
    replace(ALL, name="all but calibration (default on paper)", calibrated=False),
    replace(ALL, name="all but bandit", bandit=False),
    replace(ALL, name="all but alpha", alpha=False),
    replace(ALL, name="all but the tuner", sizes=False),
)


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of a variant: result in R at size 1, and the size that the policy gave it."""

    opened_ms: int
    net_r: float
    size: float


@dataclass
class Run:
    """One variant going through the recording."""

    variant: Variant
    recording: Recording
    brain: Brain = field(default_factory=Brain)
    trades: list[Trade] = field(default_factory=list)
    _waiting: list[Lesson] = field(default_factory=list)
    _reviews: list[tuple[int, Review]] = field(default_factory=list)
    _edition: int = 0
    _open_until: dict[str, int] = field(default_factory=dict)

    def go(self, material: Sequence[Case]) -> list[Trade]:
        """Every signal in order."""
        for case in material:
            if self.variant.learns:
                self._learn(wanted(case.followed.close_ms, STEP_MS))
            taken = self._decide(case) if isinstance(case.signal, Candidate) else None
            if self.variant.learns:
                self._wait_for(case, taken)
        return self.trades

    def _learn(self, edition: int) -> None:
        """Lessons that ended before the edition's hour."""
        if edition == self._edition:
            return
        self._edition = edition
        ripe = [lesson for lesson in self._waiting if lesson.ended_ms < edition * HOUR_MS]
        self._waiting = [lesson for lesson in self._waiting if lesson.ended_ms >= edition * HOUR_MS]
        for lesson in sorted(ripe, key=lambda item: item.order):
            self.brain.learn(lesson)
        ready = [review for ready_ms, review in self._reviews if ready_ms < edition * HOUR_MS]
        self._reviews = [(ready_ms, review) for ready_ms, review in self._reviews if ready_ms >= edition * HOUR_MS]
        for review in sorted(ready, key=lambda item: item.order):
            self.brain.review(review)

    def _decide(self, case: Case) -> Outcome | None:
        """The result of the trade, None when it is not taken or its symbol is busy."""
        assert isinstance(case.signal, Candidate)
        if self._open_until.get(case.signal.symbol, 0) > case.followed.close_ms:
            return None
        plan = decide(case.signal, CALM, self.variant.rules, self.brain)
        if plan.verdict is not Verdict.TAKE:
            return None
        outcome = self._traded(case, plan)
        if outcome is None or outcome.end is End.GAP:
            return None
        self._open_until[case.signal.symbol] = outcome.ended_ms
        heard = {"bucket", "tuner"} if self.variant.sizes else {"bucket"}
        factors = [float(value) for name, value in (*plan.raising.items(), *plan.reducing.items()) if name in heard]
        self.trades.append(Trade(case.followed.close_ms, outcome.net_r, float(np.prod(factors))))
        return outcome

    def _traded(self, case: Case, plan: Plan) -> Outcome | None:
        """With the plan's own distances when the tuner moved them; costs in R follow the stop."""
        if not plan.stop_factors and not plan.target_factors:
            return case.outcome
        scale = case.followed.stop_distance / plan.stop_distance
        other = replace(
            case.followed, candles=0, worst_r=0.0, best_r=0.0, until_ms=case.followed.close_ms,
            stop_distance=plan.stop_distance, target_distance=plan.target_distance, cost_r=case.followed.cost_r * scale,
        )  # fmt: skip
        return again(self.recording, other)

    def _wait_for(self, case: Case, taken: Outcome | None) -> None:
        """What will be learned once it has ended."""
        followed = replace(case.outcome.followed, taken=taken is not None)
        shadow = from_shadow(replace(case.outcome, followed=followed))
        if shadow is not None:
            self._waiting.append(shadow)
        if taken is not None:
            end = taken.followed
            lesson = Lesson(Kind.TRADE, taken.ended_ms, end, taken.net_r, end.worst_r, end.best_r, stopped=taken.end is End.STOP)
            self._waiting.append(lesson)
            self._reviews.append(self._review(lesson))

    def _review(self, lesson: Lesson) -> tuple[int, Review]:
        """When its post-mortem is known, and what it says; ATR and longer trend at the end are not in it."""
        followed, ready_ms, turned = lesson.followed, lesson.ended_ms, None
        if lesson.stopped:
            later = list(islice(self.recording.after(followed.symbol, lesson.ended_ms), WATCHED))
            reached = [((c.high if followed.sign > 0 else c.low) - followed.price) * followed.sign for c in later]
            turned = max((value for value in reached if isfinite(value)), default=0.0) / followed.stop_distance
            ready_ms += WATCHED * STEP_MS
        weights = {cause.value: weight for cause, weight in causes(replace(lesson.path, turned_r=turned)).items()}
        return ready_ms, Review(followed.idea, followed.symbol, lesson.ended_ms, weights)

"""Everything that was learned, together: what it says about a signal, and how a lesson changes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from services.advisor.logic import playbook as books
from services.advisor.logic.adjust import playbook_size
from services.advisor.logic.aftermath import Review
from services.advisor.logic.budget import BudgetLearner
from services.advisor.logic.lesson import Kind, Lesson
from services.advisor.logic.playbook import Playbook
from services.advisor.logic.postmortem import Lessons
from services.advisor.logic.report import FilterBook
from services.advisor.logic.shadow import End, Outcome
from services.advisor.logic.tuner import Advice, Sample, Tuner, bucket_of
from shared.contracts.learning import Cause
from shared.policy.alpha import AlphaModel
from shared.policy.bandit import BanditPolicy, Opinion
from shared.policy.calibration import CalibrationTable
from shared.policy.features import NAMES, Vector, vector
from shared.policy.stored import LARGEST_STORED, sane

LOOPS = ("sentinel", "playbook", "tuner", "postmortem")
"""What learns beside the policy, and speaks to it through features that begin with its name."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A signal to have an opinion about. `raw` are feature values by source, those of `Brain.context` included."""

    symbol: str
    setup: str
    sign: int
    strength: float
    p_prior: float
    cost_r: float
    payoff: float
    edge_r: float
    raw: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class View:
    """The learned opinions about one signal. `confidence` is 0.5 until the alpha model is ready.

    `unknown` are features that nobody supplied; `learned` what the features of each learning loop add to the mean, in R.
    """

    opinion: Opinion
    confidence: float
    alpha_ready: bool
    p_calibrated: float
    edge_calibrated_r: float
    advice: Advice
    unknown: tuple[str, ...]
    learned: Mapping[str, float]


class Brain:
    """The models. Without a lesson it is neutral: the edge decides, at the small size, with distances as offered."""

    def __init__(self) -> None:
        self.bandit = BanditPolicy(NAMES)
        self.alpha = AlphaModel(NAMES)
        self.calibration = CalibrationTable()
        self.tuner = Tuner()
        self.filters = FilterBook()
        self.lessons = Lessons()
        self.budget = BudgetLearner()
        self.playbook = Playbook()
        self.until_ms = 0

    def context(self, symbol: str, setup: str, sign: int, features: Mapping[str, float]) -> dict[str, float]:
        """Raw features that come from what was learned itself."""
        advice = self.tuner.advice(bucket_of(setup, sign, features.get("volatility_rank")))
        adjustments = self.playbook.adjustments
        return {
            "tuner_size": advice.size_factor,
            "playbook_size": playbook_size(adjustments, setup, sign),
            "playbook_side_bias": adjustments.side_bias,
            **self.lessons.of(symbol),
        }

    def view(self, question: Question) -> View:
        """What it says about a signal."""
        found = vector(question.raw, sign=question.sign, setup=question.setup)
        p = self.calibration.probability(question.setup, question.strength, question.p_prior)
        return View(
            opinion=self.bandit.judge(found.values, question.edge_r),
            confidence=self.alpha.confidence(found.values, question.p_prior, cost_r=question.cost_r, payoff=question.payoff),
            alpha_ready=self.alpha.ready,
            p_calibrated=p,
            edge_calibrated_r=p * question.payoff - (1.0 - p) - question.cost_r,
            advice=self.tuner.advice(bucket_of(question.setup, question.sign, question.raw.get("volatility_rank"))),
            unknown=found.unknown,
            learned=self._learned(found),
        )

    def _learned(self, found: Vector) -> dict[str, float]:
        """Weight times value, summed over the features that a learning loop supplies."""
        parts = dict.fromkeys(LOOPS, 0.0)
        for (name, weight), value in zip(self.bandit.weights.items(), found.values.tolist(), strict=True):
            loop = name.partition("_")[0]
            if loop in parts:
                parts[loop] += weight * value
        return parts

    def learn(self, lesson: Lesson) -> None:
        """Take in a lesson."""
        followed = lesson.followed
        self.until_ms = max(self.until_ms, lesson.ended_ms)
        if lesson.teaches:
            values = vector(followed.raw, sign=followed.sign, setup=followed.setup).values
            self.bandit.learn(values, lesson.net_r, lesson.weight)
            self.alpha.learn(values, followed.p_prior, won=lesson.net_r > 0, weight=lesson.weight)
            self._tune(lesson)
        if lesson.kind is Kind.SHADOW:
            self.calibration.note(followed.setup, followed.strength, followed.p_prior, won=lesson.net_r > 0)
            self.filters.note(Outcome(followed, End.STOP if lesson.stopped else End.TIME, lesson.net_r, lesson.net_r, lesson.ended_ms))

    def review(self, review: Review) -> None:
        """Take in the post-mortem of a trade."""
        self.lessons.note(review.symbol, {Cause(name): weight for name, weight in review.weights.items()})

    def _tune(self, lesson: Lesson) -> None:
        """Excursions that nobody saw teach nothing about distances."""
        followed = lesson.followed
        if lesson.worst_r is None or lesson.best_r is None:
            return
        atr_per_r = followed.stop_distance / followed.atr
        sample = Sample(
            net_r=lesson.net_r,
            mae_atr=-lesson.worst_r * atr_per_r,
            mfe_atr=lesson.best_r * atr_per_r,
            stop_atr=atr_per_r,
            target_atr=followed.target_distance / followed.atr,
        )
        self.tuner.note(bucket_of(followed.setup, followed.sign, followed.raw.get("volatility_rank")), sample)

    def to_dict(self) -> dict[str, Any]:
        """All models as JSON types."""
        parts = ("bandit", "alpha", "calibration", "tuner", "filters", "lessons", "budget")
        models = {name: getattr(self, name).to_dict() for name in parts}
        return {"until_ms": self.until_ms, "playbook": books.to_dict(self.playbook), **models}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> tuple["Brain", list[str]]:
        """The brain of a document. A part that cannot be read starts neutral; the second value says which, and why."""
        brain, problems = cls(), list[str]()
        bandit = BanditPolicy.from_dict(_part(document, "bandit"), NAMES)
        alpha = AlphaModel.from_dict(_part(document, "alpha"), NAMES)
        calibration = CalibrationTable.from_dict(_part(document, "calibration"))
        brain.bandit, brain.alpha, brain.calibration = bandit.model, alpha.model, calibration.model
        problems += [found.problem for found in (bandit, alpha, calibration) if found.problem]
        brain.tuner = _read((Tuner.from_dict, Tuner.to_dict), document, "tuner", problems) or brain.tuner
        brain.filters = _read((FilterBook.from_dict, FilterBook.to_dict), document, "filters", problems) or brain.filters
        brain.lessons = _read((Lessons.from_dict, Lessons.to_dict), document, "lessons", problems) or brain.lessons
        if "budget" in document:  # earlier versions wrote none
            brain.budget = _read((BudgetLearner.from_dict, BudgetLearner.to_dict), document, "budget", problems) or brain.budget
        brain.playbook = _read((books.from_dict, books.to_dict), document, "playbook", problems) or brain.playbook
        until = document.get("until_ms", 0)
        brain.until_ms = until if isinstance(until, int) and 0 <= until <= LARGEST_STORED else 0
        return brain, problems


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _read(
    kind: tuple[Callable[[Mapping[str, Any]], T], Callable[[T], Mapping[str, Any]]],
    document: Mapping[str, Any],
    name: str,
    problems: list[str],
) -> T | None:
    """One part; None, with the problem, when it cannot be read or holds what nothing can be computed from."""
    read, write = kind
    part = _part(document, name)
    try:
        sane(part)
        made = read(part)
        sane(write(made))  # numbers may have been written as text
    except ValueError as error:
        problems.append(f"{name} starts empty: {error}")
        return None
    return made

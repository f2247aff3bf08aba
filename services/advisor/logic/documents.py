"""The documents of the learning state: their fields, and what a set of them holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.advisor.logic.brain import Brain
from services.advisor.logic.learner import Edition, Learner
from shared.policy.stored import sane

CURRENT, DRAFT, REPORT, IMPORTS = "current", "draft", "report", "imports"
KEPT = 3
PLACES = tuple(f"edition-{number}" for number in range(KEPT))


def place(number: int) -> str:
    """Editions take turns in a few fields."""
    return PLACES[number % KEPT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a set of documents holds; `problems` are what a reader of it would have to leave out."""

    edition: int = 0
    until_ms: int = 0
    policy: float = 0.0
    alpha: int = 0
    calibration: float = 0.0
    regime: str = ""
    following: int = 0
    trades_on_the_way: int = 0
    lessons_waiting: int = 0
    problems: tuple[str, ...] = ()


def review(documents: Mapping[str, Mapping[str, Any]]) -> Review:
    """Read all of it, strictly; nothing learned is a valid state."""
    unknown = sorted(set(documents) - {CURRENT, DRAFT, REPORT, IMPORTS, *PLACES})
    problems = [f"{field}: expected a known field, this is none" for field in unknown]
    edition = newest(documents, problems)
    draft = _draft(documents, edition, problems)
    return Review(
        edition=edition.number,
        until_ms=edition.brain.until_ms,
        policy=edition.brain.bandit.outcomes,
        alpha=edition.brain.alpha.outcomes,
        calibration=edition.brain.calibration.outcomes,
        regime=edition.brain.playbook.regime.value,
        following=len(draft.ledger),
        trades_on_the_way=len(draft.entered),
        lessons_waiting=len(draft.lessons),
        problems=tuple(problems),
    )


def newest(documents: Mapping[str, Mapping[str, Any]], problems: list[str]) -> Edition:
    """The newest edition; the neutral one, with a problem, when it cannot be read."""
    current = documents.get(CURRENT)
    if current is None:
        return Edition(0, Brain())
    number = current.get("number")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        problems.append(f"{CURRENT}: expected the number of an edition, found {str(number)[:40]!r}")
        return Edition(0, Brain())
    if number == 0:
        return Edition(0, Brain())
    found = documents.get(place(number), {})
    if found.get("number") != number:
        problems.append(f"{place(number)}: expected edition {number}, found {str(found.get('number'))[:40]!r}")
        return Edition(number, Brain())
    content = found.get("brain")
    brain, reasons = Brain.from_dict(content if isinstance(content, Mapping) else {})
    problems += [f"{place(number)}: {reason}" for reason in reasons]
    learned = found.get("learned", 0)
    return Edition(number, brain, learned if isinstance(learned, int) else 0)


def _draft(documents: Mapping[str, Mapping[str, Any]], edition: Edition, problems: list[str]) -> Learner:
    found = documents.get(DRAFT)
    if found is None:
        return Learner(edition=edition)
    try:
        sane(found)
        return Learner.from_draft(found, edition)
    except ValueError as error:
        problems.append(f"{DRAFT}: {error}")
        return Learner(edition=edition)

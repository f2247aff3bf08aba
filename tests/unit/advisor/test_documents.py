"""Documents of the learning state: whatever they hold, a reader starts, says what it left out, and decides."""

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide
from services.advisor.logic.documents import CURRENT, DRAFT, IMPORTS, KEPT, place, review
from services.advisor.logic.learner import Learner
from services.advisor.logic.lesson import Kind
from shared.contracts.plan import Verdict
from tests.unit.advisor.cases import candidate
from tests.unit.advisor.test_brain import taught
from tests.unit.advisor.test_learner import NAMES, idea, market, signal

CALM = caution([], 0)
RULES = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=True)
junk = st.sampled_from([None, True, -1, 2**70, 1e308, float("nan"), float("inf"), "x", "", [], {}, [None], {"a": 1}, [[1.0]], "9" * 400])


def learner() -> Learner:
    """One that has followed signals for a while."""
    made, bars = Learner(), market(60)
    for bar in range(60):
        for name in NAMES:
            made.candle(bars[name][bar])
            if bar % 4 == 0:
                found = signal(name, bars[name][bar], bar)
                made.signal(found, idea(found), {})
    return made


WORN = learner()


def documents() -> dict[str, dict[str, Any]]:
    """As they are in Redis."""
    number = WORN.edition.number
    content = {"number": number, "learned": 1, "brain": WORN.edition.brain.to_dict()}
    found = {CURRENT: {"number": number}, DRAFT: WORN.draft(), place(number): content, "report": {}, IMPORTS: {"trades": []}}
    made: dict[str, dict[str, Any]] = json.loads(json.dumps(found))
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be broken; of long lists only the ends."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1} & set(range(len(value)))):
            yield from places(value[index], (*path, index))


def broken(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy with something else in one place."""
    made = copy.deepcopy(value)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = by
    return made


BRAIN = json.loads(json.dumps(taught([1.4, -1.1, 0.3], 60, Kind.TRADE).to_dict()))
DOCUMENTS = documents()


def test_what_is_in_redis_is_read_whole() -> None:
    found = review(DOCUMENTS)
    assert found.problems == ()
    assert found.edition == WORN.edition.number > 0
    assert found.policy > 0
    assert found.following == len(WORN.ledger)
    assert review({}) == review({CURRENT: {"number": 0}})
    assert {place(number) for number in range(KEPT * 2)} == {"edition-0", "edition-1", "edition-2"}


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(list(places(BRAIN))), by=junk)
def test_a_brain_with_anything_in_any_place_still_decides(path: tuple[Any, ...], by: Any) -> None:
    found, problems = Brain.from_dict(broken(BRAIN, path, by))
    plan = decide(candidate(), CALM, RULES, found)
    assert plan.verdict in set(Verdict)
    assert all(isinstance(problem, str) and problem for problem in problems)
    again, more = Brain.from_dict(json.loads(json.dumps(found.to_dict())))
    assert more == []
    assert decide(candidate(), CALM, RULES, again) == plan


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(list(places(DOCUMENTS))), by=junk)
def test_a_review_of_anything_ends_with_words(path: tuple[Any, ...], by: Any) -> None:
    made = broken(DOCUMENTS, path, by)
    if all(isinstance(document, dict) for document in made.values()):
        assert all(isinstance(problem, str) for problem in review(made).problems)


def test_unknown_fields_and_missing_editions_are_problems() -> None:
    assert "expected a known field" in review({"surprise": {}}).problems[0]
    assert "expected edition 5" in review({CURRENT: {"number": 5}}).problems[0]
    assert "expected the number" in review({CURRENT: {"number": "5"}}).problems[0]
    assert "expected kind 'draft'" in review({DRAFT: {}}).problems[0]


@pytest.mark.parametrize(
    ("results", "count", "wanted"),
    [([-1.1, -1.1, 0.9], 200, "SKIP"), ([], 0, "S"), ([0.5, -0.2], 400, "M"), ([1.4, 1.4, 1.4, -1.1], 400, "L")],
)
def test_each_decision_is_reached_in_a_plan(results: list[float], count: int, wanted: str) -> None:
    brain = taught(results, count) if count else Brain()
    rules = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=False)
    plan = decide(candidate(), CALM, rules, brain)
    assert (plan.bucket.value if plan.verdict is Verdict.TAKE else "SKIP") == wanted

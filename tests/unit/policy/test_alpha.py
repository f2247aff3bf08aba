import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.alpha import NEUTRAL, READY_OUTCOMES, AlphaModel, break_even, confidence, sigmoid
from shared.policy.features import BIAS
from shared.policy.stored import Floats

ABC = (BIAS, "a", "b", "c")
ps = st.floats(0.02, 0.98)
costs = st.floats(0, 0.5)


def sample(dice: np.random.Generator) -> Floats:
    return np.concatenate([[1.0], dice.normal(0.2, 0.4, 3)])


def trained(outcomes: int = 3000, gain: float = 2.0, seed: int = 3) -> AlphaModel:
    """A market in which `a` moves the odds."""
    dice = np.random.default_rng(seed)
    model = AlphaModel(ABC)
    for _ in range(outcomes):
        x = sample(dice)
        model.learn(x, 0.4, won=bool(dice.random() < sigmoid(-0.4 + gain * (x[1] - 0.2))))
    return model


def test_it_is_neutral_until_it_has_seen_enough() -> None:
    model = AlphaModel(ABC)
    x = np.array([1.0, 0.5, 0.5, 0.5])
    for _ in range(READY_OUTCOMES - 1):
        model.learn(x, 0.4, won=False)
        assert model.confidence(x, 0.9, cost_r=0.1, payoff=2.0) == NEUTRAL
    model.learn(x, 0.4, won=False)
    assert model.confidence(x, 0.4, cost_r=0.1, payoff=2.0) < NEUTRAL


def test_without_a_lesson_it_says_what_the_signal_said() -> None:
    assert AlphaModel(ABC).probability(np.array([1.0, 0.3, 0.0, -0.2]), 0.42) == pytest.approx(0.42)


def test_it_finds_what_moves_the_odds() -> None:
    model = trained()
    assert model.weights["a"] > 5 * max(abs(model.weights["b"]), abs(model.weights["c"]))
    good, bad = (model.confidence(np.array([1.0, a, 0.2, 0.2]), 0.4, cost_r=0.1, payoff=1.5) for a in (0.8, -0.6))
    assert good > 0.55
    assert bad < 0.45


def test_predictions_are_scored_before_they_are_learned_from() -> None:
    model = trained()
    brier = model.brier()
    assert brier is not None
    assert brier < 0.235
    for point in model.reliability():
        if point.outcomes > 200:
            assert abs(point.predicted - point.observed) < 0.1
    assert AlphaModel(ABC).brier() is None
    assert AlphaModel(ABC).reliability() == []


def test_pure_noise_leaves_it_near_the_base_rate() -> None:
    dice = np.random.default_rng(1)
    model = AlphaModel(ABC)
    for _ in range(3000):
        model.learn(sample(dice), 0.4, won=bool(dice.random() < 0.4))
    assert model.probability(np.array([1.0, 0.5, 0.1, 0.3]), 0.4) == pytest.approx(0.4, abs=0.08)


@given(p=ps, cost=costs, payoff=st.floats(0.6, 4))
def test_half_is_break_even_after_costs(p: float, cost: float, payoff: float) -> None:
    limit = break_even(cost, payoff)
    found = confidence(p, cost, payoff)
    assert 0 < found < 1
    if limit < 0.99 and abs(p - limit) > 1e-9:
        assert (found > NEUTRAL) == (p > limit)


@given(low=ps, high=ps, cost=costs)
def test_more_probability_is_more_confidence_and_more_cost_is_less(low: float, high: float, cost: float) -> None:
    low, high = sorted((low, high))
    assert confidence(low, cost, 1.5) <= confidence(high, cost, 1.5)
    assert confidence(low, cost + 0.1, 1.5) <= confidence(low, cost, 1.5)


@given(st.lists(st.tuples(st.lists(st.floats(-1, 1), min_size=3, max_size=3), st.booleans()), max_size=60))
def test_it_stays_finite_whatever_it_sees(lessons: list[tuple[list[float], bool]]) -> None:
    model = AlphaModel(ABC)
    for x, won in lessons:
        model.learn(np.array([1.0, *x]), 0.4, won=won)
    assert all(math.isfinite(weight) for weight in model.weights.values())
    assert AlphaModel.from_dict(json.loads(json.dumps(model.to_dict())), ABC).model.to_dict() == model.to_dict()


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        AlphaModel(ABC).learn(np.array([1.0, math.nan, 0.0, 0.0]), 0.4, won=True)
    with pytest.raises(ValueError, match="expected 4 features"):
        AlphaModel(ABC).probability(np.zeros(2), 0.4)


def test_the_document_round_trips_and_moves_by_name() -> None:
    model = trained(200)
    again = AlphaModel.from_dict(json.loads(json.dumps(model.to_dict())), ABC)
    assert again.problem == ""
    assert again.model.to_dict() == model.to_dict()
    moved = AlphaModel.from_dict(model.to_dict(), ("new", "c", "a", BIAS))
    assert (moved.added, moved.dropped) == (("new",), ("b",))
    assert moved.model.weights["a"] == model.weights["a"]
    assert moved.model.ready


def broken(**changes: Any) -> dict[str, Any]:
    return {**trained(30).to_dict(), **changes}


@pytest.mark.parametrize(
    "document",
    [{}, broken(version=2), broken(steps=[-1.0, 0, 0, 0]), broken(curve=[]), broken(weights=["x", 0, 0, 0]), broken(outcomes=math.inf)],
)
def test_a_broken_document_starts_neutral_and_says_so(document: dict[str, Any]) -> None:
    found = AlphaModel.from_dict(document, ABC)
    assert found.problem.startswith("alpha model starts neutral")
    assert found.model.to_dict() == AlphaModel(ABC).to_dict()

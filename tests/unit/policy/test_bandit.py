import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.bandit import FORGETTING, RIDGE, SHRINK, BanditPolicy, Size, bucket
from shared.policy.features import BIAS, NAMES
from shared.policy.stored import Floats

ABC = (BIAS, "a", "b", "c")
edges = st.floats(-1, 1)


def sample(dice: np.random.Generator, size: int) -> Floats:
    return np.concatenate([[1.0], np.clip(dice.normal(0, 0.5, size - 1), -1, 1)])


def trained(effect: Callable[[Floats], float], outcomes: int = 1500, names: tuple[str, ...] = ABC, seed: int = 3) -> BanditPolicy:
    """A policy that saw a linear market with noise of one R."""
    dice = np.random.default_rng(seed)
    policy = BanditPolicy(names)
    for _ in range(outcomes):
        x = sample(dice, len(names))
        policy.learn(x, effect(x) + dice.normal(0, 1.0))
    return policy


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_the_inverse_is_the_direct_one_after_ten_thousand_updates(weight: float) -> None:
    dice = np.random.default_rng(11)
    size = len(NAMES)
    policy = BanditPolicy(NAMES)
    matrix, target = np.eye(size) * RIDGE, np.zeros(size)
    for turn in range(10_000):
        x = sample(dice, size)
        reward = float(np.clip(x[1] - 0.1 + dice.normal(), -3, 3))
        policy.learn(x, reward, weight)
        x = np.where(np.arange(size) == 0, x, x / SHRINK)
        matrix = FORGETTING * matrix + weight * np.outer(x, x)
        matrix[turn % size, turn % size] += (1 - FORGETTING) * RIDGE * size
        target = FORGETTING * target + weight * reward * x
    inverse = np.linalg.inv(matrix)
    assert np.max(np.abs(policy._inverse - inverse)) < 1e-8
    assert np.max(np.abs(policy._theta - inverse @ target)) < 1e-8


def test_directions_that_are_never_seen_stay_as_uncertain_as_at_first() -> None:
    policy = BanditPolicy(ABC)
    for _ in range(10_000):
        policy.learn(np.array([1.0, 0.3, 0.0, 0.0]), 0.1)
    assert 0.5 < policy._inverse[2, 2] < 1.5


@given(edge=edges, x=st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_without_outcomes_the_edge_alone_decides_at_the_small_size(edge: float, x: list[float]) -> None:
    opinion = BanditPolicy(ABC).judge(np.array([1.0, *x]), edge)
    assert opinion.take == (edge > 0)
    assert opinion.score == edge
    assert opinion.size is Size.S
    assert opinion.weight == 0


def test_each_of_skip_small_medium_and_large_is_reached() -> None:
    policy = trained(lambda x: 0.8 * x[1])
    opinions = [policy.judge(np.array([1.0, a, 0.0, 0.0]), 0.0) for a in np.linspace(-1, 1, 101)]
    course = [opinion.size.value if opinion.take else "SKIP" for opinion in opinions]
    assert list(dict.fromkeys(course)) == ["SKIP", "S", "M", "L"]
    assert course == sorted(course, key=["SKIP", "S", "M", "L"].index)


def test_a_market_without_edge_after_costs_is_left_alone() -> None:
    policy = trained(lambda _: -0.15)
    dice = np.random.default_rng(5)
    taken = [policy.judge(sample(dice, 4), 0.05).take for _ in range(200)]
    assert np.mean(taken) < 0.1


def test_what_is_not_a_number_is_refused() -> None:
    policy = BanditPolicy(ABC)
    for x, reward, weight in (([1, 0, 0, math.nan], 0.0, 1.0), ([1, 0, 0, 0], math.inf, 1.0), ([1, 0, 0, 0], 0.0, 0.0)):
        with pytest.raises(ValueError, match="finite"):
            policy.learn(np.array(x, dtype=np.float64), reward, weight)
    with pytest.raises(ValueError, match="expected 4 features"):
        policy.judge(np.zeros(3), 0.0)


def test_one_wild_result_moves_no_more_than_three_r() -> None:
    one, other = BanditPolicy(ABC), BanditPolicy(ABC)
    one.learn(np.ones(4), 500.0)
    other.learn(np.ones(4), 3.0)
    assert one.weights == other.weights


@given(low=edges, high=edges, shift=st.floats(0, 1))
@settings(max_examples=50)
def test_a_better_mean_or_edge_never_shrinks_the_trade(low: float, high: float, shift: float) -> None:
    low, high = sorted((low, high))
    policy = trained(lambda x: 0.5 * x[1], outcomes=120)
    better = BanditPolicy.from_dict(policy.to_dict(), ABC).model
    better._theta[0] += shift
    x = np.array([1.0, 0.4, -0.3, 0.2])
    order = list(Size)
    first, second = policy.judge(x, low), better.judge(x, high)
    assert second.take >= first.take
    assert order.index(second.size) >= order.index(first.size)
    assert second.lower >= first.lower


@given(low=st.floats(-3, 3), high=st.floats(-3, 3))
def test_buckets_grow_with_the_lower_bound(low: float, high: float) -> None:
    low, high = sorted((low, high))
    order = list(Size)
    assert order.index(bucket(low)) <= order.index(bucket(high))


def test_the_order_of_the_names_does_not_matter() -> None:
    effect = lambda x: 0.5 * x[1] - 0.2 * x[2]  # noqa: E731
    policy = trained(effect, outcomes=300)
    mixed = ("c", BIAS, "b", "a")
    moved = BanditPolicy.from_dict(policy.to_dict(), mixed)
    assert (moved.problem, moved.added, moved.dropped) == ("", (), ())
    x = dict(zip(ABC, (1.0, 0.3, -0.2, 0.7), strict=True))
    one = policy.judge(np.array(list(x.values())), 0.1)
    other = moved.model.judge(np.array([x[name] for name in mixed]), 0.1)
    assert other.score == pytest.approx(one.score, abs=1e-12)


def test_the_document_round_trips_exactly_and_learning_goes_on_the_same() -> None:
    policy = trained(lambda x: 0.3 * x[2], outcomes=250)
    again = BanditPolicy.from_dict(json.loads(json.dumps(policy.to_dict())), ABC).model
    assert again.to_dict() == policy.to_dict()
    for model in (policy, again):
        model.learn(np.array([1.0, 0.1, 0.2, 0.3]), 1.5, 0.5)
    assert again.to_dict() == policy.to_dict()


def test_a_feature_comes_and_another_goes() -> None:
    policy = trained(lambda x: 0.5 * x[1])
    moved = BanditPolicy.from_dict(policy.to_dict(), (BIAS, "a", "b", "new"))
    assert (moved.added, moved.dropped) == (("new",), ("c",))
    assert moved.model.weights["a"] == policy.weights["a"]
    assert moved.model.weights["new"] == 0.0
    assert moved.model.outcomes == policy.outcomes
    doubt = moved.model.judge(np.array([1.0, 0.0, 0.0, 1.0]), 0.0).sigma
    assert doubt > moved.model.judge(np.array([1.0, 0.0, 1.0, 0.0]), 0.0).sigma


def broken(**changes: Any) -> dict[str, Any]:
    return {**trained(lambda x: x[1], outcomes=20).to_dict(), **changes}


@pytest.mark.parametrize(
    "document",
    [
        {},
        broken(version=0),
        broken(kind="alpha"),
        broken(names=["a", "a", "b", "c"]),
        broken(theta=[1.0, 2.0]),
        broken(theta=[1.0, 2.0, math.nan, 0.0]),
        broken(inverse="x"),
        broken(inverse=(-np.eye(4)).tolist()),
        broken(outcomes=-1),
        broken(outcomes=None),
        broken(names=[], theta=[], inverse=[]),
    ],
)
def test_a_broken_document_starts_neutral_and_says_so(document: dict[str, Any]) -> None:
    found = BanditPolicy.from_dict(document, ABC)
    assert found.problem.startswith("bandit starts neutral")
    assert found.model.outcomes == 0
    assert found.model.to_dict() == BanditPolicy(ABC).to_dict()


def test_the_same_lessons_give_the_same_policy() -> None:
    assert trained(lambda x: x[1], outcomes=100).to_dict() == trained(lambda x: x[1], outcomes=100).to_dict()

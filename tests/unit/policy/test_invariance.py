"""What must not change what is learned: the unit and the place of a feature; and what may."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.alpha import AlphaModel, sigmoid
from shared.policy.bandit import BanditPolicy, Size
from shared.policy.features import BIAS, FEATURES, NAMES, vector
from shared.policy.stored import Floats

ABC = (BIAS, "a", "b", "c")
orders = st.permutations(ABC).map(tuple)


def lessons(count: int, seed: int = 5) -> list[tuple[Floats, float]]:
    """Features and results of a market in which `a` helps."""
    dice = np.random.default_rng(seed)
    found = [np.concatenate([[1.0], dice.uniform(-1, 1, 3)]) for _ in range(count)]
    return [(x, float(0.6 * x[1] + dice.normal(0, 1))) for x in found]


@settings(max_examples=25)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), place=st.integers(1, 3))
def test_the_alpha_model_does_not_care_about_units(scale: float, shift: float, place: int) -> None:
    one, other = AlphaModel(ABC), AlphaModel(ABC)

    def moved(x: Floats) -> Floats:
        return np.where(np.arange(4) == place, x * scale + shift, x)

    for x, result in lessons(120):
        one.learn(x, 0.4, won=result > 0)
        other.learn(moved(x), 0.4, won=result > 0)
    for x, _ in lessons(10, seed=6):
        assert other.probability(moved(x), 0.4) == pytest.approx(one.probability(x, 0.4), abs=1e-6)


@settings(max_examples=25)
@given(order=orders)
def test_neither_model_cares_about_the_order_of_the_names(order: tuple[str, ...]) -> None:
    places = [ABC.index(name) for name in order]
    bandit, mixed_bandit = BanditPolicy(ABC), BanditPolicy(order)
    alpha, mixed_alpha = AlphaModel(ABC), AlphaModel(order)
    for x, result in lessons(len(ABC) * 30):  # whole turns of the ridge's return
        bandit.learn(x, result)
        mixed_bandit.learn(x[places], result)
        alpha.learn(x, 0.4, won=result > 0)
        mixed_alpha.learn(x[places], 0.4, won=result > 0)
    for x, _ in lessons(10, seed=6):
        assert mixed_alpha.probability(x[places], 0.4) == pytest.approx(alpha.probability(x, 0.4), abs=1e-9)
        assert mixed_bandit.judge(x[places], 0.1).score == pytest.approx(bandit.judge(x, 0.1).score, abs=5e-3)


@given(raw=st.dictionaries(st.sampled_from([f.source for f in FEATURES]), st.floats(-1e3, 1e3)), sign=st.sampled_from([1, -1]))
def test_a_scale_belongs_to_a_name(raw: dict[str, float], sign: int) -> None:
    """A source that changes moves its own feature, by its own scale, and no other."""
    base = dict(zip(NAMES, vector({}, sign=sign, setup="trend_cross").values, strict=True))
    found = dict(zip(NAMES, vector(raw, sign=sign, setup="trend_cross").values, strict=True))
    for feature in FEATURES:
        if feature.source in raw and not feature.source.startswith("setup_") and feature.source != "long":
            assert found[feature.name] == feature.scaled(raw[feature.source], sign)
        else:
            assert found[feature.name] == base[feature.name]


@settings(max_examples=30)
@given(names=st.lists(st.sampled_from([*"abcdefg"]), unique=True, max_size=6))
def test_a_model_moves_to_any_set_of_names_and_back(names: list[str]) -> None:
    bandit, alpha = BanditPolicy(ABC), AlphaModel(ABC)
    for x, result in lessons(60):
        bandit.learn(x, result)
        alpha.learn(x, 0.4, won=result > 0)
    wanted = (BIAS, *names)
    moved, model = BanditPolicy.from_dict(bandit.to_dict(), wanted), AlphaModel.from_dict(alpha.to_dict(), wanted)
    assert (moved.problem, model.problem) == ("", "")
    assert set(moved.added) == set(model.added) == set(wanted) - set(ABC)
    assert set(moved.dropped) == set(model.dropped) == set(ABC) - set(wanted)
    for name in set(ABC) & set(wanted):
        assert moved.model.weights[name] == bandit.weights[name]
        assert model.model.weights[name] == alpha.weights[name]
    assert all(moved.model.weights[name] == 0 for name in moved.added)
    x = np.concatenate([[1.0], np.zeros(len(names))])
    moved.model.learn(x, 1.0)
    assert moved.model.judge(x, 0.0).size in set(Size)


@settings(max_examples=30)
@given(rewards=st.lists(st.floats(-5, 5), min_size=1, max_size=60), shift=st.floats(0, 3))
def test_better_results_never_lower_the_opinion(rewards: list[float], shift: float) -> None:
    x = np.array([1.0, 0.3, -0.5, 0.2])
    worse, better = BanditPolicy(ABC), BanditPolicy(ABC)
    for reward in rewards:
        worse.learn(x, reward)
        better.learn(x, reward + shift)
    order = list(Size)
    low, high = worse.judge(x, 0.05), better.judge(x, 0.05)
    assert high.score >= low.score - 1e-12
    assert high.take >= low.take or abs(low.score) < 1e-12
    assert order.index(high.size) >= order.index(low.size) or abs(high.lower - low.lower) < 1e-12


@given(st.lists(st.booleans(), min_size=40, max_size=80))
def test_one_more_win_never_lowers_the_chance(results: list[bool]) -> None:
    def chance(outcomes: list[bool]) -> float:
        model = AlphaModel((BIAS,))
        for won in outcomes:
            model.learn(np.ones(1), 0.4, won=won)
        return model.probability(np.ones(1), 0.4)

    assert chance([*results, True]) >= chance(results) >= chance([*results, False])
    assert 0 < chance(results) < 1
    assert sigmoid(0) == 0.5

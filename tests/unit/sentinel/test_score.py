import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentinel.logic.curve import Norm, distance, ramp
from services.sentinel.logic.profile import Profile
from services.sentinel.logic.score import score, score_market
from services.sentinel.logic.table import Day, Measures, Table
from services.sentinel.logic.words import reasons

SYMBOLS = 100


def market(**changed: float) -> Measures:
    """A hundred symbols on an ordinary day; the changes are about the first one."""
    dice = np.random.default_rng(7)
    columns = {
        "log_range": np.exp(dice.normal(math.log(0.06), 0.45, SYMBOLS)),
        "change": dice.normal(0, 0.025, SYMBOLS),
        "move": dice.normal(0, 0.002, SYMBOLS),
        "move_sigma": dice.normal(0, 1.2, SYMBOLS),
        "surge": np.exp2(dice.normal(0, 0.6, SYMBOLS)),
        "funding": dice.normal(0.00005, 0.00005, SYMBOLS),
        "premium": dice.normal(-0.0005, 0.0007, SYMBOLS),
        "age_days": np.full(SYMBOLS, 400.0),
    }
    for name, value in changed.items():
        columns[name][0] = value
    return Measures(symbols=tuple(f"S{i:03}USDT" for i in range(SYMBOLS)), **columns)


def risk(**changed: float) -> float:
    return float(score(market(**changed)).risk[0])


def test_an_ordinary_day_is_green_but_for_a_few() -> None:
    scores = score(market())
    assert np.mean(scores.risk >= 0.45) <= 0.05
    assert score_market(market(), scores).risk[0] < 0.1


@pytest.mark.parametrize(
    "changed",
    [
        {"log_range": 0.6},
        {"change": -0.5},
        {"move": -0.08, "move_sigma": -25.0},
        {"funding": -0.006},
        {"premium": 0.03, "log_range": 0.25},
    ],
)
def test_each_kind_of_trouble_warns_alone(changed: dict[str, float]) -> None:
    base = {"log_range": 0.06, "change": 0.0, "move": 0.0, "move_sigma": 0.0, "funding": 0.00005, "premium": -0.0005}
    assert risk(**base) < 0.05
    assert risk(**(base | changed)) >= 0.45


def test_a_large_move_in_a_calm_market_that_is_still_small_is_no_event() -> None:
    assert risk(log_range=0.11, change=0.0, move=0.0) < 0.1
    assert risk(move=0.012, move_sigma=30.0, log_range=0.02, change=0.0) == pytest.approx(0.0, abs=1e-9)


def test_unknown_inputs_do_not_warn_and_do_not_hide_the_others() -> None:
    unknown = dict.fromkeys(("surge", "funding", "premium"), math.nan)
    assert risk(log_range=0.6, **unknown) >= 0.75
    assert risk(log_range=0.06, change=0.0, move=0.0, move_sigma=0.0, **unknown) == 0.0


def test_the_reasons_name_the_strongest_part_first() -> None:
    scores = score(market(log_range=0.6, change=-0.2, funding=0.00005))
    words = reasons(scores, 0)
    assert words[0].startswith("24 h range 82.2%")
    assert any(word.startswith("24 h change -18.1%") for word in words)


def test_a_market_wide_fall_is_seen_although_no_symbol_stands_out() -> None:
    falling = market()
    crash = Measures(
        symbols=falling.symbols,
        log_range=falling.log_range + 0.25,
        change=falling.change - 0.2,
        move=falling.move - 0.04,
        move_sigma=falling.move_sigma - 8,
        surge=falling.surge,
        age_days=falling.age_days,
        funding=falling.funding,
        premium=falling.premium,
    )
    whole = score_market(crash, score(crash))
    assert whole.risk[0] >= 0.75
    assert reasons(whole, 0, market=True)


parts = st.floats(0.001, 1.5)


@given(low=parts, high=parts)
def test_a_larger_range_never_looks_calmer(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert risk(log_range=low) <= risk(log_range=high) + 1e-9


@given(st.lists(st.floats(-1e3, 1e3) | st.just(math.nan), max_size=40))
def test_distances_keep_unknown_unknown_and_order(values: list[float]) -> None:
    given_values = np.array(values, dtype=np.float64)
    z = distance(given_values, Norm(middle=0.0, spread=1.0, least_spread=0.1))
    assert np.array_equal(np.isnan(z), np.isnan(given_values))
    known = np.isfinite(given_values)
    assert np.all(np.diff(z[known][np.argsort(given_values[known], kind="stable")]) >= 0)


def test_few_symbols_are_judged_by_what_is_usual() -> None:
    ten = np.full(10, 0.3)
    z = distance(ten, Norm(middle=0.0, spread=0.1, symbols=30, least_spread=0.01))
    assert z[0] > 2
    crowd = distance(np.full(1000, 0.3), Norm(middle=0.0, spread=0.1, symbols=30, least_spread=0.01))
    assert crowd[0] < 1


def test_the_ramp_is_flat_outside_and_zero_for_the_unknown() -> None:
    assert ramp(np.array([-np.inf, 0.0, 1.5, 9.0, math.nan]), 1.0, 2.0).tolist() == [0.0, 0.0, 0.5, 1.0, 0.0]


def day(minute: float, last: float, *, high: float = 110.0, low: float = 95.0) -> Day:
    return Day(int(minute * 60_000), last, max(high, last), min(low, last), last / 100 - 1, 1e6)


def test_a_jump_is_measured_from_the_worst_price_of_five_minutes() -> None:
    table = Table()
    for minute, last in ((0, 100.0), (1, 104.0), (2, 108.0), (4, 101.0)):
        table.day("AUSDT", day(minute, last))
    assert table.measure(Profile()).move[0] == pytest.approx(math.log(101 / 108))
    table.day("AUSDT", day(8, 101.0))
    assert table.measure(Profile()).move[0] == 0.0


def test_old_news_nonsense_and_dead_symbols_are_left_out() -> None:
    table = Table()
    table.day("AUSDT", day(100, 100.0))
    table.day("AUSDT", day(99, 50.0))
    table.day("BUSDT", Day(100 * 60_000, 0.0, 1.0, 0.0, 0.0, 1.0))
    table.day("CUSDT", day(10, 100.0))
    table.mark("DUSDT", 1.0, 1.0, 0.0)
    measures = table.measure(Profile({"AUSDT": 2e6}))
    assert measures.symbols == ("AUSDT",)
    assert measures.surge[0] == 0.5
    assert math.isnan(measures.funding[0])

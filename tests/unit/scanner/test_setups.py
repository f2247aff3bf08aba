"""Each rule fires when all of its conditions hold and not when one is missing; strengths rise with each part."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.features import Features
from services.scanner.logic.setups import CURVES, Fired, RuleBook, find, scan, strength, trend_quality
from shared.contracts.signal import Setup
from shared.indicators.series import Series
from tests.unit.scanner.samples import cross_down, cross_up, features

RANK = np.array([0.5])


def fired(found: Features, book: RuleBook | None = None) -> list[tuple[Setup, float]]:
    result = find(found, RANK, book or RuleBook())
    return list(zip(result.setup, result.sign.tolist(), strict=True))


def test_nothing_fires_in_a_calm_market() -> None:
    assert fired(features()) == []


def test_a_cross_of_the_averages_fires_in_its_direction() -> None:
    assert fired(cross_up()) == [(Setup.TREND_CROSS, 1.0)]
    assert fired(cross_down()) == [(Setup.TREND_CROSS, -1.0)]


@pytest.mark.parametrize(
    ("change", "fires"),
    [
        ({Series.RSI: 51.0}, True),
        ({Series.RSI: 50.9}, False),
        ({Series.EMA_FAST: 100.5}, False),
        ({Series.ADX: float("nan")}, True),
        ({Series.RSI: float("nan")}, False),
        ({Series.EMA_SLOW: float("nan")}, False),
    ],
)
def test_trend_cross_needs_the_cross_and_the_rsi(change: dict[Series, float], *, fires: bool) -> None:
    now = {Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: 58.0, **change}
    assert bool(fired(features(now=now))) is fires


def test_an_old_cross_does_not_fire_again() -> None:
    above = {Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: 58.0}
    assert fired(features(now=above, before={**above, Series.RSI: 56.0})) == []


def test_the_rsi_crossing_its_bound_fires_while_the_averages_agree() -> None:
    above = {Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5}
    assert fired(features(now={**above, Series.RSI: 51.5}, before={**above, Series.RSI: 50.5})) == [(Setup.TREND_CROSS, 1.0)]
    assert fired(features(now={Series.RSI: 51.5}, before={Series.RSI: 50.5})) == []
    below = {Series.EMA_FAST: 100.4, Series.EMA_SLOW: 100.5}
    down = features(now={**below, Series.RSI: 48.5}, before={**below, Series.RSI: 49.5}, higher_side=-1.0)
    assert fired(down) == [(Setup.TREND_CROSS, -1.0)]


@pytest.mark.parametrize(("side", "plain", "aligned"), [(1.0, True, True), (0.0, True, False), (-1.0, False, False)])
def test_the_longer_trend_must_not_be_against_it(side: float, *, plain: bool, aligned: bool) -> None:
    found = cross_up(higher_side=side)
    assert bool(fired(found)) is plain
    assert bool(fired(found, RuleBook(align=True))) is aligned


def test_alignment_wants_the_supertrend_too() -> None:
    now = {Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: 58.0, Series.SUPERTREND_SIDE: -1.0}
    assert fired(features(now=now))
    assert not fired(features(now=now), RuleBook(align=True))


def test_an_unknown_longer_trend_is_left_to_the_candle_count_filter() -> None:
    assert fired(cross_up(higher_side=float("nan"), higher_slope=float("nan")))
    assert not fired(cross_up(higher_side=float("nan")), RuleBook(align=True))


@pytest.mark.parametrize(("rsi", "fires"), [(58.0, False), (64.9, False), (65.0, True), (80.0, True)])
def test_against_the_trend_fades_a_stretched_cross(rsi: float, *, fires: bool) -> None:
    found = features(now={Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: rsi})
    expected = [(Setup.TREND_CROSS, -1.0)] if fires else []
    assert fired(found, RuleBook(against=True)) == expected
    mirrored = cross_down()
    mirrored.now[Series.RSI] = 100 - rsi
    assert fired(mirrored, RuleBook(against=True)) == ([(Setup.TREND_CROSS, 1.0)] if fires else [])


BREAKOUT: dict[str, Any] = {"squeeze_low": 0.5, "expansion": 1.4, "retest_gap": 0.4, "higher_side": 1.0}


def test_breakout_retest_fires_both_ways() -> None:
    assert fired(features(**BREAKOUT)) == [(Setup.BREAKOUT_RETEST, 1.0)]
    down = features(now={Series.SUPERTREND_SIDE: -1.0}, **{**BREAKOUT, "higher_side": -1.0, "higher_slope": -1.0})
    assert fired(down) == [(Setup.BREAKOUT_RETEST, -1.0)]


@pytest.mark.parametrize(
    "change",
    [
        {"squeeze_low": 0.66},
        {"expansion": 1.14},
        {"retest_gap": 1.01},
        {"higher_side": 0.0},
        {"higher_side": -1.0},
        {"squeeze_low": float("nan")},
        {"higher_side": float("nan")},
    ],
)
def test_breakout_retest_needs_all_of_it(change: dict[str, float]) -> None:
    assert fired(features(**{**BREAKOUT, **change})) == []


RANGE = {Series.ADX: 15.0, Series.BB_POSITION: 0.05, Series.STOCH_D: 10.0}


def test_range_reversion_fires_both_ways() -> None:
    assert fired(features(now=RANGE, higher_side=0.0)) == [(Setup.RANGE_REVERSION, 1.0)]
    top = {Series.ADX: 15.0, Series.BB_POSITION: 0.95, Series.STOCH_D: 90.0}
    assert fired(features(now=top, higher_side=0.0)) == [(Setup.RANGE_REVERSION, -1.0)]


@pytest.mark.parametrize("change", [{Series.ADX: 20.1}, {Series.BB_POSITION: 0.11}, {Series.STOCH_D: 20.1}, {Series.STOCH_D: float("nan")}])
def test_range_reversion_needs_all_of_it(change: dict[Series, float]) -> None:
    assert fired(features(now={**RANGE, **change}, higher_side=0.0)) == []


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_range_reversion_needs_a_flat_longer_trend(side: float) -> None:
    assert fired(features(now=RANGE, higher_side=side)) == []


def test_a_symbol_has_one_finding_the_strongest() -> None:
    both = features(now={Series.EMA_FAST: 100.6, Series.EMA_SLOW: 100.5, Series.RSI: 51.0, Series.ADX: 15.0}, **BREAKOUT)
    assert fired(both) == [(Setup.BREAKOUT_RETEST, 1.0)]
    assert fired(both, RuleBook(enabled=(Setup.TREND_CROSS,))) == [(Setup.TREND_CROSS, 1.0)]


def test_rules_can_be_switched_off() -> None:
    assert fired(cross_up(), RuleBook(enabled=(Setup.RANGE_REVERSION,))) == []


def test_strength_by_hand() -> None:
    # rsi 58-51=7 of 15, adx 25 is half of 15..35, slope 1 of 2, rank 0.5
    expected = 0.30 * 7 / 15 + 0.25 * 0.5 + 0.30 * 0.5 + 0.15 * 0.5
    assert find(cross_up(), RANK, RuleBook()).strength[0] == pytest.approx(expected)


@pytest.mark.parametrize("setup", list(Setup))
def test_the_weights_of_a_setup_add_up_to_one(setup: Setup) -> None:
    assert sum(part.weight for part in CURVES[setup].values()) == pytest.approx(1.0)


PARTS = st.floats(-1e6, 1e6)


@given(data=st.data(), setup=st.sampled_from(list(Setup)))
def test_strength_is_bounded_and_rises_with_each_part(data: st.DataObject, setup: Setup) -> None:
    curve = CURVES[setup]
    values = {name: np.array([data.draw(PARTS, label=name)]) for name in curve}
    base = float(strength(setup, values)[0])
    assert 0.0 <= base <= 1.0
    name = data.draw(st.sampled_from(sorted(curve)))
    step = data.draw(st.floats(0, 100)) * np.sign(curve[name].high - curve[name].low)
    better = float(strength(setup, {**values, name: values[name] + step})[0])
    assert better >= base - 1e-12


def test_an_unknown_part_scores_nothing() -> None:
    full = {"rsi_distance": 99.0, "adx": 99.0, "higher_slope": 99.0, "volume_rank": 1.0}
    arrays = {name: np.array([value]) for name, value in full.items()}
    assert strength(Setup.TREND_CROSS, arrays)[0] == 1.0
    assert strength(Setup.TREND_CROSS, {**arrays, "adx": np.array([np.nan])})[0] == pytest.approx(0.75)


def test_parts_must_be_the_curves() -> None:
    with pytest.raises(KeyError, match="expected parts"):
        strength(Setup.TREND_CROSS, {"adx": np.array([1.0])})


def many(sides: list[float], adx: list[float]) -> Features:
    one = features()
    size = len(sides)
    wide = {name: np.repeat(getattr(one, name), size) for name in ("bars", "close", "squeeze_low", "expansion", "retest_gap")}
    now = np.repeat(one.now, size, axis=1)
    now[Series.ADX] = adx
    return replace(
        one, now=now, before=np.repeat(one.before, size, axis=1), higher_side=np.array(sides), higher_slope=np.array(sides), **wide
    )


NOTHING = Fired(np.array([], dtype=np.intp), np.array([]), [], np.array([]))


def test_the_scan_offers_leaders_where_no_rule_fired_along_their_trend() -> None:
    found = many([1.0, -1.0, 0.0, 1.0, float("nan")], [40.0, 45.0, 60.0, 20.0, 60.0])
    everyone = np.ones(5, dtype=np.bool_)
    offered = scan(found, np.full(5, 0.5), NOTHING, everyone)
    assert offered.place.tolist() == [0, 1, 3]
    assert offered.sign.tolist() == [1.0, -1.0, 1.0]
    assert offered.setup == [Setup.TREND_SCAN] * 3
    assert offered.strength.tolist() == trend_quality(found, np.full(5, 0.5))[[0, 1, 3]].tolist()
    taken = Fired(np.array([1]), np.array([-1.0]), [Setup.TREND_CROSS], np.array([0.4]))
    assert scan(found, np.full(5, 0.5), taken, everyone).place.tolist() == [0, 3]
    assert scan(found, np.full(5, 0.5), NOTHING, np.array([True, False, True, False, True])).place.tolist() == [0]


def test_without_a_longer_trend_there_is_no_quality() -> None:
    quality = trend_quality(many([1.0, 0.0, float("nan")], [40.0, 60.0, 60.0]), np.full(3, 0.5))
    assert quality[0] > 0
    assert quality[1:].tolist() == [-1.0, -1.0]

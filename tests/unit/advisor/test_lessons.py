import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic import playbook as books
from services.advisor.logic.playbook import Adjustments, Playbook, Regime, adjustments_of, advance, regime_of
from services.advisor.logic.postmortem import Cause, Lessons, Path, causes
from services.advisor.logic.pulse import BARS, Pulse, Snapshot
from services.advisor.logic.tuner import HIGH, LOW, NO_ADVICE, Sample, Tuner, advise, bucket_of
from shared.contracts.market import CandleClosed

samples = st.builds(Sample, st.floats(-3, 3), st.floats(0, 5), st.floats(0, 8), st.floats(0.5, 3), st.floats(0.5, 6))


def sample(net_r: float, mae: float = 0.5, mfe: float = 2.0) -> Sample:
    return Sample(net_r, mae, mfe, 1.5, 3.0)


def test_no_trades_no_advice() -> None:
    assert advise([]) == NO_ADVICE
    assert Tuner().advice("anything") == NO_ADVICE


def test_winners_that_need_little_room_tighten_the_stop_and_short_runs_bring_the_target_nearer() -> None:
    found = advise([sample(1.5, mae=0.6, mfe=2.4), sample(-1.0, mae=1.5, mfe=1.0)] * 60)
    assert LOW <= found.stop_factor < 0.8
    assert LOW <= found.target_factor < 0.8
    assert found.mean_r == pytest.approx(0.25)
    assert found.ask


def test_doubt_shrinks_and_proof_enlarges() -> None:
    assert advise([sample(0.3), sample(-0.2)] * 8).size_factor < 1
    assert advise([sample(0.5), sample(0.4)] * 60).size_factor > 1.2
    assert advise([sample(-0.5), sample(-0.6)] * 60).size_factor < 0.8


@given(st.lists(samples, max_size=60))
def test_factors_stay_near_one_with_few_trades_and_within_bounds_with_many(rows: list[Sample]) -> None:
    found = advise(rows)
    share = len(rows) / (len(rows) + 30)
    for factor in (found.stop_factor, found.target_factor, found.size_factor):
        assert 1 - (1 - LOW) * share - 1e-9 <= factor <= 1 + (HIGH - 1) * share + 1e-9
    assert math.isfinite(found.t)


def test_buckets_by_setup_side_and_volatility() -> None:
    assert bucket_of("trend_cross", 1, 0.1) == "trend_cross-long-calm"
    assert bucket_of("trend_cross", -1, None) == "trend_cross-short-usual"
    assert bucket_of("trend_cross", -1, 0.99) == "trend_cross-short-wild"


def test_the_tuner_round_trips() -> None:
    tuner = Tuner()
    for number in range(400):
        tuner.note("a", sample(number / 100))
    again = Tuner.from_dict(json.loads(json.dumps(tuner.to_dict())))
    assert again.advice("a") == tuner.advice("a")
    assert again.advice("a").trades == 300
    assert again.buckets == ["a"]
    for broken in ({}, {"kind": "tuner", "version": 1}, {"kind": "tuner", "version": 1, "samples": {"a": [[1]]}}):
        with pytest.raises(ValueError, match="expected"):
            Tuner.from_dict(broken)


def snapshot(**changes: Any) -> Snapshot:
    fields = {"symbols": 50, "breadth": 0.5, "atr_ratio": 0.004, "dispersion": 0.02, "correlation": 0.5, "funding": 0.0001, "risk": 0.1}
    return Snapshot(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "rank", "regime"),
    [
        ({"risk": 0.6}, 0.5, Regime.RISK_OFF),
        ({"breadth": 0.1, "correlation": 0.7}, 0.9, Regime.RISK_OFF),
        ({}, 0.1, Regime.VOLATILITY_COMPRESSION),
        ({"breadth": 0.75}, 0.5, Regime.MOMENTUM),
        ({"breadth": 0.2}, 0.5, Regime.MOMENTUM),
        ({}, 0.5, Regime.MEAN_REVERSION),
    ],
)
def test_regimes(changes: dict[str, float], rank: float, regime: Regime) -> None:
    assert regime_of(snapshot(**changes), rank)[0] is regime


@given(
    breadth=st.floats(0, 1), rank=st.floats(0, 1), correlation=st.floats(-1, 1), risk=st.floats(0, 1), regime=st.sampled_from(list(Regime))
)
def test_adjustments_are_bounded_whatever_the_market(
    *, breadth: float, rank: float, correlation: float, risk: float, regime: Regime
) -> None:
    seen = snapshot(breadth=breadth, correlation=correlation, risk=risk)
    assert regime_of(seen, rank)[1]
    found = adjustments_of(regime, seen)
    assert found == found.bounded()
    assert 0.5 <= found.size <= 1.2
    assert -0.3 <= found.side_bias <= 0.3


def test_a_new_regime_waits_for_confirmation_but_trouble_does_not() -> None:
    book = advance(Playbook(), snapshot())
    assert (book.regime, book.version) == (Regime.MEAN_REVERSION, 1)
    for _ in range(2):
        book = advance(book, snapshot(breadth=0.8))
        assert book.regime is Regime.MEAN_REVERSION
    book = advance(book, snapshot(breadth=0.8))
    assert (book.regime, book.version) == (Regime.MOMENTUM, 2)
    assert advance(book, snapshot(breadth=0.81)).version == 2
    assert advance(book, snapshot(risk=0.9)).regime is Regime.RISK_OFF


def test_the_playbook_round_trips_and_what_was_tampered_with_is_bounded() -> None:
    book = advance(Playbook(), snapshot(breadth=0.9))
    document = json.loads(json.dumps(books.to_dict(book)))
    assert books.from_dict(document) == book
    document["state_adjustments"]["size"] = 50
    assert books.from_dict(document).adjustments.size == 1.2
    for broken in ({}, {"kind": "playbook", "version": 1}, document | {"state_regime": "euphoria"}):
        with pytest.raises(ValueError, match=r"expected|euphoria"):
            books.from_dict(broken)
    assert Adjustments() == Playbook().adjustments


def run(pulse: Pulse, drift: float, symbols: int = 8, bars: int = BARS + 2) -> None:
    dice = np.random.default_rng(4)
    prices = np.full(symbols, 100.0)
    for bar in range(bars):
        common = drift + dice.normal(0, 0.002)
        for number in range(symbols):
            before = prices[number]
            prices[number] *= 1 + common + dice.normal(0, 0.0005)
            low, high = sorted((before, prices[number]))
            pulse.candle(
                CandleClosed(
                    symbol=f"S{number}",
                    interval="5m",
                    open_ms=bar * 300_000,
                    close_ms=(bar + 1) * 300_000 - 1,
                    open=before,
                    high=high,
                    low=low,
                    close=prices[number],
                    volume=1,
                    quote_volume=1,
                    trades=1,
                )
            )


def test_the_pulse_of_a_rising_market() -> None:
    pulse = Pulse()
    run(pulse, 0.003)
    found = pulse.snapshot([0.0001, math.nan, 0.0003], 0.2)
    assert found is not None
    assert (found.symbols, found.breadth, found.risk) == (8, 1.0, 0.2)
    assert found.correlation > 0.8
    assert found.funding == pytest.approx(0.0002)
    assert found.atr_ratio > 0


def test_there_is_no_pulse_of_few_or_young_symbols() -> None:
    few, young = Pulse(), Pulse()
    run(few, 0.0, symbols=4)
    run(young, 0.0, bars=BARS)
    assert few.snapshot([], 0.0) is None
    assert young.snapshot([], 0.0) is None
    assert Pulse().snapshot([], 0.0) is None


def path(**changes: Any) -> Path:
    return Path(**({"net_r": -1.1, "payoff": 2.0, "stopped": True} | changes))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"higher_turned": True}, Cause.TREND_BREAK),
        ({"symbol_risk": 0.9}, Cause.NEWS_DRIVER),
        ({"exit_beyond_stop_r": 0.6}, Cause.LIQUIDITY_GAP),
        ({"slip_r": 0.4}, Cause.EXECUTION_DELAY),
        ({"funding_against": 0.002}, Cause.SENTIMENT_CONFLICT),
        ({"market_risk": 1.0}, Cause.MACRO_EVENT),
        ({"atr_growth": 3.0}, Cause.VOLATILITY_SHOCK),
        ({"turned_r": 2.5}, Cause.STOP_TOO_TIGHT),
        ({"mfe_r": 1.95}, Cause.TARGET_TOO_FAR),
        ({"mfe_r": 0.0}, Cause.LATE_ENTRY),
        ({"net_r": 1.8, "stopped": False}, Cause.GOOD_PROCESS),
    ],
)
def test_each_cause_is_found(changes: dict[str, Any], cause: Cause) -> None:
    found = causes(path(**changes))
    assert found[cause] == 1.0
    assert set(found) == set(Cause)


def test_what_nobody_saw_is_not_blamed() -> None:
    found = causes(path())
    assert {cause for cause, weight in found.items() if weight} == {Cause.GOOD_PROCESS}


numbers = st.none() | st.floats(-5, 5)


@given(st.builds(Path, net_r=st.floats(-5, 5), payoff=st.floats(0.5, 5), stopped=st.booleans(), mfe_r=numbers, slip_r=numbers, turned_r=numbers,
                 exit_beyond_stop_r=numbers, atr_growth=numbers, symbol_risk=numbers, market_risk=numbers, funding_against=numbers))  # fmt: skip
def test_weights_are_within_zero_and_one(seen: Path) -> None:
    assert all(0 <= weight <= 1 for weight in causes(seen).values())


def test_a_lesson_counts_half_after_thirty_more() -> None:
    lessons = Lessons()
    lessons.note("A", {Cause.LATE_ENTRY: 1.0})
    first = lessons.of("A")["postmortem_late_entry"]
    for _ in range(30):
        lessons.note("A", {})
    assert lessons.of("A")["postmortem_late_entry"] == pytest.approx(first / 2)
    assert lessons.of("B") == lessons.of("A")
    assert Lessons().of("A")["postmortem_late_entry"] == 0
    again = Lessons.from_dict(json.loads(json.dumps(lessons.to_dict())))
    assert again.of("A") == lessons.of("A")
    for broken in ({}, {"kind": "lessons", "version": 1}, {"kind": "lessons", "version": 1, "averages": {"A": {"luck": 1}}}):
        with pytest.raises(ValueError, match=r"expected|luck"):
            Lessons.from_dict(broken)

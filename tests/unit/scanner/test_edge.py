"""Edges worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.edge import BINS, Calibration, Edge, Offer, edge_of, expectation, strength_bin
from shared.contracts.signal import Setup
from tests.unit.scanner.samples import TERMS

NEUTRAL = Calibration()


def offer(**changes: Any) -> Offer:
    one = {
        "sign": 1.0,
        "strength": 0.5,
        "price": 100.0,
        "atr": 0.5,
        "spread": 0.0002,
        "funding": 0.0001,
        "funding_interval_ms": 28_800_000.0,
        **changes,
    }
    return Offer(setups=[Setup.TREND_CROSS], **{name: np.array([value]) for name, value in one.items()})


def edge(calibration: Calibration = NEUTRAL, **changes: Any) -> Edge:
    return edge_of(offer(**changes), TERMS, calibration)


def test_an_edge_by_hand() -> None:
    found = edge()
    assert found.stop_distance[0] == pytest.approx(0.5)
    assert found.target_distance[0] == pytest.approx(0.8)
    assert found.p_prior[0] == pytest.approx(1 / 2.6 + 0.1)
    # two taker fees 0.1 %, spread 0.02 %, funding 0.0001 * 1.6 * 2.56 candles of 5 minutes in 8 hours; over a stop of 0.5 %
    funding = 0.0001 * (1.6 * 2.56 * 300_000) / 28_800_000
    assert found.cost_r[0] == pytest.approx((0.001 + 0.0002 + funding) * 100 / 0.5)
    assert found.prior_r[0] == pytest.approx((1 / 2.6 + 0.1) * 1.6 - (1 - 1 / 2.6 - 0.1) - found.cost_r[0])
    assert found.decisive[0] == found.prior_r[0]


def test_without_strength_there_is_no_gross_edge() -> None:
    found = edge(strength=0.0)
    assert expectation(found.p_prior, TERMS.payoff)[0] == pytest.approx(0.0)
    assert found.prior_r[0] == pytest.approx(-found.cost_r[0])


def test_funding_that_is_received_costs_nothing() -> None:
    assert edge(sign=-1.0).cost_r[0] == edge(funding=0.0).cost_r[0]
    assert edge(sign=-1.0, funding=-0.0001).cost_r[0] == edge().cost_r[0]


def test_without_a_range_there_is_no_edge() -> None:
    for atr in (0.0, float("nan")):
        found = edge(atr=atr)
        assert np.isnan(found.decisive[0])
        assert np.isnan(found.stop_distance[0])


def outcomes(trades: float, wins: float, bin_number: int) -> Calibration:
    table = np.zeros((2, len(Setup), BINS))
    table[:, 0, bin_number] = trades, wins
    return Calibration(trades=table[0], wins=table[1])


def test_outcomes_pull_the_probability_towards_them() -> None:
    prior = 1 / 2.6 + 0.1
    found = edge(outcomes(150, 45, 2))
    assert found.p[0] == pytest.approx((50 * prior + 45) / 200)
    assert found.p_prior[0] == pytest.approx(prior)
    assert found.decisive[0] == found.prior_r[0]  # advise: shown, not decisive
    enforced = edge_of(offer(), replace(TERMS, enforce=True), outcomes(150, 45, 2))
    assert enforced.decisive[0] == enforced.calibrated_r[0]


def test_outcomes_of_another_bin_say_nothing() -> None:
    assert edge(outcomes(150, 45, 3)).p[0] == pytest.approx(1 / 2.6 + 0.1)


def test_bins_of_strength() -> None:
    assert strength_bin(np.array([0.0, 0.19, 0.2, 0.99, 1.0])).tolist() == [0, 0, 1, 4, 4]


@given(
    strength=st.floats(0, 1),
    more=st.floats(0, 1),
    atr=st.floats(0.01, 10),
    spread=st.floats(0, 0.01),
    wider=st.floats(0, 0.01),
)
def test_more_strength_helps_and_more_spread_hurts(strength: float, more: float, atr: float, spread: float, wider: float) -> None:
    base = edge(strength=strength, atr=atr, spread=spread).decisive[0]
    assert edge(strength=min(1.0, strength + more), atr=atr, spread=spread).decisive[0] >= base - 1e-12
    assert edge(strength=strength, atr=atr, spread=spread + wider).decisive[0] <= base + 1e-12


@given(wins=st.floats(0, 100), trades=st.floats(0, 100))
def test_a_calibrated_probability_stays_one(wins: float, trades: float) -> None:
    found = edge(outcomes(max(wins, trades), wins, 2))
    assert 0.0 <= found.p[0] <= 1.0

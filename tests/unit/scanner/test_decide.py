"""A batch becomes one candidate or one skip per symbol that had a setup."""

from dataclasses import fields, replace

import numpy as np

from services.scanner.logic.decide import decide
from services.scanner.logic.features import Features
from services.scanner.logic.market import MarketSnapshot
from services.scanner.logic.setups import RuleBook
from shared.contracts.signal import Candidate, Setup, Skip, SkipReason
from shared.domain.order import Direction
from shared.indicators.series import Series
from tests.unit.scanner.samples import CLOSE_MS, HYGIENE, TERMS, batch, cross_down, cross_up, features, hygiene, market, rules

GENEROUS = rules(limits=hygiene(min_edge_r=-5.0))


def joined(*parts: Features) -> Features:
    """Several symbols in one batch."""
    return Features(**{f.name: np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(Features)})


def joined_market(*parts: MarketSnapshot) -> MarketSnapshot:
    return MarketSnapshot(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(MarketSnapshot)})


def test_a_candidate_carries_every_number() -> None:
    (found,) = decide(batch(cross_up()), market(), GENEROUS)
    assert isinstance(found, Candidate)
    assert (found.symbol, found.interval, found.close_ms) == ("ABCUSDT", "5m", CLOSE_MS)
    assert (found.direction, found.setup) == (Direction.LONG, Setup.TREND_CROSS)
    assert (found.price, found.atr, found.stop_distance, found.target_distance) == (100.0, 0.5, 0.5, 0.8)
    assert found.valid_until_ms == CLOSE_MS + 1 + 30_000
    assert found.p == found.p_prior
    assert found.edge_r == found.features["edge_prior_r"] == found.features["edge_calibrated_r"]
    assert found.features["rsi"] == 58.0
    assert found.features["funding_rate_8h"] == 0.00002
    assert found.features["ema_gap_atr"] > 0
    assert found.identity() == f"ABCUSDT:5m:{CLOSE_MS}:long"


def test_a_skip_has_the_same_numbers_and_the_reason() -> None:
    (found,) = decide(batch(cross_up()), market(quote_volume=100.0), GENEROUS)
    assert isinstance(found, Skip)
    assert (found.reason, found.value, found.limit) == (SkipReason.QUOTE_VOLUME, 100.0, 150_000.0)
    (passed,) = decide(batch(cross_up()), market(), GENEROUS)
    assert found.strength == passed.strength
    assert found.features.keys() == passed.features.keys()


def test_a_symbol_without_a_setup_has_no_message() -> None:
    assert decide(batch(features()), market(), GENEROUS) == []


def test_each_symbol_is_decided_as_if_it_were_alone() -> None:
    wide = decide(
        batch(joined(cross_up(), features(), cross_down()), "A", "B", "C"),
        joined_market(market(), market(), market(quote_volume=1.0)),
        GENEROUS,
    )
    assert [(d.symbol, type(d)) for d in wide] == [("A", Candidate), ("C", Skip)]
    assert wide[0] == decide(batch(cross_up(), "A"), market(), GENEROUS)[0]
    assert wide[1] == decide(batch(cross_down(), "C"), market(quote_volume=1.0), GENEROUS)[0]


def test_missing_data_skips_with_what_is_missing() -> None:
    unknown = market(bid=float("nan"))
    (found,) = decide(batch(cross_up()), unknown, GENEROUS)
    assert isinstance(found, Skip)
    assert found.reason is SkipReason.MISSING_SPREAD
    assert found.spread_ratio is None


def test_without_a_range_the_numbers_are_left_out() -> None:
    flat = cross_up()
    flat.now[Series.ATR] = 0.0
    (found,) = decide(batch(flat), market(), GENEROUS)
    assert isinstance(found, Skip)
    assert found.reason is SkipReason.MISSING_ATR
    assert (found.stop_distance, found.edge_r, found.cost_r) == (None, None, None)


def test_a_late_decision_is_a_skip() -> None:
    (found,) = decide(batch(cross_up(), now_ms=CLOSE_MS + 30_002), market(), GENEROUS)
    assert isinstance(found, Skip)
    assert found.reason is SkipReason.STALE_DATA
    assert found.value == 30_001


def test_too_few_candles_are_said_even_when_the_longer_trend_is_unknown() -> None:
    young = cross_up(bars=80.0, higher_side=float("nan"), higher_slope=float("nan"))
    (found,) = decide(batch(young), market(), GENEROUS)
    assert isinstance(found, Skip)
    assert (found.reason, found.value, found.limit) == (SkipReason.TOO_FEW_CANDLES, 80.0, 360.0)
    assert "higher_slope_atr" not in found.features


def test_enforced_calibration_decides_by_what_happened() -> None:
    losing = GENEROUS.calibration
    losing.trades[0, :], losing.wins[0, :] = 1000.0, 100.0
    shown = replace(rules(limits=hygiene(min_edge_r=-0.5)), calibration=losing)
    (advised,) = decide(batch(cross_up()), market(), shown)
    assert isinstance(advised, Candidate)
    assert advised.p < advised.p_prior
    assert advised.features["edge_calibrated_r"] < -0.5 < advised.edge_r
    (enforced,) = decide(batch(cross_up()), market(), replace(shown, terms=replace(TERMS, enforce=True)))
    assert isinstance(enforced, Skip)
    assert enforced.reason is SkipReason.EDGE
    losing.trades[:], losing.wins[:] = 0.0, 0.0


def test_trend_scan_offers_only_when_it_is_on() -> None:
    trending = features(now={Series.ADX: 50.0})
    assert decide(batch(trending), market(), GENEROUS) == []
    (offer,) = decide(batch(trending), market(), rules(RuleBook(trend_scan=True), HYGIENE))
    assert offer.setup is Setup.TREND_SCAN
    both = joined(cross_up(), trending)
    found = decide(batch(both, "A", "B"), joined_market(market(), market()), rules(RuleBook(trend_scan=True), HYGIENE))
    assert [(d.symbol, d.setup) for d in found] == [("A", Setup.TREND_CROSS), ("B", Setup.TREND_SCAN)]

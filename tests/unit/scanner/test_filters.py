"""Each filter stops what it should with its number, in the fixed order, and none ever loosens."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.filters import Signals, Verdict, all_checks, first_failures, funding_edge
from services.scanner.logic.market import MarketSnapshot
from shared.contracts.signal import SkipReason
from tests.unit.scanner.samples import HYGIENE, hygiene, market, signal

NAN = float("nan")


def verdict(signals: Signals | None = None, facts: MarketSnapshot | None = None, **limits: Any) -> Verdict | None:
    return first_failures(signals or signal(), facts or market(), hygiene(**limits))[0]


def test_a_good_signal_passes() -> None:
    assert verdict() is None
    assert verdict(signal(-1.0)) is None


CASES: list[tuple[SkipReason, Signals, MarketSnapshot]] = [
    (SkipReason.TOO_FEW_CANDLES, signal(bars=359), market()),
    (SkipReason.STALE_DATA, signal(candle_age_ms=30_001), market()),
    (SkipReason.STALE_DATA, signal(), market(book_age_ms=300_001)),
    (SkipReason.STALE_DATA, signal(), market(mark_age_ms=300_001)),
    (SkipReason.MISSING_QUOTE_VOLUME, signal(), market(quote_volume=NAN)),
    (SkipReason.QUOTE_VOLUME, signal(), market(quote_volume=149_999)),
    (SkipReason.MISSING_SPREAD, signal(), market(bid=NAN)),
    (SkipReason.MISSING_SPREAD, signal(), market(bid=0)),
    (SkipReason.MISSING_SPREAD, signal(), market(bid=100.02)),
    (SkipReason.SPREAD, signal(), market(bid=99.0, ask=101.0)),
    (SkipReason.WICKINESS, signal(wickiness=0.98), market()),
    (SkipReason.MISSING_FUNDING, signal(), market(funding=NAN)),
    (SkipReason.FUNDING_LONG, signal(), market(funding=0.0011)),
    (SkipReason.FUNDING_SHORT, signal(-1.0), market(funding=-0.0011)),
    (SkipReason.MISSING_ORACLE, signal(), market(index=NAN)),
    (SkipReason.ORACLE_GAP, signal(), market(mark=100.16)),
    (SkipReason.ORACLE_GAP, signal(-1.0), market(mark=99.84)),
    (SkipReason.NON_ARB_LONG, signal(), market(funding=0.0001)),
    (SkipReason.NON_ARB_SHORT, signal(-1.0), market(funding=-0.0001)),
    (SkipReason.CORRELATED, signal(), market(peers_long=3)),
    (SkipReason.CORRELATED, signal(-1.0), market(peers_short=3)),
    (SkipReason.CORRELATED, signal(), market(peers_long=3, unseen_long=5)),
    (SkipReason.MISSING_CORRELATION, signal(), market(peers_long=1, unseen_long=2)),
    (SkipReason.MISSING_CORRELATION, signal(-1.0), market(unseen_short=3, unseen_long=0)),
    (SkipReason.COOLDOWN, signal(), market(bars_since_loss=5)),
    (SkipReason.MISSING_ATR, signal(atr=NAN), market()),
    (SkipReason.MISSING_ATR, signal(atr=0), market()),
    (SkipReason.EDGE, signal(edge_r=0.039), market()),
    (SkipReason.EDGE, signal(edge_r=NAN), market()),
]


@pytest.mark.parametrize(("reason", "signals", "facts"), CASES)
def test_each_filter_gives_its_reason(reason: SkipReason, signals: Signals, facts: MarketSnapshot) -> None:
    found = verdict(signals, facts)
    assert found is not None
    assert found.reason is reason


def test_every_reason_can_be_reached() -> None:
    assert {reason for reason, _, _ in CASES} == set(SkipReason)


def test_limits_themselves_pass() -> None:
    at_limit = market(
        quote_volume=150_000, book_age_ms=300_000, bars_since_loss=6, peers_long=1, unseen_long=1, unseen_short=9, funding=0.00005
    )
    assert verdict(signal(bars=360, wickiness=0.97, edge_r=0.04, candle_age_ms=30_000), at_limit) is None


@pytest.mark.parametrize("facts", [market(funding=0.0011), market(funding=0.0001), market(peers_long=9)])
def test_what_is_against_a_long_does_not_stop_a_short(facts: MarketSnapshot) -> None:
    assert verdict(signal(-1.0), facts) is None


def test_the_numbers_of_a_skip() -> None:
    found = verdict(None, market(quote_volume=100_000))
    assert found is not None
    assert (found.value, found.limit) == (100_000, 150_000)
    assert found.gap == pytest.approx(1 / 3)
    missing = verdict(None, market(quote_volume=NAN))
    assert missing == Verdict(SkipReason.MISSING_QUOTE_VOLUME, None, None, None)
    at_zero = verdict(signal(edge_r=-0.3), min_edge_r=0.0)
    assert at_zero is not None
    assert at_zero.gap == pytest.approx(0.3)


def test_the_spread_is_a_fraction_of_the_mid() -> None:
    found = verdict(None, market(bid=99.8, ask=100.2))
    assert found is not None
    assert found.value == pytest.approx(0.004)
    assert found.limit == 0.003


def test_funding_is_brought_to_eight_hours() -> None:
    hourly = market(funding=0.0002, funding_interval_ms=3_600_000.0)
    found = verdict(None, hourly)
    assert found is not None
    assert found.reason is SkipReason.FUNDING_LONG
    assert found.value == pytest.approx(0.0016)


def test_the_part_of_funding_that_the_gap_explains() -> None:
    assert funding_edge(market(funding=0.0004, mark=100.03), 0.0005)[0] == pytest.approx(0.0001)
    assert funding_edge(market(funding=0.0009, mark=100.10), 0.0005)[0] == pytest.approx(0.0004)
    assert funding_edge(market(funding=-0.0009, mark=99.90), 0.0005)[0] == pytest.approx(-0.0004)


def test_filters_can_be_switched_off_and_then_need_no_data() -> None:
    nothing = market(funding=NAN, mark=NAN, index=NAN, mark_age_ms=1e9)
    assert verdict(None, nothing, funding_enabled=False, non_arb_enabled=False) is None
    found = verdict(None, market(funding=NAN), funding_enabled=False)
    assert found is not None
    assert found.reason is SkipReason.MISSING_FUNDING


def test_the_order_is_that_of_the_enum() -> None:
    order = list(SkipReason)
    checks = [check.reason for check in all_checks(signal(), market(), HYGIENE)]
    places = [order.index(reason) for i, reason in enumerate(checks) if reason not in checks[:i]]
    assert places == sorted(places)


def test_the_first_failure_counts() -> None:
    bad = market(quote_volume=1, bid=90.0, ask=110.0, funding=0.5)
    found = verdict(signal(edge_r=-9, wickiness=1.0), bad)
    assert found is not None
    assert found.reason is SkipReason.QUOTE_VOLUME


def test_signals_are_judged_one_by_one() -> None:
    both = {name: np.repeat(value, 2) for name, value in signal()._asdict().items() if isinstance(value, np.ndarray)}
    pair = Signals(candle_limit_ms=30_000.0, **{**both, "bars": np.array([500.0, 3.0])})
    wide = MarketSnapshot(**{name: np.repeat(getattr(market(), name), 2) for name in MarketSnapshot.__slots__})
    first, second = first_failures(pair, wide, HYGIENE)
    assert first is None
    assert second is not None
    assert second.reason is SkipReason.TOO_FEW_CANDLES


TIGHTER: dict[str, tuple[float, float]] = {
    "min_quote_volume": (0, 1e9),
    "spread_max": (0.01, 0.00001),
    "wickiness_max": (1.0, 0.0),
    "funding_max_long": (0.01, 0.0),
    "funding_max_short": (0.01, 0.0),
    "non_arb_threshold": (0.01, 0.0),
    "non_arb_gap": (0.1, 0.00001),
    "min_edge_r": (-5, 5),
    "max_age_ms": (1e6, 0.0),
    "needed_bars": (0, 2000),
    "cooldown_bars": (0, 50),
    "correlated_peers": (10, 0),
}


FACTS = st.fixed_dictionaries(
    {
        "funding": st.floats(-0.002, 0.002),
        "mark": st.floats(99.7, 100.3),
        "bars_since_loss": st.floats(0, 60),
        "peers_long": st.integers(0, 6),
        "peers_short": st.integers(0, 6),
        "unseen_long": st.integers(0, 3),
        "unseen_short": st.integers(0, 3),
    }
)


@given(name=st.sampled_from(sorted(TIGHTER)), places=st.tuples(st.floats(0, 1), st.floats(0, 1)), facts=FACTS, edge=st.floats(-1, 1))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_tighter_limit_never_lets_more_pass(
    sign: float, name: str, places: tuple[float, float], facts: dict[str, float], edge: float
) -> None:
    low, high = TIGHTER[name]
    loose, tight = (low + (high - low) * place for place in sorted(places))
    looser = verdict(signal(sign, edge_r=edge), market(**facts), **{name: loose})
    tighter = verdict(signal(sign, edge_r=edge), market(**facts), **{name: tight})
    assert not (looser is not None and tighter is None)


@given(extra=st.floats(0, 0.01), sign=st.sampled_from([1.0, -1.0]))
def test_a_wider_spread_never_turns_a_skip_into_a_candidate(extra: float, sign: float) -> None:
    before = verdict(signal(sign), market())
    after = verdict(signal(sign), market(ask=100.01 * (1 + extra)))
    assert not (before is not None and after is None)

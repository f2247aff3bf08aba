from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentinel.logic.states import Present, clamp_of, label_of, state_of, worth_telling
from services.sentinel.logic.track import RISE, Track, advance, is_event
from shared.contracts.sentinel import RiskLabel

HOUR = 3_600_000
T0 = 1_764_590_400_000
levels = st.floats(0, 1)


@pytest.mark.parametrize(
    ("risk", "label", "clamp"),
    [
        (0.0, "green", "1.00"),
        (0.449999, "green", "1.00"),
        (0.45, "yellow", "1.00"),
        (0.6, "yellow", "0.65"),
        (0.749, "yellow", "0.30"),
        (0.75, "red", "0.30"),
        (1.0, "red", "0.30"),
    ],
)
def test_labels_and_clamps_at_their_borders(risk: float, label: str, clamp: str) -> None:
    assert label_of(risk) == label
    assert clamp_of(risk) == Decimal(clamp)


@given(low=levels, high=levels)
def test_more_risk_never_enlarges_a_trade(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert clamp_of(high) <= clamp_of(low)
    assert Decimal("0.3") <= clamp_of(high) <= 1


def test_a_warning_fades_linearly_to_zero() -> None:
    track = advance(Track(), 0.8, T0, HOUR, ("range",))
    assert [round(track.risk(T0 + minutes * 60_000, HOUR), 3) for minutes in (0, 15, 30, 60, 90)] == [0.8, 0.6, 0.4, 0.0, 0.0]
    assert track.ends_ms(HOUR) == T0 + HOUR


def test_a_score_that_stays_high_is_old_news() -> None:
    track = advance(Track(), 0.8, T0, HOUR)
    for minute in range(1, 240):
        track = advance(track, 0.8, T0 + minute * 60_000, HOUR)
    assert track.event_ms == T0
    assert track.risk(T0 + 240 * 60_000, HOUR) == 0


def test_a_score_that_trembles_does_not_warn_again() -> None:
    track = advance(Track(), 0.8, T0, HOUR)
    for minute in range(1, 240):
        track = advance(track, 0.8 if minute % 2 else 0.8 - RISE, T0 + minute * 60_000, HOUR)
    assert track.event_ms == T0


def test_a_new_rise_is_a_new_event() -> None:
    track = advance(Track(), 0.6, T0, HOUR, ("first",))
    track = advance(track, 0.6 + RISE / 2, T0 + 1000, HOUR, ("too small",))
    assert track.reasons == ("first",)
    track = advance(track, 0.9, T0 + 2000, HOUR, ("second",))
    assert (track.level, track.event_ms, track.reasons) == (0.9, T0 + 2000, ("second",))


def test_after_calm_the_same_level_is_news_again() -> None:
    track = advance(Track(), 0.8, T0, HOUR)
    for minute in range(1, 181):
        track = advance(track, 0.1, T0 + minute * 60_000, HOUR)
    assert is_event(track, 0.8, T0 + 181 * 60_000, HOUR)


def test_time_that_goes_back_changes_nothing() -> None:
    track = advance(Track(), 0.8, T0, HOUR)
    assert advance(track, 1.0, T0 - 1, HOUR) is track


@given(st.lists(st.tuples(levels, st.integers(1, 20 * 60_000)), max_size=40))
def test_a_warning_never_exceeds_the_scores_and_rises_only_with_an_event(steps: list[tuple[float, int]]) -> None:
    track, now, highest = Track(), T0, 0.0
    for raw, wait in steps:
        now += wait
        before, news = track.risk(now, HOUR), is_event(track, raw, now, HOUR)
        track = advance(track, raw, now, HOUR)
        highest = max(highest, raw)
        assert track.risk(now, HOUR) <= highest
        assert news == (track.event_ms == now)
        assert track.risk(now, HOUR) == (raw if news else before)


def test_the_state_says_when_it_expires_and_leaves_out_what_is_unknown() -> None:
    track = advance(Track(), 0.8, T0, HOUR, ("24 h range 35 %",))
    state = state_of("ABCUSDT", track, Present(0.4, {"funding": float("nan"), "range_z": 4.25}), T0 + 600_000, HOUR)
    assert (state.label, state.veto, state.size_clamp) == (RiskLabel.YELLOW, False, Decimal("0.49"))
    assert state.expires_ms == T0 + HOUR
    assert state.inputs == {"range_z": 4.25}
    assert state.reasons == ("24 h range 35 %",)


def test_only_what_matters_is_told() -> None:
    quiet = state_of("A", Track(), Present(), T0, HOUR)
    assert not worth_telling(None, 0.44, T0, HOUR)
    assert worth_telling(None, 0.45, T0, HOUR)
    assert worth_telling(quiet, 0.5, T0, HOUR)
    assert not worth_telling(quiet, 0.2, T0 + 10 * HOUR, HOUR)
    yellow = state_of("A", Track(0.6, T0), Present(), T0, HOUR)
    assert not worth_telling(yellow, 0.59, T0 + 60_000, HOUR)
    assert worth_telling(yellow, 0.55, T0 + 300_000, HOUR)
    assert worth_telling(yellow, 0.44, T0 + 300_000, HOUR)


def test_the_market_is_told_at_once_and_again_before_it_expires() -> None:
    assert worth_telling(None, 0.0, T0, HOUR, always_known=True)
    quiet = state_of("MARKET", Track(), Present(), T0, HOUR)
    assert not worth_telling(quiet, 0.0, T0 + HOUR // 2, HOUR, always_known=True)
    assert worth_telling(quiet, 0.0, T0 + 3 * HOUR // 4, HOUR, always_known=True)


def test_a_gap_in_the_frames_does_not_make_old_news_new() -> None:
    track = advance(Track(), 0.9, T0, HOUR)
    assert not is_event(track, 0.9, T0 + 30 * 60_000, HOUR)

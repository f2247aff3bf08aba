"""Which times a client may send that set its clock by the venue's."""

import pytest

from services.paper_exchange.auth import Times
from services.paper_exchange.logic.beliefs import Beliefs

START_MS = 1_700_000_000_000


def watched(speed: float, seconds: int, real: float | None = None) -> tuple[Beliefs, int]:
    """Beliefs about a market that is said to run at `speed` and does at `real`, and its time at the end."""
    beliefs, venue_ms = Beliefs(), START_MS
    for second in range(seconds + 1):
        venue_ms = START_MS + int(second * 1000 * (speed if real is None else real))
        beliefs.note(1000.0 + second, venue_ms, speed)
    return beliefs, venue_ms


def test_at_our_own_rate_there_is_one_time() -> None:
    beliefs, now = watched(1.0, 100)
    assert beliefs.bounds(1100.0, now) == (now, now)


def test_a_clock_at_the_announced_speed_is_ahead_of_a_machine_that_cannot_keep_up() -> None:
    beliefs, now = watched(300.0, 60, real=200.0)
    clock = START_MS + 60 * 300 * 1000
    assert clock - now == 6_000_000
    assert beliefs.bounds(1060.0, now)[1] == clock


def test_a_clock_at_our_rate_falls_behind_a_fast_market() -> None:
    beliefs, now = watched(300.0, 60)
    assert beliefs.bounds(1060.0, now) == (START_MS + 60_000, now)


def test_an_hour_later_a_clock_must_have_been_set_again() -> None:
    beliefs, now = watched(60.0, 5000, real=50.0)
    least, most = beliefs.bounds(6000.0, now)
    assert most - now == pytest.approx(3600 * 10 * 1000, rel=0.01)
    assert now - least == pytest.approx(3600 * 49 * 1000, rel=0.01)


def test_a_new_speed_begins_anew() -> None:
    beliefs, now = watched(300.0, 60, real=200.0)
    beliefs.note(1061.0, now, 1.0)
    assert beliefs.bounds(1061.0, now) == (now, now)


def test_a_seek_is_a_time_that_clients_were_shown() -> None:
    beliefs, now = watched(10.0, 10)
    beliefs.note(1020.0, now + 9_000_000, 10.0)
    assert beliefs.bounds(1021.0, now + 9_000_000)[1] == now + 9_010_000


@pytest.mark.parametrize(
    ("stamp", "good"), [(999_000 - 5000 - 400, True), (999_000 - 5401, False), (999_000 + 1299, True), (999_000 + 1300, False)]
)
def test_the_bounds_widen_the_window(stamp: int, *, good: bool) -> None:
    times = Times(wall_ms=0, venue_ms=999_000, scale=1.0, behind_ms=400, ahead_ms=300)
    assert times.fits(stamp, 5000, 1000) is good

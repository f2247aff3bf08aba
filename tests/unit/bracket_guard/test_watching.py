"""Doubt, attempts, churn, and the times without a stop."""

from dataclasses import replace

import pytest

from services.bracket_guard.hearing import Hearing
from services.bracket_guard.logic.churn import MOST, MOST_NAKED, WINDOW_S, Churn
from services.bracket_guard.logic.doubt import Doubts
from services.bracket_guard.logic.escalation import Attempts
from services.bracket_guard.logic.jobs import Job, JobKind
from services.bracket_guard.logic.naked import DAY_MS, Gap, NakedTimes
from services.bracket_guard.logic.pace import LONGEST_S, Pace
from services.bracket_guard.logic.pace import MOST as MOST_WEIGHT
from shared.contracts.order import Leg
from shared.domain.order import OrderStatus
from shared.exchange.events import AlgoUpdate
from tests.unit.bracket_guard.cases import POSITION, SYMBOL, order, position

MISSING = [Job(JobKind.STOP_MISSING, SYMBOL, Leg.STOP, ())]


def test_the_guard_waits_for_a_second_look() -> None:
    doubts = Doubts()
    assert doubts.due(SYMBOL, MISSING, 10.0, 1) == []
    assert doubts.urgent
    assert doubts.due(SYMBOL, MISSING, 10.3, 2) == []
    assert doubts.due(SYMBOL, MISSING, 10.8, 3) == MISSING


def test_nobody_is_late_while_the_venues_time_stands_still() -> None:
    doubts = Doubts()
    doubts.due(SYMBOL, MISSING, 10.0, 1)
    assert doubts.due(SYMBOL, MISSING, 60.0, 1) == []
    assert doubts.due(SYMBOL, MISSING, 60.1, 2) == MISSING


def test_what_a_complete_read_no_longer_shows_starts_anew() -> None:
    doubts = Doubts()
    doubts.due(SYMBOL, MISSING, 10.0, 1)
    doubts.due(SYMBOL, [], 10.5, 2)
    assert not doubts.any
    assert doubts.due(SYMBOL, MISSING, 11.0, 3) == []


def test_three_refusals_or_five_seconds_are_enough() -> None:
    attempts = Attempts()
    for n in range(3):
        assert not attempts.hopeless(SYMBOL, 1.0 + n)
        attempts.failed(SYMBOL, 1.0 + n, refused=True)
    assert attempts.hopeless(SYMBOL, 4.0)
    attempts.clear(SYMBOL)
    attempts.failed(SYMBOL, 10.0, refused=True)
    assert not attempts.hopeless(SYMBOL, 14.9)
    assert attempts.hopeless(SYMBOL, 15.0)


def test_answers_that_stay_away_count_less_than_refusals() -> None:
    attempts = Attempts()
    for n in range(4):
        attempts.failed(SYMBOL, float(n), refused=False)
    assert not attempts.hopeless(SYMBOL, 99.0)
    attempts.failed(SYMBOL, 4.0, refused=False)
    assert not attempts.hopeless(SYMBOL, 6.9)
    assert attempts.hopeless(SYMBOL, 7.0)


@pytest.mark.parametrize(("naked", "most"), [(False, MOST), (True, MOST_NAKED)])
def test_churn_has_an_end_and_is_forgiven(naked: bool, most: int) -> None:  # noqa: FBT001 - a parameter
    churn = Churn()
    for _ in range(most):
        assert churn.allows(SYMBOL, 1.0, naked=naked)
        churn.count(SYMBOL, 1.0)
    assert not churn.allows(SYMBOL, 1.0, naked=naked)
    assert churn.allows("ETHUSDT", 1.0, naked=naked)
    assert churn.allows(SYMBOL, 1.1 + WINDOW_S, naked=naked)


def test_from_the_fill_to_the_stop_by_the_venues_times() -> None:
    times = NakedTimes()
    times.filled(SYMBOL, 1_000)
    assert times.look(position(), POSITION, [], None, 1_300) is None
    assert times.naked == [SYMBOL]
    assert times.longest_ms(1_400) == 400
    assert times.look(position(), POSITION, [order(1_700)], None, 2_000) == Gap(SYMBOL, POSITION, 700, 0, order(1_700).client_id)
    assert times.look(position(), POSITION, [order(1_700)], None, 3_000) is None
    assert times.look(position(), POSITION, [], None, 4_000) is None
    assert times.look(position(), POSITION, [order(4_200)], None, 5_000) == Gap(SYMBOL, POSITION, 1_200, 1, order(4_200).client_id)
    assert times.longest_ms(5_000) == 1_200
    assert times.shown(SYMBOL) == {"total_ms": 1_900, "since_ms": None}
    assert times.shown("ETHUSDT") == {}
    assert times.longest_ms(5_000 + DAY_MS) == 0


def test_a_protected_position_of_an_earlier_life_is_no_gap() -> None:
    assert NakedTimes().look(position(), POSITION, [order(1)], None, 9_000) is None


def test_closed_without_ever_having_a_stop() -> None:
    times = NakedTimes()
    times.filled(SYMBOL, 1_000)
    times.look(position(), POSITION, [], None, 1_300)
    assert times.gone(SYMBOL, 2_500) == Gap(SYMBOL, POSITION, 1_500, 0, "")
    assert times.gone(SYMBOL, 2_600) is None


def test_an_order_whose_end_was_heard_is_not_there_whatever_a_list_says() -> None:
    hearing, stop = Hearing(), order(7)
    over = AlgoUpdate(order=replace(stop, status=OrderStatus.CANCELED), reason="", event_ms=1, transaction_ms=1)
    hearing.hear(over)
    assert hearing.hot == {SYMBOL}
    assert hearing.still_open([stop, order(8)]) == [order(8)]


def test_reads_are_paced_once_the_bucket_is_empty() -> None:
    pace = Pace()
    pace.spend(MOST_WEIGHT, 10.0)
    assert pace.wait_s(10.0, urgent=False) == 0
    pace.spend(12, 10.0)
    assert pace.wait_s(10.0, urgent=False) == pytest.approx(1.5)
    assert pace.wait_s(10.0, urgent=True) == pytest.approx(0.2)
    assert pace.wait_s(11.6, urgent=False) == 0
    pace.spend(1_000, 11.0)
    assert pace.wait_s(11.0, urgent=False) == LONGEST_S

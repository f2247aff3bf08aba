"""Our own limit comes before the venue's, with a reserve for protection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exchange.call import Call, Priority
from shared.exchange.clock import VenueClock
from shared.exchange.ratelimit import RateLimiter
from shared.exchange.venues.shape import Limits

START_MS = 1_700_000_040_000
LIMITS = Limits(weight_per_minute=100, orders_per_minute=100, orders_per_10s=20)


class Rig:
    """A limiter on a clock that is moved by hand; starts at the beginning of a minute."""

    def __init__(self) -> None:
        self.s = 0.0
        self.clock = VenueClock(monotonic=lambda: self.s, wall_ns=lambda: int(START_MS * 1e6))
        self.clock.sync(START_MS, 0.0, 0.0)
        self.limiter = RateLimiter(self.clock, LIMITS)

    def ask(self, weight: int = 0, *, orders: int = 0, protect: bool = False) -> float:
        priority = Priority.PROTECT if protect else Priority.NORMAL
        return self.limiter.reserve(Call(method="GET", path="/x", weight=weight, orders=orders, priority=priority))


@pytest.fixture
def rig() -> Rig:
    assert START_MS % 60_000 == 0
    return Rig()


def test_reserve_is_for_protection_only(rig: Rig):
    assert rig.ask(80) == 0
    assert rig.ask(1) == pytest.approx(60.05)
    assert rig.ask(10, protect=True) == 0
    assert rig.ask(1, protect=True) > 0


def test_nothing_is_counted_for_a_request_that_has_to_wait(rig: Rig):
    rig.ask(80)
    for _ in range(5):
        rig.ask(10)
    assert rig.limiter.used_weight == 80


def test_counter_starts_anew_with_the_venues_minute(rig: Rig):
    rig.ask(80)
    rig.s = 59.9
    assert rig.ask(1) == pytest.approx(0.15)
    rig.s = 60.0
    assert rig.ask(80) == 0


def test_venues_count_is_a_floor_and_odd_headers_say_nothing(rig: Rig):
    rig.limiter.learn({"X-MBX-USED-WEIGHT-1M": "79"})
    rig.limiter.learn({"X-MBX-USED-WEIGHT-1M": "5"})
    rig.limiter.learn({"X-MBX-USED-WEIGHT-1M": "-1", "X-MBX-ORDER-COUNT-1M": "many"})
    assert rig.limiter.used_weight == 79
    assert rig.ask(2) > 0


def test_orders_count_in_both_windows(rig: Rig):
    for _ in range(16):
        assert rig.ask(orders=1) == 0
    assert rig.ask(orders=1) == pytest.approx(10.05)
    assert rig.ask(orders=1, protect=True) == 0
    assert rig.ask(20) == 0
    rig.s = 10.0
    assert rig.ask(orders=1) == 0


def test_a_block_holds_for_everybody_and_ends(rig: Rig):
    rig.limiter.block(7, "weight_limit")
    assert rig.ask(1, protect=True) == 7
    rig.s = 7.0
    assert rig.ask(1) == 0


def test_a_block_without_a_number_lasts_until_the_next_minute(rig: Rig):
    rig.s = 50.0
    rig.limiter.block(0, "weight_limit")
    assert rig.ask(1) == pytest.approx(10.05)


def test_too_many_orders_blocks_orders_only(rig: Rig):
    rig.limiter.block_orders()
    assert rig.ask(orders=1, protect=True) == pytest.approx(10.05)
    assert rig.ask(1) == 0


def test_announced_limits_replace_the_defaults_and_keep_the_counts(rig: Rig):
    rig.ask(50, orders=10)
    rig.limiter.configure(Limits(weight_per_minute=60, orders_per_minute=12, orders_per_10s=None))
    assert rig.ask(1) > 0
    assert rig.ask(orders=1) > 0


def test_a_request_heavier_than_the_whole_allowance_gets_an_empty_window(rig: Rig):
    assert rig.ask(95) == 0
    assert rig.ask(1) > 0


def test_refusal_says_when_to_come_back(rig: Rig):
    rig.limiter.block(7, "banned")
    error = rig.limiter.refusal(Call(method="GET", path="/x"), 7.0)
    assert error.retry_after_s == 7.0
    assert "banned" in str(error)


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.floats(0, 5)), max_size=60))
def test_no_minute_ever_exceeds_the_budget(asks: list[tuple[int, bool, float]]):
    rig = Rig()
    spent: dict[int, int] = {}
    for weight, protect, pause_s in asks:
        if rig.ask(weight, protect=protect) == 0:
            minute = rig.clock.limits_ms() // 60_000
            spent[minute] = spent.get(minute, 0) + weight
        rig.s += pause_s
    assert all(total <= 90 for total in spent.values())

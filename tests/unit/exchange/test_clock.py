"""Venue time: synchronised, pushed forward by events, never backwards, at the speed of a replay."""

import pytest

from shared.domain.errors import ContractViolation
from shared.exchange.clock import VenueClock

START_MS = 1_700_000_000_000


class Machine:
    """Two clocks of a machine, moved by hand; the wall clock is a second behind the venue."""

    def __init__(self) -> None:
        self.s = 50.0

    def monotonic(self) -> float:
        return self.s

    def wall_ns(self) -> int:
        return round((START_MS - 1000 + (self.s - 50.0) * 1000) * 1e6)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> VenueClock:
    return VenueClock(monotonic=machine.monotonic, wall_ns=machine.wall_ns)


def test_before_the_first_sync_the_wall_is_the_best_guess(clock: VenueClock):
    assert clock.now_ms() == START_MS - 1000
    assert not clock.synced
    assert clock.offset_ms is None


def test_sync_takes_the_middle_of_the_round_trip(clock: VenueClock, machine: Machine):
    machine.s = 50.2
    clock.sync(START_MS + 100, 50.0, 50.2)
    assert clock.now_ms() == START_MS + 200
    assert clock.offset_ms == 1000
    machine.s += 3
    assert clock.now_ms() == START_MS + 3200


def test_now_never_goes_back_but_request_timestamps_do(clock: VenueClock):
    clock.sync(START_MS + 5000, 50.0, 50.0)
    assert clock.now_ms() == START_MS + 5000
    clock.sync(START_MS, 50.0, 50.0)
    assert clock.now_ms() == START_MS + 5000
    assert clock.request_ms(5000) == START_MS


def test_events_push_forward_only(clock: VenueClock, machine: Machine):
    clock.sync(START_MS, 50.0, 50.0)
    clock.observe(START_MS + 70)
    clock.observe(START_MS + 10)
    assert clock.now_ms() == START_MS + 70
    machine.s += 1
    assert clock.now_ms() == START_MS + 1070


def test_replay_runs_at_its_speed(clock: VenueClock, machine: Machine):
    clock.sync(START_MS, 50.0, 50.0, "600")
    machine.s += 0.5
    assert clock.now_ms() == START_MS + 300_000
    assert clock.horizon_ms(5000) == 3_000_000
    assert clock.offset_ms is None
    assert clock.limits_ms() == clock.wall_ms()
    assert clock.request_ms(60_000) == START_MS + 300_000 - 5990


def test_lock_step_stands_still_between_observations(clock: VenueClock, machine: Machine):
    clock.sync(START_MS, 50.0, 50.0, "0")
    machine.s += 100
    assert clock.now_ms() == START_MS
    clock.observe(START_MS + 60_000)
    machine.s += 100
    assert clock.now_ms() == START_MS + 60_000
    assert clock.horizon_ms(1000) == 1000
    assert clock.request_ms(5000) == START_MS + 60_000


def test_speed_may_change_on_the_way(clock: VenueClock, machine: Machine):
    clock.sync(START_MS, 50.0, 50.0, "10")
    machine.s += 1
    clock.hear_speed("2")
    machine.s += 1
    assert clock.now_ms() == START_MS + 12_000
    assert clock.rate == 2.0


def test_unlimited_speed_is_known_by_events_only_and_stretches_everything(clock: VenueClock, machine: Machine):
    clock.sync(START_MS, 50.0, 50.0, "inf")
    machine.s += 1
    assert clock.now_ms() == START_MS
    clock.observe(START_MS + 3_600_000)
    assert clock.now_ms() == START_MS + 3_600_000
    assert clock.horizon_ms(1000) == 1_000_000_000


@pytest.mark.parametrize("text", ["fast", "-1", "nan", ""])
def test_odd_speed_is_refused(clock: VenueClock, text: str):
    with pytest.raises(ContractViolation, match="X-MRASTER-SPEED"):
        clock.sync(START_MS, 50.0, 50.0, text)


def test_monotonic_is_the_machines(clock: VenueClock):
    assert clock.monotonic_s() == 50.0
    assert clock.limits_ms() == START_MS - 1000

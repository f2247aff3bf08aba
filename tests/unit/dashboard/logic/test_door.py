"""Who may come in: hosts, origins, attempts."""

import pytest

from services.dashboard.logic.origin import host_allowed, origin_allowed
from services.dashboard.logic.signin import PER_ADDRESS, WINDOW_MS, Attempts


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.3.2.1"])
def test_names_of_this_machine_are_allowed(host: str):
    assert host_allowed(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.5:8000", "[::", "@127.0.0.1@x"]
)
def test_other_names_are_not(host: str):
    assert not host_allowed(host)


def test_origins():
    assert origin_allowed(None, "127.0.0.1:8000")
    assert origin_allowed("http://127.0.0.1:8000", "127.0.0.1:8000")
    assert not origin_allowed("http://127.0.0.1:9000", "127.0.0.1:8000")
    assert not origin_allowed("https://evil.example", "127.0.0.1:8000")
    assert not origin_allowed("null", "127.0.0.1:8000")
    assert not origin_allowed("file://127.0.0.1:8000", "127.0.0.1:8000")


def test_too_many_failures_wait_and_the_window_slides():
    attempts = Attempts()
    for number in range(PER_ADDRESS):
        assert attempts.wait_ms("a", number) == 0
        attempts.failed("a", number)
    assert attempts.wait_ms("a", 10) == WINDOW_MS - 10
    assert attempts.wait_ms("b", 10) == 0
    assert attempts.wait_ms("a", WINDOW_MS) == 0


def test_a_success_clears_the_address():
    attempts = Attempts()
    for _ in range(PER_ADDRESS):
        attempts.failed("a", 0)
    attempts.succeeded("a")
    assert attempts.wait_ms("a", 1) == 0


def test_many_addresses_together_wait_too():
    attempts = Attempts(all_addresses=10)
    for number in range(10):
        attempts.failed(f"address {number}", 5)
    assert attempts.wait_ms("fresh", 5) == WINDOW_MS

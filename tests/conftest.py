"""Fixtures for all tests: real servers on free ports."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.servers import NatsServer, RedisServer
from tests.spread import ByFile, in_order


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Several workers: see `tests/spread.py`."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first."""
    items[:] = in_order(items)


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    """A running nats-server with JetStream and an empty store, for this test only."""
    with NatsServer() as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running redis-server with an empty store, for this test only."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def nats_server_shared() -> Iterator[NatsServer]:
    """One nats-server for a whole module: tests must use different streams or wipe them."""
    with NatsServer() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server_shared() -> Iterator[RedisServer]:
    """One redis-server for a whole module: tests must use different keys or flush."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; tests that need it are skipped with a reason where it is not given."""
    where = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - the tests' own switch
    if not where:
        pytest.skip("MRASTER_TEST_DATA is not set: it names the folder of recorded market data")
    return Path(where).resolve()


@pytest.fixture(autouse=True)
def no_test_hangs(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that waits for ever fails after five minutes instead, or after the seconds of its mark `patience`."""
    mark = request.node.get_closest_marker("patience")
    within_s = 300 if mark is None else mark.args[0]

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(f"the test took longer than {within_s} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, within_s)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)

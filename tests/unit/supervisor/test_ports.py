import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.supervisor import ports
from services.supervisor.binaries import find
from services.supervisor.errors import StartFailed
from services.supervisor.ports import Promises


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def promises(tmp_path: Path) -> Iterator[Promises]:
    made = Promises(tmp_path / "ports")
    yield made
    made.release()


def test_a_free_port_is_taken_as_wanted(promises: Promises, taken: int) -> None:
    free = promises.choose(0)
    assert ports.is_free(free)
    promises.release()
    assert promises.choose(free) == free
    assert not ports.is_free(taken)


def test_a_taken_port_gives_way(promises: Promises, taken: int) -> None:
    assert promises.choose(taken) != taken


def test_a_promised_port_is_not_promised_again(promises: Promises, tmp_path: Path) -> None:
    free = promises.choose(0)
    assert promises.choose(free) != free
    other = Promises(tmp_path / "ports")
    assert other.choose(free) != free
    with pytest.raises(StartFailed, match="is taken"):
        other.require(free, "127.0.0.1")
    promises.release()
    assert other.require(free, "127.0.0.1") == free
    other.release()


def test_a_port_that_must_be_free_says_what_to_do(promises: Promises, taken: int) -> None:
    with pytest.raises(StartFailed, match=rf"port {taken} on 127.0.0.1 is taken .*--port N"):
        promises.require(taken, "127.0.0.1")


def test_named_servers_are_tried_one_after_the_other(taken: int) -> None:
    ports.require_server(f"nats://127.0.0.1:1,nats://127.0.0.1:{taken}", "ASTER_NATS_URL")
    with pytest.raises(StartFailed, match=r"ASTER_NATS_URL .*127\.0\.0\.1:1 .*127\.0\.0\.1:2 ") as told:
        ports.require_server("nats://u:planted@127.0.0.1:1,nats://127.0.0.1:2", "ASTER_NATS_URL")
    assert "planted" not in str(told.value)


def test_a_missing_program_says_how_to_get_it() -> None:
    with pytest.raises(StartFailed, match=r"no-such-server was not found: .* pip install -r requirements/local.txt"):
        find("no-such-server")


def test_programs_of_the_wheels_are_found() -> None:
    assert find("nats-server").endswith("nats-server")
    assert find("redis-server").endswith("redis-server")

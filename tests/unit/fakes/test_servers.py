"""The test servers do what their users rely on: same port and store after a restart, standing still, going away."""

import socket

import pytest

from tests.fakes.servers import NatsServer, RedisServer, Server


def _answers(server: Server) -> bool:
    try:
        return server._is_mine()
    except OSError:
        return False


def test_a_restart_keeps_port_and_store(redis_server: RedisServer) -> None:
    port = redis_server.port
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"SET a 1\r\n")
        assert link.recv(100) == b"+OK\r\n"
    redis_server.restart()
    assert redis_server.port == port
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(b"GET a\r\n")
        assert link.recv(100) == b"$1\r\n1\r\n"


@pytest.mark.parametrize("kind", [NatsServer, RedisServer])
def test_life_of_a_server(kind: type[Server]) -> None:
    with kind() as server:
        assert _answers(server)
        server.freeze()
        assert not _answers(server)
        server.thaw()
        assert _answers(server)
        server.kill()
        assert not server.running
        server.start()
        assert _answers(server)
        home = server.home
    assert not server.running
    assert not home.exists()


def test_a_taken_port_is_told(redis_server: RedisServer) -> None:
    taken = NatsServer(redis_server.port)
    try:
        with pytest.raises(RuntimeError, match="did not start on port"):
            taken.start(timeout_s=0.5)
    finally:
        taken.close()


def test_two_at_once_do_not_meet(nats_server: NatsServer) -> None:
    with NatsServer() as other:
        assert other.port != nats_server.port
        assert other.home != nats_server.home

"""Ports on this machine."""

import random
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from services.supervisor.errors import StartFailed

_CANDIDATES = range(15_000, 32_000)  # below what the kernel hands to outgoing connections


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return False
        return True


def choose(wanted: int, taken: Iterable[int] = ()) -> int:
    """The wanted port when it is free and not promised, else a random free one (`wanted` 0 = always a random one).

    Raises:
        StartFailed: no port is free.
    """
    promised = set(taken)
    if wanted and wanted not in promised and is_free(wanted):
        return wanted
    dice = random.SystemRandom()
    for _ in range(200):
        port = dice.choice(_CANDIDATES)
        if port not in promised and is_free(port):
            return port
    raise StartFailed(f"no free port was found between {_CANDIDATES.start} and {_CANDIDATES.stop}")


def require(port: int, host: str) -> int:
    """The port, when it is free.

    Raises:
        StartFailed: another program listens there.
    """
    if not is_free(port, host):
        raise StartFailed(
            f"port {port} on {host} is taken by another program (or another MrAster). "
            "Stop that program, or choose another port: mraster up --port N (make up ARGS='--port N')"
        )
    return port


def require_server(urls: str, setting: str, timeout_s: float = 3.0) -> None:
    """Whether one of the servers (separated by commas) that a person named accepts connections.

    Raises:
        StartFailed: none does; the message names the setting, never the login.
    """
    tried: list[str] = []
    for url in urls.split(","):
        parts = urlsplit(url.strip())
        if parts.scheme == "unix":
            return
        host, port = parts.hostname or "127.0.0.1", parts.port or (4222 if parts.scheme in {"nats", "tls"} else 6379)
        try:
            socket.create_connection((host, port), timeout_s).close()
        except OSError as error:
            tried.append(f"{host}:{port} ({error.strerror or error})")
        else:
            return
    raise StartFailed(
        f"{setting} names a server that does not answer: {', '.join(tried)}. "
        "Start it, correct the setting, or remove the setting so that `mraster up` starts a server of its own"
    )

"""Ports on this machine, promised to one supervisor at a time."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from services.supervisor.errors import StartFailed

_CANDIDATES = range(15_000, 32_000)  # below what the kernel hands to outgoing connections
_LOCAL = "127.0.0.1"


class Promises:
    """Ports that this process will use. A server needs seconds until it listens: meanwhile a locked file keeps others away."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"mraster-ports-{os.getuid()}"
        self._held: dict[int, IO[str]] = {}

    def choose(self, wanted: int) -> int:
        """The wanted port when it is free, else a random free one (`wanted` 0 = always a random one).

        Raises:
            StartFailed: no port is free.
        """
        if wanted and self._take(wanted, _LOCAL):
            return wanted
        dice = random.SystemRandom()
        for _ in range(200):
            port = dice.choice(_CANDIDATES)
            if self._take(port, _LOCAL):
                return port
        raise StartFailed(f"no free port was found between {_CANDIDATES.start} and {_CANDIDATES.stop}")

    def require(self, port: int, host: str) -> int:
        """The port, when it is free.

        Raises:
            StartFailed: another program listens there.
        """
        if not self._take(port, host):
            raise StartFailed(
                f"port {port} on {host} is taken by another program (or another MrAster). "
                "Stop that program, or choose another port: mraster up --port N (make up ARGS='--port N')"
            )
        return port

    def release(self) -> None:
        """Forget all promises; the end of the process does the same."""
        for file in self._held.values():
            file.close()
        self._held.clear()

    def _take(self, port: int, host: str) -> bool:
        if port in self._held or not is_free(port, host):
            return False
        self._folder.mkdir(mode=0o700, exist_ok=True)
        file = (self._folder / str(port)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._held[port] = file
        return True


def is_free(port: int, host: str = _LOCAL) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError:
            return False
        return True


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
        host, port = parts.hostname or _LOCAL, parts.port or (4222 if parts.scheme in {"nats", "tls"} else 6379)
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

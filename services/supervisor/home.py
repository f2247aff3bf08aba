"""The folder that holds everything a local MrAster keeps: stores, logs, passwords, the run file."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.supervisor.errors import StartFailed


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one folder. One supervisor at a time works in it (a lock file with its process id)."""

    path: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.path / "logs"

    @property
    def nats(self) -> Path:
        """Configuration and JetStream store of nats-server."""
        return self.path / "nats"

    @property
    def redis(self) -> Path:
        """Configuration and append-only file of redis-server."""
        return self.path / "redis"

    @property
    def paper(self) -> Path:
        """The paper venue's accounts."""
        return self.path / "paper"

    def state_file(self, wanted: Path) -> Path:
        """The snapshot; a relative path begins in this folder, so that a reset moves it along."""
        return self.path / wanted.expanduser()

    def file(self, wanted: Path) -> Path:
        """A file that a service keeps; a relative path begins in this folder."""
        return self.path / wanted.expanduser()

    @property
    def run_file(self) -> Path:
        """What runs now."""
        return self.path / "run.json"

    @property
    def lock_file(self) -> Path:
        """Held by the running supervisor."""
        return self.path / "lock"

    def create(self) -> None:
        """Make the folders, for this user only.

        Raises:
            StartFailed: the folder cannot be written.
        """
        try:
            for folder in (self.path, self.logs, self.nats, self.redis, self.paper):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StartFailed(f"the home folder {self.path} cannot be used ({error.strerror}); choose another with --home DIR") from error

    def passwords(self) -> dict[str, str]:
        """Passwords of the local servers, made once and kept readable for this user only."""
        path = self.path / "passwords.json"
        try:
            found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            found = {name: secrets.token_hex(24) for name in ("nats", "redis")}
            write_private(path, json.dumps(found))
        except ValueError as error:
            raise StartFailed(f"{path} cannot be read ({error}); remove it and start again") from error
        return found

    def holder(self) -> int | None:
        """The process id of the supervisor that works here, None when there is none."""
        try:
            with self.lock_file.open("r+", encoding="ascii") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read().strip() or 0)
                return None
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home; the system lets go of it however the process ends.

        Raises:
            StartFailed: another supervisor works here.
        """
        with self.lock_file.open("a+", encoding="ascii") as lock:
            try:
                _lock_patiently(lock.fileno())
            except BlockingIOError as error:
                lock.seek(0)
                raise StartFailed(
                    f"MrAster already runs in {self.path} (process {lock.read().strip() or 'unknown'}). "
                    "Stop it first (Ctrl-C in its terminal), or use another folder with --home DIR"
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def backed_up(self, stamp: str) -> Path | None:
        """Move the whole folder aside as `<home>-<stamp>`; None when there is nothing."""
        if not self.path.exists():
            return None
        target = self.path.with_name(f"{self.path.name}-{stamp}")
        shutil.move(self.path, target)
        return target


def _lock_patiently(descriptor: int, tries: int = 5) -> None:
    """Lock a file; a look from `mraster status` holds it for a moment, too.

    Raises:
        BlockingIOError: somebody keeps it.
    """
    for attempt in range(1, tries + 1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt == tries:
                raise
            time.sleep(0.05)
        else:
            return


def default_home(folder: Path, data_home: Path) -> Path:
    """`.home` in a checkout of the project, else the user's data folder."""
    checkout = (folder / "pyproject.toml").is_file() and (folder / "services" / "cli.py").is_file()
    return folder / ".home" if checkout else data_home / "mraster"


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only this user can read it."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(path)

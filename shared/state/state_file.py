"""The snapshot's file: replaced in one step, the one before it kept, and nothing that is not ours ever overwritten.

Whenever the process ends, the name points to a whole file: the new one is written beside it and forced to the disk first, the old
one gets a second name, then the new one takes the name. Blocking; call it in a thread.
"""

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from shared.state.snapshot import Flaw, Snapshot, SnapshotUnusable, decode, encode, for_account

LARGEST_BYTES = 512 * 2**20
_NO_FILE = (IsADirectoryError, NotADirectoryError)
"""Something has the name, or part of it, that holds no snapshot."""


@dataclass(frozen=True, slots=True)
class Found:
    """The newest snapshot that can be used, and what is wrong with the files that cannot (path: reason).

    `unreadable`: none can be used, and one is there that could not be read now; it may hold a good one.
    """

    snapshot: Snapshot | None
    problems: tuple[str, ...] = ()
    unreadable: bool = False


class StateFile:
    """One path. `account` is the only one whose snapshots are used."""

    def __init__(self, path: Path, account: str) -> None:
        self.path = path
        self.previous = path.with_name(f"{path.name}.previous")
        self._account = account
        self._mine: tuple[int, int, int] | None = None
        self._serial = 0

    def read(self) -> Found:
        """The snapshot of the file, else of the previous one. A missing file is no problem."""
        problems: list[str] = []
        unreadable = False
        for path in (self.path, self.previous):
            try:
                return Found(for_account(load(path), self._account), tuple(problems))
            except FileNotFoundError:
                continue
            except (SnapshotUnusable, OSError) as error:
                problems.append(f"{path}: {error}")
                unreadable |= isinstance(error, OSError) and not isinstance(error, _NO_FILE)
        return Found(None, tuple(problems), unreadable)

    def write(self, snapshot: Snapshot, may: Callable[[], bool] = lambda: True) -> list[str]:
        """Replace the file; its serial is set here. What had to be moved aside, as sentences.

        The disk may take its time: `may` is asked at the very end, and nothing is replaced that came meanwhile.

        Raises:
            OSError: it cannot be written, or may not any more; what was there is still there.
        """
        notes = self._make_room(snapshot.written_ms)
        seen = _mark(self.path)
        data = encode(replace(snapshot, serial=self._serial + 1))
        beside = self.path.with_name(f"{self.path.name}.{re.sub(r'[^a-zA-Z0-9_-]', '_', snapshot.writer)}.tmp")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        self._keep_previous(beside)
        if not may() or _mark(self.path) != seen:
            beside.unlink(missing_ok=True)
            raise OSError(f"{self.path}: somebody else may write it now, and this writing is too late")
        beside.replace(self.path)
        _settle(self.path.parent)
        self._serial += 1
        self._mine = _mark(self.path)
        return notes

    def _make_room(self, now_ms: int) -> list[str]:
        """Look at what has the name, unless it is what we wrote last: only a snapshot of ours may be replaced."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._mine is not None and _mark(self.path) == self._mine:
            return []
        for left in self.path.parent.iterdir():
            if left.name.startswith(f"{self.path.name}.") and left.suffix == ".tmp":
                left.unlink(missing_ok=True)  # of a writer that was killed
        notes: list[str] = []
        for path in (self.path, self.previous):
            try:
                self._serial = max(self._serial, for_account(load(path), self._account).serial)
            except FileNotFoundError:
                continue
            except SnapshotUnusable as error:
                kept = _aside(path, error.flaw, now_ms)
                notes.append(f"{path} was moved to {kept}: {error}")
        return notes

    def _keep_previous(self, beside: Path) -> None:
        """Give the present file its second name."""
        link = beside.with_suffix(".old.tmp")
        link.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            try:
                os.link(self.path, link)
            except OSError:  # a file system without hard links
                link.write_bytes(self.path.read_bytes())
            link.replace(self.previous)


def load(path: Path) -> Snapshot:
    """The snapshot of one file, whichever account's.

    Raises:
        FileNotFoundError: there is none.
        SnapshotUnusable: it is none, or broken.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise SnapshotUnusable(Flaw.CORRUPT, f"expected at most {LARGEST_BYTES // 2**20} MiB")
    return decode(path.read_bytes())


def _aside(path: Path, flaw: Flaw, now_ms: int) -> Path:
    """Another name for what must not be lost."""
    for number in range(1000):
        kept = path.with_name(f"{path.name}.{flaw.value}-{now_ms + number}")
        if not kept.exists():
            path.rename(kept)
            return kept
    raise OSError(f"{path}: expected to find a free name to move it to; remove old copies in {path.parent}")


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What tells one file from another."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _settle(folder: Path) -> None:
    """Force the names to the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

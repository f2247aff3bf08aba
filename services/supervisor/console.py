"""The terminal and the log files. A terminal that stands still never holds up a process: lines are dropped instead."""

import queue
import sys
import threading
from collections.abc import Callable
from logging import LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from services.supervisor.lines import Line, Style, parse
from services.supervisor.spec import ProcessSpec

_FILE_BYTES = 5 * 2**20
_FILES = 3
_WAITING = 5_000
_TERMINAL_LEVEL = 20


class Console:
    """Takes the output of all processes; writes each to its own file and what matters to the terminal."""

    def __init__(self, style: Style, folder: Path, clock: Callable[[], str], out: TextIO | None = None) -> None:
        self._style = style
        self._folder = folder
        self._clock = clock
        self._out = out if out is not None else sys.stdout
        self._files: dict[str, RotatingFileHandler] = {}
        self._queue: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._dropped = 0
        self._writer = threading.Thread(target=self._write, name="console", daemon=True)
        self._writer.start()

    def output(self, spec: ProcessSpec, text: str, *, hidden: bool = False) -> Line:
        """One line that a process wrote; a hidden one goes to its file only."""
        line = parse(text, spec.log_format)
        self._file(spec.name).emit(_record(text))
        if line.weight >= _TERMINAL_LEVEL and not hidden:
            self._put(self._style.render(spec.name, line, self._clock()))
        return line

    def note(self, level: str, event: str, **fields: object) -> None:
        """A line of the supervisor itself."""
        line = Line(self._clock(), level, event, {key: str(value) for key, value in fields.items()})
        rendered = self._style.render("supervisor", line, self._clock())
        self._file("supervisor").emit(_record(Style(self._style.names, colour=False).render("supervisor", line, self._clock())))
        self._put(rendered)

    def say(self, text: str) -> None:
        """A line for the person at the terminal, without decoration; waits until there is room."""
        self._queue.put(text)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is waiting, unless the terminal does not take it."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._writer.join(timeout_s)
        for handler in self._files.values():
            handler.close()

    def _put(self, text: str) -> None:
        try:
            self._queue.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        while (text := self._queue.get()) is not None:
            try:
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._out.write(f"… {dropped} lines were left out because the terminal was too slow; the log files have them\n")
                self._out.write(text + "\n")
                self._out.flush()
            except (OSError, ValueError):  # the terminal is gone: the log files go on
                continue

    def _file(self, name: str) -> RotatingFileHandler:
        if name not in self._files:
            self._files[name] = RotatingFileHandler(
                self._folder / f"{name}.log", maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
            )
        return self._files[name]


def _record(text: str) -> LogRecord:
    """The handler's own type, around a finished line."""
    return makeLogRecord({"msg": text})

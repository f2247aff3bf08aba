"""One supervised process: started, listened to, started again when it ends, stopped with its whole group."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from services.supervisor.backoff import Backoff
from services.supervisor.console import Console
from services.supervisor.spec import ProcessSpec, Stage

_LAUNCHER = Path(__file__).with_name("launch.py")
_CHUNK = 65_536
_LONGEST_LINE = 1_000_000
_WRONG_SETTINGS = 2


class Child:
    """A process and its lives. `changed` is called when it starts or ends."""

    def __init__(self, spec: ProcessSpec, console: Console, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.pid = 0
        self.lives = 0
        self.last_exit = ""
        self.last_code: int | None = None
        self.done = asyncio.Event()
        """It will not be started again."""
        self.last_words: deque[str] = deque(maxlen=12)
        """The newest lines on stderr and the newest log lines that say what failed."""
        self.trial = True
        """Until everything is ready: what it says on stderr is kept for the one message that ends the start."""
        self._console = console
        self._changed = changed
        self._stopping = asyncio.Event()
        self._backoff = Backoff()

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.lives - 1)

    async def live(self) -> None:
        """Keep it running until `stop`, or until its work is done."""
        try:
            while not self._stopping.is_set():
                started_s = time.monotonic()
                try:
                    await self._one_life()
                except OSError as error:
                    self.last_exit, self.last_code = f"not started: {error}", 1
                    self.last_words.append(str(error))
                if self._stopping.is_set() or self.finished() or self.gave_up():
                    return
                pause_s = self._backoff.after(time.monotonic() - started_s)
                self._console.note("warning", "process_ended", process=self.spec.name, exit=self.last_exit, again_in_s=pause_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._stopping.wait()
        finally:
            self.done.set()
            self._changed()

    def stop(self) -> None:
        """Ask it to end (SIGTERM); it is not started again."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def restart(self) -> None:
        """End this life at once; the next one begins after the usual pause."""
        self._signal(signal.SIGKILL)

    def kill(self) -> None:
        """End it and everything it started, now."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    async def ended(self) -> None:
        """Wait for the end after `stop`; by force when the grace is over."""
        try:
            async with asyncio.timeout(self.spec.grace_s):
                await self.done.wait()
        except TimeoutError:
            self._console.note("warning", "process_killed", process=self.spec.name, after_s=self.spec.grace_s)
            self.kill()
            await self.done.wait()

    async def _one_life(self) -> None:
        command = (sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *self.spec.argv)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(self.spec.environment),
            cwd=self.spec.folder,
            start_new_session=True,
        )
        self.pid, self.lives = process.pid, self.lives + 1
        self._changed()
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        readers = [asyncio.create_task(self._listen(stream, errors=errors)) for stream, errors in _streams(process)]
        code = await process.wait()
        self._signal(signal.SIGKILL)  # what it may have started
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.gather(*readers)
        self.pid, self.last_code, self.last_exit = 0, code, _exit_text(code)
        self._changed()

    async def _listen(self, stream: asyncio.StreamReader, *, errors: bool) -> None:
        """Split output into lines; a line without an end is cut."""
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._take(line, errors=errors)
        if rest:
            self._take(rest, errors=errors)

    def _take(self, raw: bytes, *, errors: bool) -> None:
        text = raw.decode("utf-8", errors="replace").rstrip()
        if not text:
            return
        line = self._console.output(self.spec, text, hidden=errors and self.trial)
        if errors or line.level in {"error", "critical"}:
            detail = line.fields.get("detail", "")
            self.last_words.append(f"{line.event}: {detail}" if detail else line.event)

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group, which the process leads."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def finished(self) -> bool:
        """Whether it has done what it was started for."""
        return self.spec.once and self.last_code == 0 and not self.pid

    def gave_up(self) -> bool:
        """Whether it ended during the start in a way that starting it again cannot change."""
        ended = self.last_code is not None and not self.pid
        return self.trial and ended and (self.last_code == _WRONG_SETTINGS or self.spec.stage is Stage.VENUE)


def _streams(process: asyncio.subprocess.Process) -> list[tuple[asyncio.StreamReader, bool]]:
    return [(stream, errors) for stream, errors in ((process.stdout, False), (process.stderr, True)) if stream is not None]


def _exit_text(code: int) -> str:
    """An exit code, or the signal that ended it."""
    if code >= 0:
        return f"exit {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"

"""The life of `mraster up`: start stage by stage, say ready, keep everything running, stop in the reverse order."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import httpx

from services.supervisor import memory, probes
from services.supervisor.child import Child
from services.supervisor.console import Console
from services.supervisor.errors import StartFailed
from services.supervisor.home import Home
from services.supervisor.plan import HOST, Plan
from services.supervisor.runfile import ProcessEntry, RunFile
from services.supervisor.spec import ProcessSpec, Stage
from services.supervisor.watchdog import Watchdog

_POLL_S = 0.1
_STORE_DEADLINE_S = 20.0
_VENUE_DEADLINE_S = 120.0
_SETTLE_DEADLINE_S = 20.0
_CALM_S = 0.5
_CALM_LOOKS = 4
"""So often in a row must the services have nothing in hand before a run-once cycle counts as done."""
_OK = 200
_HOPELESS_LIVES = 4
"""A process that ended this often before it was ready will not make it."""


class Supervisor:
    """Children by name, and what they are all waiting for."""

    def __init__(self, plan: Plan, home: Home, console: Console, run: RunFile, ready_within_s: float) -> None:
        self._plan = plan
        self._home = home
        self._console = console
        self._run = run
        self._ready_within_s = ready_within_s
        self._children = {spec.name: Child(spec, console, self._write_run_file) for spec in plan.specs}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._broken = False

    async def run(
        self, announce: Callable[[httpx.AsyncClient], Awaitable[None]], finish: Callable[[httpx.AsyncClient], Awaitable[int]]
    ) -> int:
        """Everything from start to stop; the exit code.

        Args:
            announce: called once when all is ready.
            finish: called after a run-once cycle, with everything but the finished services still running.

        Raises:
            StartFailed: it did not become ready; everything is stopped again.
        """
        with self._signals():
            try:
                async with httpx.AsyncClient() as client:
                    await self._until_stopped(self._start(client))
                    if self._stopping.is_set():
                        return 0
                    for child in self._children.values():
                        child.trial = False
                    self._run.ready = True
                    await announce(client)
                    self._write_run_file()
                    return await self._work(client, finish)
            finally:
                await self._stop()
                self._home.run_file.unlink(missing_ok=True)

    async def _work(self, client: httpx.AsyncClient, finish: Callable[[httpx.AsyncClient], Awaitable[int]]) -> int:
        if not self._plan.once:
            services = [self._children[spec.name] for spec in self._plan.stage(Stage.SERVICES)]
            await self._until_stopped(Watchdog(services, self._console).watch(client))
            return 1 if self._broken else 0
        await self._until_stopped(self._once_done(client))
        return await finish(client) if not self._stopping.is_set() else 130

    async def _once_done(self, client: httpx.AsyncClient) -> None:
        """The scanner leaves when its cycle is over; what it found is then carried through by the others."""
        if "scanner" in self._children:
            await self._children["scanner"].done.wait()
        urls = [
            f"http://{HOST}:{spec.port}/activity"
            for spec in self._plan.stage(Stage.SERVICES)
            if not self._children[spec.name].done.is_set()
        ]
        calm = 0
        end_s = asyncio.get_running_loop().time() + _SETTLE_DEADLINE_S
        while calm < _CALM_LOOKS and asyncio.get_running_loop().time() < end_s:
            answers = [await probes.http_json(client, url) for url in urls]
            quiet = all(code == _OK and not answer["busy"] and not answer["pending"] for code, answer in answers)
            calm = calm + 1 if quiet else 0
            await asyncio.sleep(_CALM_S)

    async def _until_stopped(self, work: Awaitable[None]) -> None:
        """Do the work, or leave it when the person stops us."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose failure (a mistake of ours) stops everything instead of going unnoticed."""

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self._broken = True
                self._console.note("critical", "supervisor_failed", error=repr(error))
                self._stopping.set()

        task = asyncio.create_task(work)
        task.add_done_callback(ended)
        return task

    # --- start -------------------------------------------------------------------------------------------------

    async def _start(self, client: httpx.AsyncClient) -> None:
        """The venue first: it refuses what cannot be replayed before anything else exists."""
        for stage, deadline_s in (
            (Stage.VENUE, _VENUE_DEADLINE_S),
            (Stage.STORES, _STORE_DEADLINE_S),
            (Stage.SERVICES, self._ready_within_s),
        ):
            children = [self._children[spec.name] for spec in self._plan.stage(stage)]
            self._tasks += [self._task(child.live()) for child in children]
            await self._answering(client, children, deadline_s)
        if "dashboard" in self._children and not self._plan.once:
            await self._until(
                lambda: probes.http_ok(client, f"{self._plan.dashboard}/readyz"), self._children["dashboard"], self._ready_within_s
            )

    async def _answering(self, client: httpx.AsyncClient, children: list[Child], deadline_s: float) -> None:
        """Wait until all of them answer."""
        for child in children:
            await self._until(self._probe(client, child.spec), child, deadline_s)

    async def _until(self, probe: Callable[[], Awaitable[bool]], child: Child, deadline_s: float) -> None:
        """Repeat a probe.

        Raises:
            StartFailed: a process gave up, or time is over.
        """
        end_s = asyncio.get_running_loop().time() + deadline_s
        while not (child.finished() or await probe()):
            self._hopeless()
            if asyncio.get_running_loop().time() > end_s:
                raise StartFailed(f"{child.spec.name} did not become ready within {deadline_s:.0f} s{_words(child)}\n{self._where(child)}")
            await asyncio.sleep(_POLL_S)

    def _hopeless(self) -> None:
        """Whether any process shows that waiting is useless.

        Raises:
            StartFailed: with what it said last.
        """
        for child in self._children.values():
            if child.gave_up() or child.restarts >= _HOPELESS_LIVES:
                raise StartFailed(f"{child.spec.name} could not start ({child.last_exit}){_words(child)}\n{self._where(child)}")

    def _where(self, child: Child) -> str:
        return f"Its log: {self._home.logs / child.spec.name}.log"

    def _probe(self, client: httpx.AsyncClient, spec: ProcessSpec) -> Callable[[], Awaitable[bool]]:
        """The question that tells whether a process is ready."""
        if spec.name == "nats":
            return lambda: probes.nats_answers(spec.port)
        if spec.name == "redis":
            return lambda: probes.redis_answers(spec.port, self._plan.redis_password)
        path = "fapi/v1/ping" if spec.stage is Stage.VENUE else "readyz"
        return lambda: probes.http_ok(client, f"http://{HOST}:{spec.port}/{path}")

    # --- stop --------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        """Services drain while venue and stores still answer; a second signal ends all of them at once."""
        self._console.note("info", "stopping", memory_mb=self.memory_mb)
        for stage in sorted(Stage, reverse=True):
            children = [self._children[spec.name] for spec in self._plan.stage(stage)]
            living = [child for child in children if not child.done.is_set() and child.lives]
            for child in children:
                child.stop()
            await asyncio.gather(*(child.ended() for child in living))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._console.note("info", "stopped")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            for child in self._children.values():
                child.kill()
        self._stopping.set()

    @property
    def memory_mb(self) -> int:
        """Resident memory of everything that runs, with the supervisor."""
        return round(memory.together([self._run.pid, *(child.pid for child in self._children.values())]) / 2**20)

    def _write_run_file(self) -> None:
        self._run.processes = {
            name: ProcessEntry(pid=child.pid, port=child.spec.port, restarts=child.restarts, last_exit=child.last_exit)
            for name, child in self._children.items()
        }
        self._run.save(self._home)


def _words(child: Child) -> str:
    """The last words of a process, indented."""
    return ":" + "".join(f"\n  {line}" for line in child.last_words) if child.last_words else ""

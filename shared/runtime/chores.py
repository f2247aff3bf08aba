"""Work that must be done soon but not inside an event handler (a slow venue must not hold up the user stream)."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.domain.errors import OutcomeUnknown, Permanent, Transient
from shared.runtime.context import Context

Chore = Callable[[], Awaitable[None]]
TRIES = 5
PAUSE_S = 0.5


def _nothing() -> None:
    """Nobody waits for the end of it."""


class Chores:
    """A few workers over one queue (`run` is a loop of the service). A chore must be safe to do twice."""

    def __init__(self, ctx: Context, workers: int = 4) -> None:
        self._ctx = ctx
        self._workers = workers
        self._queue: asyncio.Queue[tuple[str, Chore, Callable[[], None]]] = asyncio.Queue()
        self._busy = 0
        ctx.activity.track("busy", lambda: self._busy)

    def add(self, name: str, chore: Chore, over: Callable[[], None] = _nothing) -> None:
        """Do it soon. `over` is called when it will not be tried again: done, failed, or given up."""
        self._busy += 1
        self._queue.put_nowait((name, chore, over))

    async def run(self) -> None:
        """Work until the service stops."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._work()) for _ in range(self._workers)]
            await self._ctx.stopping.wait()
            for task in tasks:
                task.cancel()

    async def _work(self) -> None:
        while True:
            name, chore, over = await self._queue.get()
            try:
                await self._try(name, chore)
            finally:
                self._busy -= 1
                over()

    async def _try(self, name: str, chore: Chore) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await chore()
            except (Transient, OutcomeUnknown) as error:
                self._ctx.log.warning("chore_again", chore=name, attempt=attempt, code=error.code, detail=str(error))
                await asyncio.sleep(max(PAUSE_S * attempt, getattr(error, "retry_after_s", 0.0)))
            except Permanent as error:
                self._ctx.log.warning("chore_failed", chore=name, code=error.code, detail=str(error))
                return
            else:
                return
        self._ctx.log.error("chore_given_up", chore=name, attempts=TRIES)

"""The tasks of a running service, cancelled until they end.

One cancellation is not always enough: `asyncio.wait_for` before Python 3.12 swallows it when the awaited answer comes at
the same moment, and libraries use it. A task that misses the only cancellation of its group would keep the process alive.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

CLEAN_UP_S = 5.0
AGAIN_S = 1.0


class Children:
    """Tasks of one group; `insist` runs beside the group."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: list[asyncio.Task[Any]] = []

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task of the group."""
        task = self._group.create_task(work)
        self._tasks.append(task)
        return task

    async def insist(self) -> None:
        """Once a child has ended with an exception (which ends the group), cancel the others again until they are done."""
        while not any(task.done() and not task.cancelled() and task.exception() for task in self._tasks):  # noqa: ASYNC110 - a second is soon enough
            await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(CLEAN_UP_S)
        while any(not task.done() for task in self._tasks):
            for task in self._tasks:
                task.cancel()
            await asyncio.sleep(AGAIN_S)

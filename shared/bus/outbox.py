"""Core messages (logs, heartbeats) on their way out: never waits, drops when there are too many."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from shared.domain.errors import BusLost, MrasterError


class Outbox:
    """A bounded queue in front of a publish that may wait."""

    def __init__(self, publish: Callable[[str, bytes], Awaitable[None]], size: int = 2000) -> None:
        self._publish = publish
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(size)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run())

    def put(self, subject: str, data: bytes) -> bool:
        """Queue it; False when it was dropped."""
        try:
            self._queue.put_nowait((subject, data))
        except asyncio.QueueFull:
            self.dropped += 1
            return False
        return True

    async def stop(self, within_s: float) -> None:
        """Send what is queued, for so long at most, and end."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._queue.join()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            subject, data = await self._queue.get()
            try:
                await self._publish(subject, data)
            except MrasterError as error:
                self.dropped += 1
                if isinstance(error, BusLost):
                    await asyncio.sleep(0)  # the owner of the bus ends; keep emptying the queue
            finally:
                self._queue.task_done()

"""One read for many who ask at the same time, never an older one than any of them may have."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedRead(Generic[T]):
    """Whoever asks gets the result of a read that began after the question: the next one, never the one that is under way."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The result, or the error of the shared read."""
        if self._next is None:
            self._next = asyncio.create_task(self._begin(self._running))
        return await asyncio.shield(self._next)

    async def _begin(self, before: "asyncio.Task[T] | None") -> T:
        if before is not None:
            await asyncio.wait({before})
        self._running, self._next = self._next, None
        return await self._read()

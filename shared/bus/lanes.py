"""Work in lanes: one thing at a time per key, different keys side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Up to `width` items are worked on at once; items with the same key in the order in which they were put.

    A lane is not tied to a key: a key that takes long occupies one lane, and all other keys go on in the others. With one lane
    everything is done in the order in which it was put.
    """

    def __init__(self, width: int, work: Callable[[T], Awaitable[None]]) -> None:
        if width < 1:
            raise ValueError(f"expected at least one lane, got {width}")
        self._width = width
        self._work = work
        self._waiting: dict[str, deque[T]] = {}
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._busy = 0

    @property
    def starving(self) -> bool:
        """Whether a lane has nothing to do."""
        return self._busy < self._width and self._ready.empty()

    def put(self, key: str, item: T) -> None:
        """Add an item; never waits (whoever puts bounds what is in hand)."""
        if self._width == 1:
            key = ""
        queue = self._waiting.get(key)
        if queue is None:
            queue = self._waiting[key] = deque()
            self._ready.put_nowait(key)
        queue.append(item)

    def take_back(self) -> list[T]:
        """Everything that no lane has begun, removed."""
        items: list[T] = []
        for queue in self._waiting.values():
            items += queue
            queue.clear()
        return items

    async def run_one(self) -> None:
        """Be one of the lanes, until cancelled."""
        while True:
            key = await self._ready.get()
            queue = self._waiting[key]
            self._busy += 1
            try:
                if queue:
                    await self._work(queue.popleft())
            finally:
                self._busy -= 1
                if queue:
                    self._ready.put_nowait(key)
                else:
                    del self._waiting[key]

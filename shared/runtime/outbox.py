"""Events that no incoming message caused, published in order; kept and tried again while the bus is down.

What must survive a crash is in Redis before it is put here, and leaves Redis when `after` runs.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.contracts.envelope import Outgoing
from shared.domain.errors import Transient
from shared.runtime.context import Context

After = Callable[[], Awaitable[None]]
RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class _Item:
    messages: Sequence[Outgoing]
    after: After | None


class Outbox:
    """One queue, one publisher (`run` is a loop of the service)."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._items: deque[_Item] = deque()
        self._wake = asyncio.Event()
        ctx.activity.track("busy", lambda: len(self._items))

    def put(self, messages: Sequence[Outgoing], after: After | None = None) -> None:
        """Publish these, then run `after`."""
        if messages or after is not None:
            self._items.append(_Item(messages, after))
            self._wake.set()

    async def run(self) -> None:
        """Publish until the service stops and nothing is left."""
        stopping = self._ctx.stopping
        while not (stopping.is_set() and not self._items):
            if not self._items:
                await self._idle()
                continue
            item = self._items[0]
            try:
                await self._ctx.bus.publish_all(item.messages)
                if item.after is not None:
                    await item.after()
            except Transient as error:
                if stopping.is_set():
                    self._ctx.log.warning("events_left", count=len(self._items), detail=str(error))
                    return
                self._ctx.log.warning("publish_waits", code=error.code, detail=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            self._items.popleft()

    async def _idle(self) -> None:
        """Wait for an item or the end."""
        self._wake.clear()
        waits = {asyncio.ensure_future(self._wake.wait()), asyncio.ensure_future(self._ctx.stopping.wait())}
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

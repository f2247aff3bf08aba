"""Many reasons for one piece of work: it is done once for all that came in a short while, never dropped."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.runtime.chores import Chores

GATHER_S = 0.25
"""A burst of fills (an order that walks a book, a close of everything by hand) arrives within this."""


class Coalesced:
    """Asks for the work to be done; who asks while it is already asked for joins, who asks once it has begun asks anew."""

    def __init__(self, chores: Chores, name: str, work: Callable[[], Awaitable[None]], *, gather_s: float = GATHER_S) -> None:
        self._chores = chores
        self._name = name
        self._work = work
        self._gather_s = gather_s
        self._asked = False

    def ask(self, why: str) -> None:
        """Have it done soon; what happened before the call is seen by it."""
        if self._asked:
            return
        self._asked = True
        self._chores.add(f"{self._name} after {why}", self._do)

    async def _do(self) -> None:
        await asyncio.sleep(self._gather_s)
        self._asked = False
        await self._work()

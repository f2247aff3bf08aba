"""Reads the advisor's report from Redis."""

from services.dashboard.logic.learning import Lessons
from shared.domain.errors import StateCorrupt, StoreUnavailable
from shared.runtime.context import Context

LEARNED_EVERY_S = 2.0
REPORT = "report"


class Learned:
    """On a timer of its own: the report is larger than the documents that are read twice a second."""

    def __init__(self, ctx: Context, lessons: Lessons) -> None:
        self._ctx = ctx
        self._lessons = lessons

    async def read(self) -> None:
        """Once. The other reader tells the log when the store is silent."""
        try:
            document = await self._ctx.state.get(self._ctx.keys.learning, REPORT)
        except (StoreUnavailable, StateCorrupt):
            self._lessons.silent()
        else:
            self._lessons.put(document)

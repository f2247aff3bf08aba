"""Editions of the brain and the learner's draft in Redis: written by the one who learns, read by all."""

from typing import Any

from services.advisor.logic.brain import Brain
from services.advisor.logic.edition import wanted
from services.advisor.logic.learner import Edition, Learner
from shared.domain.candle import interval_ms
from shared.domain.errors import LeaseLost
from shared.runtime.context import Context
from shared.state.port import Lease

CURRENT, DRAFT, REPORT = "current", "draft", "report"
KEPT = 3


def _place(number: int) -> str:
    """Editions take turns in a few fields."""
    return f"edition-{number % KEPT}"


class Editions:
    """Reads editions by number and keeps the ones in use."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._known: dict[int, Edition] = {}

    async def for_signal(self, close_ms: int, interval: str) -> Edition:
        """The edition that decides about a signal: the wanted one, or the newest before it; neutral when there is none.

        Raises:
            StoreUnavailable: they cannot be read.
        """
        number = wanted(close_ms, interval_ms(interval))
        if number not in self._known:
            await self._refresh()
        older = [known for known in self._known if known <= number]
        return self._known[max(older)] if older else Edition(0, Brain())

    async def newest(self) -> Edition:
        """The last one that was made."""
        await self._refresh()
        return self._known[max(self._known)] if self._known else Edition(0, Brain())

    async def _refresh(self) -> None:
        """Read what is new since the last time."""
        current = await self._ctx.state.get(self._ctx.keys.learning, CURRENT)
        newest = int(current["number"]) if current else 0
        if newest in self._known:
            return
        found: dict[int, Edition] = {}
        for number in range(max(1, newest - KEPT + 1), newest + 1):
            edition = self._known.get(number) or await self._load(number)
            if edition is not None:
                found[number] = edition
        self._known = found

    async def _load(self, number: int) -> Edition | None:
        document = await self._ctx.state.get(self._ctx.keys.learning, _place(number))
        if document is None or document.get("number") != number:
            return None
        brain, problems = Brain.from_dict(document.get("brain", {}))
        for problem in problems:
            self._ctx.log.error("learning_state_unreadable", edition=number, detail=problem)
        return Edition(number, brain, int(document.get("learned", 0)))

    async def draft(self, edition: Edition) -> Learner:
        """The learner as it was left; one that only knows the edition when there is no draft, or it cannot be read."""
        document = await self._ctx.state.get(self._ctx.keys.learning, DRAFT)
        if document is None:
            return Learner(edition=edition, playbook=edition.brain.playbook)
        try:
            return Learner.from_draft(document, edition)
        except ValueError as error:
            self._ctx.log.warning("learning_draft_unreadable", detail=str(error)[:500])
            return Learner(edition=edition, playbook=edition.brain.playbook)


class Notebook:
    """Writes, fenced by the learner's lease."""

    def __init__(self, ctx: Context, lease: Lease) -> None:
        self._ctx = ctx
        self._lease = lease

    async def keep(self, learner: Learner) -> None:
        """The draft."""
        await self._put(DRAFT, learner.draft())

    async def publish(self, edition: Edition, report: dict[str, Any]) -> None:
        """A new edition: first its content, then the number by which readers find it."""
        number = edition.number
        await self._put(_place(number), {"number": number, "learned": edition.learned, "brain": edition.brain.to_dict()})
        await self._put(REPORT, report)
        await self._put(CURRENT, {"number": number})

    async def _put(self, field: str, value: dict[str, Any]) -> None:
        """Store one field.

        Raises:
            LeaseLost: another instance learns now.
        """
        if not await self._ctx.state.put_fenced(self._ctx.keys.learning, field, value, self._lease):
            raise LeaseLost("another advisor is the one that learns now; this one starts again as a reader")

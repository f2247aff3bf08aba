"""Editions of the brain and the learner's draft in Redis: written by the one who learns, read by all."""

from collections.abc import Mapping
from typing import Any

from services.advisor.archive import Archive, Documents
from services.advisor.logic.brain import Brain
from services.advisor.logic.documents import CURRENT, DRAFT, KEPT, place
from services.advisor.logic.edition import wanted
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.pulse import Pulse
from shared.domain.candle import interval_ms
from shared.policy.stored import sane
from shared.runtime.context import Context


class Editions:
    """Reads editions by number and keeps the ones in use.

    When Redis has none, those that are known go on being used: they were not wrong before it lost them. One who knows none looks
    into the state file. An import begins another line of editions, and those of the line before are forgotten.
    """

    def __init__(self, ctx: Context, archive: Archive | None = None) -> None:
        self._ctx = ctx
        self._archive = archive or Archive(ctx)
        self._known: dict[int, Edition] = {}
        self._line = ""
        self._asked_file = False

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

    async def watch(self) -> None:
        """Forget what is known when another line of editions has begun.

        Raises:
            StoreUnavailable: that cannot be read.
        """
        if self._known:
            self._follow(await self._ctx.state.get(self._ctx.keys.learning, CURRENT))

    def _follow(self, current: Mapping[str, Any] | None) -> None:
        line = self._line if current is None else str(current.get("line", ""))
        if line != self._line:
            self._known, self._line = {}, line

    async def _refresh(self) -> None:
        """Read what is new since the last time."""
        current = await self._ctx.state.get(self._ctx.keys.learning, CURRENT)
        self._follow(current)
        if current is None:
            await self._from_file()
            return
        newest = int(current["number"])
        if newest in self._known:
            return
        found: dict[int, Edition] = {}
        for number in _numbers(newest):
            edition = self._known.get(number) or self._read(number, await self._ctx.state.get(self._ctx.keys.learning, place(number)))
            if edition is not None:
                found[number] = edition
        self._known = found

    async def _from_file(self) -> None:
        """Redis has no edition: until it has, decide with those of the state file."""
        if self._known or self._asked_file:
            return
        self._asked_file = True
        documents: Documents = await self._archive.documents()
        current = documents.get(CURRENT)
        if current is None:
            return
        self._follow(current)
        read = {number: self._read(number, documents.get(place(number))) for number in _numbers(int(current["number"]))}
        self._known = {number: edition for number, edition in read.items() if edition is not None}
        self._ctx.log.warning("editions_from_file", editions=sorted(self._known))

    def _read(self, number: int, document: Mapping[str, Any] | None) -> Edition | None:
        if document is None or document.get("number") != number:
            return None
        brain, problems = Brain.from_dict(document.get("brain", {}))
        for problem in problems:
            self._ctx.log.error("learning_state_unreadable", edition=number, detail=problem)
        return Edition(number, brain, int(document.get("learned", 0)))

    async def draft(self, edition: Edition) -> Learner:
        """The learner as it was left; one that only knows the edition when there is no draft, or it cannot be read."""
        longer_ms = interval_ms(self._ctx.settings.strategy.htf_interval.value)
        document = await self._ctx.state.get(self._ctx.keys.learning, DRAFT)
        if document is not None:
            try:
                sane(document)
                return Learner.from_draft(document, edition, longer_ms)
            except ValueError as error:
                self._ctx.log.warning("learning_draft_unreadable", detail=str(error)[:500])
        return Learner(edition=edition, playbook=edition.brain.playbook, pulse=Pulse(longer_ms))


def _numbers(newest: int) -> range:
    """The editions that are kept."""
    return range(max(1, newest - KEPT + 1), newest + 1)

"""Writes what was learned to Redis, fenced by the learner's lease; puts it back when Redis lost it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from services.advisor.archive import Documents
from services.advisor.logic.documents import CURRENT, DRAFT, REPORT, place
from services.advisor.logic.learner import Edition, Learner
from shared.domain.errors import LeaseLost
from shared.runtime.context import Context
from shared.runtime.leader import role_of
from shared.state.documents import dump, parse
from shared.state.port import Lease, Replaced

ROLE = role_of("advisor")
TTL_MS = 6_000


class Notebook:
    """`documents` = all that the hash holds, as it was read and written since; `changes` counts writings."""

    def __init__(self, ctx: Context, lease: Lease, documents: Documents) -> None:
        self._ctx = ctx
        self._one = asyncio.Lock()
        self._sure_until_s = ctx.clock.monotonic_s() + TTL_MS / 1000
        self.lease = lease
        self.documents = documents
        self.changes = 0

    @property
    def sure(self) -> bool:
        """Whether nobody else can have become the one who learns."""
        return self._ctx.clock.monotonic_s() <= self._sure_until_s

    async def keep(self, learner: Learner) -> None:
        """The draft."""
        await self._put(DRAFT, learner.draft())

    async def publish(self, edition: Edition, report: Mapping[str, Any]) -> None:
        """A new edition: first its content, then the number by which readers find it."""
        number = edition.number
        await self._put(place(number), {"number": number, "learned": edition.learned, "brain": edition.brain.to_dict()})
        await self._put(REPORT, dict(report))
        await self._put(CURRENT, {**self.documents.get(CURRENT, {}), "number": number})

    async def renew(self) -> None:
        """Hold the lease for another while.

        Raises:
            LeaseLost: another advisor learns now.
        """
        async with self._one:
            asked_s = self._ctx.clock.monotonic_s()
            if await self._ctx.state.renew(self.lease, TTL_MS):
                self._sure_until_s = asked_s + TTL_MS / 1000
            else:
                await self._regain()

    async def _put(self, field: str, value: dict[str, Any]) -> None:
        """Store one field.

        Raises:
            LeaseLost: another advisor learns now.
        """
        async with self._one:
            if not await self._store(field, value):
                await self._regain()
                if not await self._store(field, value):
                    raise _lost()
        self.documents[field] = parse(self._ctx.keys.learning, field, dump(value))  # a copy: the learner goes on with its own
        self.changes += 1

    async def _store(self, field: str, value: dict[str, Any]) -> bool:
        return await self._ctx.state.put_fenced(self._ctx.keys.learning, field, value, self.lease)

    async def _regain(self) -> None:
        """The lease is gone. Redis may have lost everything with it: then nobody else knows more than we do, and we put it back.

        Only while nobody else can have learned since, which is as long as a lease lasts.

        Raises:
            LeaseLost: another advisor learns now, or may have learned meanwhile.
        """
        state = self._ctx.state
        if not self.sure:
            raise _lost()
        asked_s = self._ctx.clock.monotonic_s()
        again = await state.acquire(ROLE, self._ctx.producer.instance, TTL_MS)
        if again is None:
            raise _lost()
        if await state.replace_fenced(self._ctx.keys.learning, self.documents, again, only_if_empty=True) is not Replaced.DONE:
            await state.release(again)
            raise _lost()
        self.lease, self._sure_until_s = again, asked_s + TTL_MS / 1000
        self._ctx.log.warning("learning_put_back", fields=len(self.documents), token=again.token)


def _lost() -> LeaseLost:
    return LeaseLost(f"the lease {ROLE} went to another advisor or expired; this one starts again as a reader")

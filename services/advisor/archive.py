"""The learning state beside Redis, in the state file: what survives when Redis comes back empty.

Written by the one advisor that learns, after Redis has confirmed the same; read when Redis holds nothing. The trading state and
the settings made on the page go along for the record: this puts back what was learned, nothing else.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from shared.domain.errors import StateCorrupt, StoreUnavailable
from shared.runtime.context import Context
from shared.state.sections import LEARNING, records
from shared.state.snapshot import Snapshot
from shared.state.state_file import Found, StateFile

Documents = dict[str, dict[str, Any]]


class Archive:
    """The state file of this account. What cannot be used is told once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._file = StateFile(ctx.settings.core.state_file, ctx.settings.core.account)
        self._told: set[str] = set()
        self._recorded: dict[str, Documents] | None = None

    async def documents(self) -> Documents:
        """What was learned, by field; empty when there is no file that can be used."""
        return _learned(await self._read())

    async def restorable(self) -> Documents:
        """The same for the one who goes on from there, and will write over it.

        Raises:
            StoreUnavailable: the file is there and cannot be read now.
        """
        found = await self._read()
        if found.unreadable:
            raise StoreUnavailable(f"expected to read what was learned: {'; '.join(found.problems)}", code="state_file_unreadable")
        return _learned(found)

    async def _read(self) -> Found:
        """The file."""
        found = await asyncio.to_thread(self._file.read)
        for problem in found.problems:
            if problem not in self._told:
                self._told.add(problem)
                self._ctx.log.error("state_file_refused", detail=problem)
        return found

    async def keep(
        self, documents: Mapping[str, Mapping[str, Any]], others: Mapping[str, Documents], may: Callable[[], bool] = lambda: True
    ) -> bool:
        """Write what was learned, and the records; False when that failed, and what was there is there still.

        `may` is asked again when all but the name is written, in a thread.
        """
        ctx = self._ctx
        snapshot = Snapshot(
            account=ctx.settings.core.account,
            written_ms=ctx.clock.wall_ms(),
            writer=ctx.producer.instance,
            serial=0,
            sections={LEARNING: dict(documents), **others},
        )
        try:
            notes = await asyncio.to_thread(self._file.write, snapshot, may)
        except OSError as error:
            ctx.log.warning("state_file_not_written", path=str(self._file.path), detail=str(error))
            return False
        for note in notes:
            ctx.log.error("state_file_moved_aside", detail=note)
        return True

    async def records(self) -> dict[str, Documents] | None:
        """Trading state and settings, as they are or as they were last known: a store that lost them does not erase the record.

        None while the file that knows cannot be read.
        """
        if self._recorded is None:
            found = await self._read()
            if found.unreadable:
                return None
            sections = {} if found.snapshot is None else found.snapshot.sections
            self._recorded = {name: dict(section) for name, section in sections.items() if name != LEARNING}
        try:
            self._recorded = {**self._recorded, **await records(self._ctx.state)}
        except (StoreUnavailable, StateCorrupt) as error:
            self._ctx.log.warning("records_not_read", detail=str(error))
        return self._recorded


def _learned(found: Found) -> Documents:
    if found.snapshot is None:
        return {}
    return {field: document for field, document in found.snapshot.sections.get(LEARNING, {}).items() if isinstance(document, dict)}

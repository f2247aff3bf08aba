"""The learning state beside Redis, in the state file: what survives when Redis comes back empty.

Written by the one advisor that learns, after Redis has confirmed the same; read when Redis holds nothing. The trading state and
the settings made on the page go along for the record: this puts back what was learned, nothing else.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from shared.domain.errors import StateCorrupt, StoreUnavailable
from shared.runtime.context import Context
from shared.state.sections import LEARNING, records
from shared.state.snapshot import Snapshot
from shared.state.state_file import StateFile

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
        found = await asyncio.to_thread(self._file.read)
        for problem in found.problems:
            if problem not in self._told:
                self._told.add(problem)
                self._ctx.log.error("state_file_refused", detail=problem)
        if found.snapshot is None:
            return {}
        return {field: document for field, document in found.snapshot.sections.get(LEARNING, {}).items() if isinstance(document, dict)}

    async def keep(self, documents: Mapping[str, Mapping[str, Any]], others: Mapping[str, Documents]) -> bool:
        """Write what was learned, and the records; False when that failed, and what was there is there still."""
        ctx = self._ctx
        snapshot = Snapshot(
            account=ctx.settings.core.account,
            written_ms=ctx.clock.wall_ms(),
            writer=ctx.producer.instance,
            serial=0,
            sections={LEARNING: dict(documents), **others},
        )
        try:
            notes = await asyncio.to_thread(self._file.write, snapshot)
        except OSError as error:
            ctx.log.warning("state_file_not_written", path=str(self._file.path), detail=str(error))
            return False
        for note in notes:
            ctx.log.error("state_file_moved_aside", detail=note)
        return True

    async def records(self) -> dict[str, Documents]:
        """Trading state and settings, as they are or as they were last known: a store that lost them does not erase the record."""
        if self._recorded is None:
            found = await asyncio.to_thread(self._file.read)
            sections = {} if found.snapshot is None else found.snapshot.sections
            self._recorded = {name: dict(section) for name, section in sections.items() if name != LEARNING}
        try:
            self._recorded = {**self._recorded, **await records(self._ctx.state)}
        except (StoreUnavailable, StateCorrupt) as error:
            self._ctx.log.warning("records_not_read", detail=str(error))
        return self._recorded

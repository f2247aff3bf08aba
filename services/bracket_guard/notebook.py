"""What the guard keeps: in Redis for the others, and in a file beside the process for the time without Redis.

The file is the readable mirror of the repair queue with the last desired brackets. It is replaced as a whole, so that it is
never half written. A file or a store that cannot be written holds nothing up.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.documents import desired_document, desired_from
from shared.domain.errors import StateCorrupt, StoreUnavailable
from shared.runtime.context import Context

RECENT = 50
RETRY_S = 2.0
_UNSURE: dict[str, Any] = {}


class Content(BaseModel):
    """The shape of the file; what each bracket holds is looked at one by one."""

    desired: dict[str, dict[str, Any]] = {}
    recent: list[dict[str, Any]] = []
    naked: dict[str, int] = {}


class Notebook:
    """`waiting` by symbol and `recent` are the repair queue; `desired` the brackets that were last acted upon.

    `gaps` by symbol is how long each position had no stop.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._path = Path(ctx.settings.core.brackets_queue_file)
        self._owner = {"account": ctx.settings.core.account, "venue": ctx.venue.policy.rest_base}
        self._in_file = ""
        self._in_store: dict[str, dict[str, Any]] = {}
        self._store_again_s = 0.0
        self.desired: dict[str, Desired] = {}
        self.waiting: dict[str, list[dict[str, Any]]] = {}
        self.recent: list[dict[str, Any]] = []
        self.naked: dict[str, int] = {}
        self.gaps: dict[str, dict[str, int | None]] = {}

    async def load(self) -> None:
        """The brackets of an earlier life: from the file, and from Redis where that answers."""
        written = await asyncio.to_thread(self._read)
        self._take(written.get("desired", {}))
        self.recent = list(written.get("recent", []))[-RECENT:]
        self.naked = dict(written.get("naked", {}))
        try:
            stored = await self._ctx.state.get_all(self._ctx.keys.brackets)
        except (StoreUnavailable, StateCorrupt) as error:
            self._ctx.log.warning("brackets_not_read", detail=str(error))
            return
        self._in_store = stored
        self._take({symbol: document.get("desired", {}) for symbol, document in stored.items()})

    def note(self, entry: dict[str, Any]) -> None:
        """A repair that was tried, for people."""
        self.recent = [*self.recent, entry][-RECENT:]

    async def save(self) -> None:
        """Write what has changed since the last time, to the file and to Redis."""
        documents = {
            symbol: {"desired": desired_document(wanted), "repairs": self.waiting.get(symbol, []), "naked": self.gaps.get(symbol, {})}
            for symbol, wanted in self.desired.items()
        }
        await self._to_file(documents)
        await self._to_store(documents)

    def store_away(self) -> None:
        """The store did not answer: it may come back empty, so all is written again."""
        self._in_store = dict.fromkeys(self._in_store, _UNSURE)

    def _take(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        for symbol, document in documents.items():
            try:
                self.desired[symbol] = desired_from(document)
            except (ValidationError, TypeError) as error:
                self._ctx.log.warning("bracket_not_read", symbol=symbol, detail=str(error)[:200])

    def _read(self) -> dict[str, Any]:
        """The file, unless it is of another account or venue, or not there."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self._ctx.log.warning("queue_file_not_read", path=str(self._path), detail=str(error)[:200])
            return {}
        except ValueError as error:
            self._put_aside(str(error)[:200])
            return {}
        return self._mine(found)

    def _mine(self, found: object) -> dict[str, Any]:
        """What the file says, when it is of this account and venue and has the shape."""
        if isinstance(found, dict) and any(found.get(name) != value for name, value in self._owner.items()):
            return {}
        try:
            return Content.model_validate(found).model_dump()
        except ValidationError as error:
            self._put_aside(str(error)[:200])
            return {}

    def _put_aside(self, detail: str) -> None:
        """A file that is not ours to understand is kept under another name, and said."""
        aside = self._path.with_name(f"{self._path.name}.unreadable-{self._ctx.clock.wall_ms()}")
        try:
            self._path.replace(aside)
        except OSError as error:
            detail = f"{detail}; it could not be put aside: {error}"
        self._ctx.log.error("queue_file_unreadable", path=str(self._path), kept=str(aside), detail=detail)

    async def _to_file(self, documents: Mapping[str, Mapping[str, Any]]) -> None:
        content = {
            **self._owner,
            "queue": [entry for entries in self.waiting.values() for entry in entries],
            "recent": self.recent,
            "desired": {symbol: document["desired"] for symbol, document in documents.items()},
            "naked": self.naked,
        }
        text = json.dumps(content, indent=1, sort_keys=True)
        if text == self._in_file:
            return
        try:
            await asyncio.to_thread(_replace, self._path, text)
        except OSError as error:
            self._ctx.log.warning("queue_file_not_written", path=str(self._path), detail=str(error))
            return
        self._in_file = text

    async def _to_store(self, documents: dict[str, dict[str, Any]]) -> None:
        state, key, now_s = self._ctx.state, self._ctx.keys.brackets, self._ctx.clock.monotonic_s()
        if now_s < self._store_again_s:
            return
        try:
            for symbol, document in documents.items():
                if self._in_store.get(symbol) != document:
                    await state.put(key, symbol, document)
                    self._in_store[symbol] = document
            for symbol in [s for s in self._in_store if s not in documents]:
                await state.drop(key, symbol)
                del self._in_store[symbol]
        except StoreUnavailable as error:
            self._store_again_s = now_s + RETRY_S
            self.store_away()
            self._ctx.log.warning("brackets_not_stored", detail=str(error))


def _replace(path: Path, text: str) -> None:
    """Write beside the file, force it to the disk, then take its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

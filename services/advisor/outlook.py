"""Reads the sentinel's present warnings from Redis."""

import asyncio
from typing import Any

from pydantic import ValidationError

from shared.contracts.sentinel import MARKET_KEY, SentinelState
from shared.domain.errors import StateCorrupt, StoreUnavailable
from shared.runtime.context import Context

Documents = dict[str, dict[str, Any]]


class Outlook:
    """The warning of a symbol and of the whole market, as they are at this moment. Many that ask at once share one read."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._asked: set[str] = set()
        self._reading: asyncio.Task[Documents] | None = None

    async def of(self, symbol: str) -> tuple[SentinelState | None, SentinelState | None]:
        """Symbol and market; None = the sentinel has said nothing. Both None when it is switched off.

        Raises:
            StoreUnavailable: the warnings cannot be read, so they are unknown: ask again later.
        """
        if not self._ctx.settings.sentinel.enabled:
            return None, None
        documents = await self._documents(symbol)
        return _state(symbol, documents.get(symbol)), _state(MARKET_KEY, documents.get(MARKET_KEY))

    async def _documents(self, symbol: str) -> Documents:
        """From the next read, never one that began before the question."""
        self._asked.add(symbol)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_soon())
        try:
            return await asyncio.shield(self._reading)
        except StateCorrupt:  # somebody's: only who asked for that one shall suffer
            return await self._ctx.state.get_many(self._ctx.keys.sentinel, (symbol, MARKET_KEY))

    async def _read_soon(self) -> Documents:
        await asyncio.sleep(0)  # whoever asks in this turn of the loop joins
        fields = sorted(self._asked | {MARKET_KEY})
        self._asked.clear()
        self._reading = None
        return await self._ctx.state.get_many(self._ctx.keys.sentinel, fields)


def _state(symbol: str, document: dict[str, Any] | None) -> SentinelState | None:
    if document is None:
        return None
    try:
        return SentinelState.model_validate(document)
    except ValidationError as error:
        problem = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
        raise StoreUnavailable(
            f"the warning of {symbol} cannot be read ({problem}): expected what the sentinel writes", code="warning_unreadable"
        ) from error

"""The sentinel's states in Redis: what others read, and what a restart goes on from."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.sentinel.logic.track import Track
from services.sentinel.logic.watch import Told
from shared.contracts.sentinel import SentinelState
from shared.domain.errors import StoreUnavailable
from shared.runtime.context import Context

_TRACK = TypeAdapter(Track)


def document(told: Told) -> dict[str, Any]:
    """A state as JSON types, with its track beside it."""
    found: dict[str, Any] = told.state.model_dump(mode="json")
    found["track"] = asdict(told.track)
    return found


class Memory:
    """One document per symbol in one hash."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def load(self, now_ms: int) -> list[Told]:
        """All states that still make sense; the others are dropped.

        A state from the future belongs to another replay of the market. One that cannot be read is an older format: it
        is judged anew within a second, so nothing is lost by dropping it.
        """
        good: list[Told] = []
        bad: list[str] = []
        for symbol, found in (await self._ctx.state.get_all(self._ctx.keys.sentinel)).items():
            try:
                told = Told(SentinelState.model_validate(found), _TRACK.validate_python(found.get("track", {})))
            except ValidationError as error:
                self._ctx.log.warning("warning_dropped", symbol=symbol, detail=f"{error.error_count()} fields do not fit")
                bad.append(symbol)
                continue
            if told.state.ts_ms > now_ms:
                bad.append(symbol)
            else:
                good.append(told)
        if bad:
            await self._ctx.state.drop(self._ctx.keys.sentinel, *bad)
        return good

    async def keep(self, news: Sequence[Told]) -> None:
        """Write states, fenced by this instance's lease.

        Raises:
            StoreUnavailable: not written, or another instance is the active one now.
        """
        ctx = self._ctx
        for told in news:
            if ctx.lease is None:
                await ctx.state.put(ctx.keys.sentinel, told.state.symbol, document(told))
            elif not await ctx.state.put_fenced(ctx.keys.sentinel, told.state.symbol, document(told), ctx.lease):
                raise StoreUnavailable("another instance is the active sentinel now", code="fenced_off")

    async def clear(self) -> None:
        """Remove all states."""
        symbols = await self._ctx.state.get_all(self._ctx.keys.sentinel)
        if symbols:
            await self._ctx.state.drop(self._ctx.keys.sentinel, *symbols)

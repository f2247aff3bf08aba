"""Reads the sentinel's present warnings from Redis."""

from pydantic import ValidationError

from shared.contracts.sentinel import MARKET_KEY, SentinelState
from shared.domain.errors import StoreUnavailable
from shared.runtime.context import Context


class Outlook:
    """The warning of a symbol and of the whole market, as they are at this moment."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def of(self, symbol: str) -> tuple[SentinelState | None, SentinelState | None]:
        """Symbol and market; None = the sentinel has said nothing. Both None when it is switched off.

        Raises:
            StoreUnavailable: the warnings cannot be read, so they are unknown: ask again later.
        """
        if not self._ctx.settings.sentinel.enabled:
            return None, None
        return await self._read(symbol), await self._read(MARKET_KEY)

    async def _read(self, symbol: str) -> SentinelState | None:
        document = await self._ctx.state.get(self._ctx.keys.sentinel, symbol)
        if document is None:
            return None
        try:
            return SentinelState.model_validate(document)
        except ValidationError as error:
            problem = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
            raise StoreUnavailable(
                f"the warning of {symbol} cannot be read ({problem}): expected what the sentinel writes", code="warning_unreadable"
            ) from error

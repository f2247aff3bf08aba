"""Leverage and margin type of a symbol at the venue: set, read back, and only then believed."""

from shared.domain.errors import Permanent
from shared.exchange.events import ConfigUpdate
from shared.exchange.private import PrivateClient
from shared.exchange.records import MarginType
from shared.risk.gate import Refused, RefusedReason

WANTED_MARGIN = MarginType.CROSSED
"""All positions share the account's margin, as the sizing's caps assume."""


class SymbolSetup:
    """Remembers what was read back until the venue tells of a change or the stream was interrupted."""

    def __init__(self, private: PrivateClient) -> None:
        self._private = private
        self._known: dict[str, int] = {}

    def forget(self) -> None:
        """Something may have changed unseen."""
        self._known.clear()

    def on_update(self, event: ConfigUpdate) -> None:
        """The venue told of a change of leverage, by us or by somebody else."""
        if event.symbol is not None and event.leverage is not None and self._known.get(event.symbol) != event.leverage:
            self._known.pop(event.symbol, None)

    async def ensure(self, symbol: str, leverage: int) -> Refused | None:
        """Make it so. A refusal when the venue will not have it, or reads back something else.

        Raises:
            Transient: the venue cannot be asked now.
        """
        if self._known.get(symbol) == leverage:
            return None
        self._known.pop(symbol, None)
        try:
            settings = await self._private.symbol_settings(symbol)
            if settings.margin_type is not WANTED_MARGIN:
                await self._private.set_margin_type(symbol, WANTED_MARGIN)
            if settings.leverage != leverage:
                await self._private.set_leverage(symbol, leverage)
            if (settings.leverage, settings.margin_type) != (leverage, WANTED_MARGIN):
                settings = await self._private.symbol_settings(symbol)
        except Permanent as error:
            return Refused(RefusedReason.LEVERAGE_MISMATCH, f"{error.code}: {error}"[:300])
        if settings.margin_type is not WANTED_MARGIN:
            return Refused(RefusedReason.MARGIN_TYPE, f"wanted {WANTED_MARGIN}, the venue has {settings.margin_type}")
        if settings.leverage != leverage:
            return Refused(RefusedReason.LEVERAGE_MISMATCH, f"wanted {leverage}, the venue has {settings.leverage}")
        self._known[symbol] = leverage
        return None

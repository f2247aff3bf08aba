"""Closing single positions at a person's word: only the one that was meant, and only while the word is fresh."""

from services.executor.core import Core
from services.executor.exits import Exits
from services.executor.reconcile import Reconciler
from services.executor.resting import Resting
from shared.contracts.control import Alert, ControlCommand, Severity
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import ExitReason
from shared.domain.clock import Clock
from shared.domain.position import VenuePosition

LATEST_MS = 20_000
"""A message that was longer on its way (the bus was down, no executor was alive) is not what the person wants now."""


def late(meta: Meta, clock: Clock) -> bool:
    """Whether a command's message is too old to be carried out."""
    return clock.wall_ms() - meta.produced_ms > LATEST_MS


class Closing:
    """Takes the symbol's lock itself."""

    def __init__(self, core: Core, *, exits: Exits, resting: Resting, reconciler: Reconciler) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._book = core.book
        self._exits = exits
        self._resting = resting
        self._reconciler = reconciler

    async def asked(self, command: ControlCommand, symbol: str, meta: Meta) -> list[Outgoing]:
        """Close a symbol's position and cancel its entry. A refusal is told: the person must know that it is still open."""
        if late(meta, self._ctx.clock):
            return [self._refused(command, symbol, f"the command came after more than {LATEST_MS // 1000} s")]
        self._resting.cancel_all("close_position", symbol, command.position_id)
        seen = {position.symbol: position for position in await self._private.positions()}.get(symbol)
        if seen is None or await self.close(seen, ExitReason.MANUAL, command.author, command.position_id):
            return []
        return [self._refused(command, symbol, "another position is open now")]

    async def close(self, seen: VenuePosition, reason: ExitReason, author: str, position_id: str = "") -> bool:
        """Close one position as the venue has it now; False when it is not the one of that id ("" = whichever is open)."""
        async with self._book.lock(seen.symbol):
            record = self._book.records.get(seen.symbol)
            if record is None or record.direction is not seen.direction:
                record = await self._reconciler.adopt(seen, await self._private.open_orders(seen.symbol))
            if position_id not in {"", record.position_id}:
                return False
            await self._exits.now(record, seen.quantity, reason, f"asked by {author}")
            return True

    def _refused(self, command: ControlCommand, symbol: str, detail: str) -> Outgoing:
        self._ctx.log.warning("close_refused", symbol=symbol, author=command.author, command_id=command.command_id, detail=detail)
        params = {"symbol": symbol, "detail": detail}
        alert = Alert(severity=Severity.WARNING, code="close_refused", alert_id=command.command_id, params=params)
        return Outgoing(alert, ts_ms=self._ctx.clock.now_ms())

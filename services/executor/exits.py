"""Out of a position, at market, reduce-only: repeated until the venue shows that it is gone.

A reduce-only order can be sent again without harm: it never opens anything. So an unknown outcome is settled by reading the
position, not by asking for the order.
"""

import asyncio
from collections.abc import Mapping

from services.executor.book import Book
from services.executor.logic import announce
from services.executor.logic.record import Record
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import ExitReason, OrderEventKind
from shared.domain.errors import OrderRejected, OutcomeUnknown, Transient
from shared.domain.instrument import Instrument
from shared.domain.position import VenuePosition
from shared.domain.units import Qty
from shared.exchange.private import PrivateClient
from shared.risk import gate
from shared.risk.bracket import exit_request
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

TRIES = 8
PAUSE_S = 0.3


class Exits:
    """Closes positions. The caller holds the symbol's lock."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, outbox: Outbox) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._outbox = outbox
        self.instruments: Mapping[str, Instrument] = {}
        self._emergencies = ctx.metrics.counter("emergency_exits_total", "Positions closed because no stop could be placed")

    async def now(self, record: Record, quantity: Qty, reason: ExitReason, detail: str) -> bool:
        """Close; whether the venue shows the position gone. `quantity` is what is known to be open."""
        self._ctx.log.error("exit_now", symbol=record.symbol, reason=reason, detail=detail)
        await self._book.hint_exit(record.symbol, reason.value)
        if reason is ExitReason.EMERGENCY:
            self._emergencies.inc()
            self._outbox.put([self._alert("stop_impossible", record, detail)])
        for attempt in range(TRIES):
            await self._send(record, quantity, attempt)
            left = await self._left(record)
            if left is None:
                return True
            quantity = left
            await asyncio.sleep(PAUSE_S * (attempt + 1))
        self._outbox.put([self._alert("exit_incomplete", record, f"{quantity} is still open")])
        return False

    async def _send(self, record: Record, quantity: Qty, attempt: int) -> None:
        """One order, as large as the venue takes; what goes wrong shows when the position is read."""
        revision = record.revision + attempt
        request = exit_request(record.symbol, record.direction, self._largest(record.symbol, quantity), record.position_id, revision)
        approved = gate.protective(request, direction=record.direction, position_quantity=quantity, epoch=record.planned.epoch)
        if isinstance(approved, gate.Refused):
            raise TypeError(f"expected an approved exit, it was refused: {approved.detail}")
        try:
            order = await self._private.place(approved)
        except (OrderRejected, OutcomeUnknown, Transient) as error:
            self._ctx.log.warning("exit_not_sure", symbol=record.symbol, attempt=attempt, code=error.code, detail=str(error))
            await asyncio.sleep(getattr(error, "retry_after_s", 0.0))
            return
        self._outbox.put([announce.order_event(record, OrderEventKind.ACCEPTED, order, order.update_ms)])

    def _largest(self, symbol: str, quantity: Qty) -> Qty:
        instrument = self.instruments.get(symbol)
        return quantity if instrument is None else min(quantity, instrument.quantity(quantity, market=True) or quantity)

    async def _left(self, record: Record) -> Qty | None:
        """What is open in the record's direction; None when nothing is. Waits while the venue cannot be asked."""
        while True:
            try:
                seen = {p.symbol: p for p in await self._private.positions()}.get(record.symbol)
            except Transient as error:
                self._ctx.log.warning("exit_not_seen", symbol=record.symbol, detail=str(error))
                await asyncio.sleep(max(PAUSE_S, error.retry_after_s))
                continue
            return seen.quantity if _same(seen, record) and seen is not None else None

    def _alert(self, code: str, record: Record, detail: str) -> Outgoing:
        alert = Alert(
            severity=Severity.CRITICAL,
            code=code,
            alert_id=record.position_id,
            params={"symbol": record.symbol, "detail": detail[:200]},
            link=f"/d/{record.planned.decision_id}",
        )
        return Outgoing(alert, ts_ms=self._ctx.clock.now_ms(), decision_id=record.planned.decision_id)


def _same(seen: VenuePosition | None, record: Record) -> bool:
    """Whether the venue's position is still the record's side."""
    return seen is not None and seen.direction is record.direction

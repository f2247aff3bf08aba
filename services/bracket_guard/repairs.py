"""Carries out one repair at the venue and tells what was done."""

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.diff import Repair, RepairKind
from shared.contracts.bracket import BracketEvent, BracketEventKind
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg
from shared.domain.errors import OrderRejected, OutcomeUnknown
from shared.domain.order import OrderRequest, VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.private import PrivateClient
from shared.risk import gate
from shared.risk.bracket import exit_request, stop_request, target_request
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

WOULD_TRIGGER = -2021
ALREADY_THERE = (-4130, -4116)
TRIES = 3
GUARD_REVISION = 100
"""Revisions of the guard's own orders start here, so that their ids never meet the executor's."""

_EVENTS = {
    RepairKind.CANCEL_DUPLICATE: BracketEventKind.DUPLICATE_CANCELLED,
    RepairKind.CANCEL_ORPHAN: BracketEventKind.ORPHAN_CANCELLED,
}


class Repairs:
    """Places what is missing, cancels what is too much, and closes when no stop can be placed."""

    def __init__(self, ctx: Context, private: PrivateClient, outbox: Outbox) -> None:
        self._ctx = ctx
        self._private = private
        self._outbox = outbox
        self._failures: dict[str, int] = {}
        self._done = ctx.metrics.counter("repairs_total", "Repairs by kind", ("kind",))

    async def do(self, repair: Repair, position: VenuePosition | None, desired: Desired | None, naked_ms: int | None) -> bool:
        """Whether the repair is done; what failed is tried again at the next look."""
        if repair.order is not None:
            return await self._cancel(repair, repair.order, desired)
        if position is None or desired is None:
            return False
        if repair.kind is RepairKind.PLACE_TARGET:
            return await self._target(repair, position, desired)
        return await self._stop(repair, position, desired, naked_ms)

    async def _stop(self, repair: Repair, position: VenuePosition, desired: Desired, naked_ms: int | None) -> bool:
        if desired.stop_price is None:
            return False
        self._tell(BracketEventKind.MISSING, repair, desired, serial=str(self._failures.get(position.symbol, 0)))
        request = stop_request(position.symbol, position.direction, desired.stop_price, desired.position_id, GUARD_REVISION)
        try:
            order = await self._place(request, position, desired)
        except OrderRejected as error:
            if error.venue_code in ALREADY_THERE:
                return True
            return await self._stop_refused(position, desired, error)
        if order is None:
            return False
        self._failures.pop(position.symbol, None)
        self._done.labels(repair.kind.value).inc()
        self._tell(BracketEventKind.PLACED, repair, desired, order=order, duration_ms=naked_ms)
        return True

    async def _stop_refused(self, position: VenuePosition, desired: Desired, error: OrderRejected) -> bool:
        """The venue will not have the stop: beyond it → out now; otherwise out after a few tries."""
        tries = self._failures.get(position.symbol, 0) + 1
        self._failures[position.symbol] = tries
        self._ctx.log.error("stop_refused", symbol=position.symbol, tries=tries, detail=str(error))
        if error.venue_code != WOULD_TRIGGER and tries < TRIES:
            return False
        request = exit_request(position.symbol, position.direction, position.quantity, desired.position_id, GUARD_REVISION + tries)
        await self._place(request, position, desired)
        self._done.labels("emergency_exit").inc()
        event = BracketEvent(
            event=BracketEventKind.EMERGENCY_EXIT,
            symbol=position.symbol,
            position_id=desired.position_id,
            leg=Leg.EXIT,
            quantity=position.quantity,
            client_id=request.client_id,
            reason=str(error)[:200],
        )
        params = {"symbol": position.symbol, "detail": str(error)[:200]}
        alert = Alert(severity=Severity.CRITICAL, code="emergency_exit", alert_id=f"{desired.position_id}:{tries}", params=params)
        now = self._ctx.clock.now_ms()
        self._outbox.put([Outgoing(event, ts_ms=now), Outgoing(alert, ts_ms=now)])
        return True

    async def _target(self, repair: Repair, position: VenuePosition, desired: Desired) -> bool:
        if desired.target_price is None:
            return False
        request = target_request(position.symbol, position.direction, desired.target_price, desired.position_id, GUARD_REVISION)
        try:
            order = await self._place(request, position, desired)
        except OrderRejected as error:
            self._ctx.log.warning("target_refused", symbol=position.symbol, detail=str(error))
            return error.venue_code in ALREADY_THERE
        if order is None:
            return False
        self._done.labels(repair.kind.value).inc()
        self._tell(BracketEventKind.PLACED, repair, desired, order=order)
        return True

    async def _place(self, request: OrderRequest, position: VenuePosition, desired: Desired) -> VenueOrder | None:
        """One protective order; an unknown outcome is left to the next look, which reads the venue."""
        approved = gate.protective(request, direction=position.direction, position_quantity=position.quantity, epoch=desired.epoch)
        if isinstance(approved, gate.Refused):
            self._ctx.log.error("protective_refused", symbol=position.symbol, detail=approved.detail)
            return None
        try:
            return await self._private.place(approved)
        except OutcomeUnknown as error:
            self._ctx.log.warning("protective_outcome_unknown", symbol=position.symbol, detail=str(error))
            return None

    async def _cancel(self, repair: Repair, order: VenueOrder, desired: Desired | None) -> bool:
        await self._private.cancel(repair.symbol, order=order)
        self._done.labels(repair.kind.value).inc()
        self._tell(_EVENTS[repair.kind], repair, desired, order=order)
        return True

    def _tell(
        self,
        kind: BracketEventKind,
        repair: Repair,
        desired: Desired | None,
        *,
        order: VenueOrder | None = None,
        serial: str = "",
        duration_ms: int | None = None,
    ) -> None:
        event = BracketEvent(
            event=kind,
            symbol=repair.symbol,
            position_id="" if desired is None else desired.position_id,
            leg=repair.leg,
            client_id="" if order is None else order.client_id,
            trigger_price=None if order is None else order.trigger_price,
            serial=serial if order is None else str(order.order_id),
            duration_ms=duration_ms,
        )
        self._ctx.log.info("bracket", kind=kind.value, symbol=repair.symbol, leg=repair.leg.value, client_id=event.client_id)
        self._outbox.put([Outgoing(event, ts_ms=self._ctx.clock.now_ms())])

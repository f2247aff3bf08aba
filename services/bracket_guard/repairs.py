"""Carries out a job at the venue, step by step, and tells what was done."""

from dataclasses import dataclass, replace
from enum import StrEnum

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.jobs import Job, JobKind, Step
from services.bracket_guard.telling import Telling
from shared.contracts.bracket import BracketEvent, BracketEventKind
from shared.contracts.control import Severity
from shared.contracts.order import Leg
from shared.domain.errors import OrderRejected, OutcomeUnknown, Permanent, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import OrderRequest, VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.private import PrivateClient
from shared.risk import gate
from shared.runtime.context import Context

CHANGE_EVENTS = {
    JobKind.STOP_MISSING: BracketEventKind.PLACED,
    JobKind.STOP_WRONG: BracketEventKind.REPLACED,
    JobKind.TARGET_MISSING: BracketEventKind.PLACED,
    JobKind.TARGET_WRONG: BracketEventKind.REPLACED,
    JobKind.DUPLICATE: BracketEventKind.DUPLICATE_CANCELLED,
    JobKind.ORPHAN: BracketEventKind.ORPHAN_CANCELLED,
    JobKind.BEYOND_STOP: BracketEventKind.EMERGENCY_EXIT,
    JobKind.STOP_UNFILLED: BracketEventKind.EMERGENCY_EXIT,
}


class Result(StrEnum):
    """How a job ended.

    triggers = the venue would trigger the order at once; blocked = a closing order of this kind exists that we did not see;
    unknown = no usable answer, the next look tells.
    """

    DONE = "done"
    REFUSED = "refused"
    TRIGGERS = "triggers"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


_RESULTS = {"triggers_now": Result.TRIGGERS, "close_order_exists": Result.BLOCKED}


@dataclass(frozen=True, slots=True)
class Done:
    """Result with the order that was placed last (or cancelled), and the venue's words when it refused.

    `begun` = it failed after earlier steps had changed something at the venue.
    """

    result: Result
    order: VenueOrder | None = None
    detail: str = ""
    begun: bool = False

    @property
    def open(self) -> bool:
        """Only the next look tells what is in the book."""
        return self.result is Result.UNKNOWN or self.begun


class Repairs:
    """Places and cancels. A step that fails ends the job: what is there by then is found by the next look."""

    def __init__(self, ctx: Context, private: PrivateClient, telling: Telling) -> None:
        self._ctx = ctx
        self._private = private
        self._telling = telling
        self._done = ctx.metrics.counter("repairs_total", "Repairs by kind and result", ("kind", "result"))
        for kind in JobKind:
            self._done.labels(kind.value, Result.DONE.value)  # from zero on, so that the first one is an increase

    async def do(self, job: Job, position: VenuePosition | None, desired: Desired | None, instrument: Instrument | None) -> Done:
        """All steps of a job in order."""
        placed: dict[str, VenueOrder] = {}
        last: VenueOrder | None = None
        done = Done(Result.DONE)
        for number, step in enumerate(job.steps):
            try:
                last = await self._step(job, step, placed, position, desired, instrument)
            except OrderRejected as error:
                done = Done(_RESULTS.get(error.code, Result.REFUSED), detail=str(error))
            except (OutcomeUnknown, Transient) as error:
                done = Done(Result.UNKNOWN, detail=str(error))
            except Permanent as error:
                done = Done(Result.REFUSED, detail=str(error))
            if done.result is not Result.DONE:
                done = replace(done, begun=number > 0)
                self._ctx.log.warning("repair_failed", symbol=job.symbol, kind=job.kind.value, result=done.result.value, detail=done.detail)
                break
        else:
            done = Done(Result.DONE, _shown(job, placed) or last)
        self._done.labels(job.kind.value, done.result.value).inc()
        return done

    async def _step(
        self,
        job: Job,
        step: Step,
        placed: dict[str, VenueOrder],
        position: VenuePosition | None,
        desired: Desired | None,
        instrument: Instrument | None,
    ) -> VenueOrder | None:
        if step.request is not None:
            order = await self._place(step.request, position, desired, instrument)
            placed[step.request.client_id] = order
            return order
        order_or_none = step.order or placed.get(step.placed_id)
        if order_or_none is None:
            return None
        await self._private.cancel(job.symbol, order=order_or_none)
        return order_or_none

    async def _place(
        self, request: OrderRequest, position: VenuePosition | None, desired: Desired | None, instrument: Instrument | None
    ) -> VenueOrder:
        if position is None or desired is None:
            raise OrderRejected(f"{request.client_id} protects no position", code="no_position", venue_code=0)
        if request.quantity is not None and instrument is not None and not request.type.conditional:
            request = replace(request, quantity=instrument.quantity(request.quantity, market=True))
        approved = gate.protective(request, direction=position.direction, position_quantity=position.quantity, epoch=desired.epoch)
        if isinstance(approved, gate.Refused):
            raise OrderRejected(f"{request.client_id}: {approved.detail}", code=approved.reason.value, venue_code=0)
        return await self._private.place(approved)

    def tell(self, job: Job, done: Done, desired: Desired | None, reason: str = "") -> None:
        """A job that is done; an exit is an alert, too."""
        order = done.order
        event = BracketEvent(
            event=CHANGE_EVENTS[job.kind],
            symbol=job.symbol,
            position_id="" if desired is None else desired.position_id,
            leg=job.leg,
            client_id="" if order is None else order.client_id,
            trigger_price=None if order is None else order.trigger_price,
            previous_price=job.previous,
            quantity=None if job.leg is not Leg.EXIT or order is None else order.quantity,
            reason=(reason or job.kind.value)[:200],
            serial="" if order is None else str(order.order_id),
        )
        self._telling.event(event)
        if job.leg is Leg.EXIT:
            name = f"{event.position_id}:{event.serial}"
            self._telling.alert(Severity.CRITICAL, "emergency_exit", name, symbol=job.symbol, detail=event.reason)


def _shown(job: Job, placed: dict[str, VenueOrder]) -> VenueOrder | None:
    """The order that stays: not the bridge that was taken away again."""
    gone = {step.placed_id for step in job.steps if step.placed_id}
    kept = [order for name, order in placed.items() if name not in gone]
    return kept[-1] if kept else None

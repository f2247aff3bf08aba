"""The initial bracket: stop and target on the venue right after the first fill, or the position is closed."""

import asyncio
from dataclasses import replace

from services.executor.book import Book
from services.executor.exits import Exits
from services.executor.logic import announce
from services.executor.logic.record import Record
from shared.contracts.order import ExitReason, Leg, OrderEventKind
from shared.domain.errors import MrasterError, OrderRejected, OutcomeUnknown, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import OrderRequest, OrderStatus, VenueOrder
from shared.domain.units import Price, Qty
from shared.exchange.private import PrivateClient
from shared.risk import gate
from shared.risk.bracket import bracket_prices, initial_risk, stop_request, target_request
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

TRIES = 3
PAUSE_S = 0.5
MOST_S = 5.0
TRIGGERS_NOW = "triggers_now"
ALREADY_THERE = {"close_order_exists", "duplicate_client_id"}
_OVER = {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.EXPIRED_IN_MATCH, OrderStatus.REJECTED}


class StopImpossible(Exception):
    """The venue takes no stop for this position: it must be closed."""


class Protection:
    """Places brackets and, when a stop cannot be placed, exits."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, exits: Exits, outbox: Outbox) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._exits = exits
        self._outbox = outbox
        self._placed_s = ctx.metrics.histogram("stop_placed_seconds", "From the fill's answer to the resting stop")

    async def bracket(self, record: Record, instrument: Instrument, entry: Price, quantity: Qty) -> None:
        """Anchor stop and target to the average fill and place both.

        The stop closes the whole position whatever its size, so it follows later fills by itself. Safe to repeat.
        """
        planned = record.planned
        if planned.stop_distance is None or planned.target_distance is None:
            raise ValueError(f"position {record.position_id} has no planned distances")
        prices = bracket_prices(instrument, record.direction, entry, planned.stop_distance, planned.target_distance)
        record = replace(
            self._book.of(record.position_id, record.symbol) or record,
            stop_price=prices.stop,
            target_price=prices.target,
            initial_risk=initial_risk(entry, prices.stop, quantity),
        )
        bracket = self._book.bracket(record.symbol)
        bracket.pending = True
        started = self._ctx.clock.monotonic_s()
        stop = stop_request(record.symbol, record.direction, prices.stop, record.position_id, 0)
        target = target_request(record.symbol, record.direction, prices.target, record.position_id, 0)
        try:
            # the record is written beside the orders: a slow store must not hold up the stop
            await asyncio.gather(self._book.put(record), self.stop(record, stop, quantity), self.target(record, target, quantity))
            self._placed_s.observe(self._ctx.clock.monotonic_s() - started)
        except StopImpossible as reason:
            await self._exits.now(record, quantity, ExitReason.EMERGENCY, str(reason))
        finally:
            bracket.pending = False
            bracket.checked_ms = self._ctx.clock.now_ms()

    async def stop(self, record: Record, request: OrderRequest, quantity: Qty) -> None:
        """The stop, in a few tries.

        Raises:
            StopImpossible: the venue does not take it.
        """
        last = ""
        end_s = self._ctx.clock.monotonic_s() + MOST_S
        for attempt in range(1, TRIES + 1):
            try:
                await self.place(record, Leg.STOP, request, quantity)
            except OrderRejected as error:
                if error.code in ALREADY_THERE:
                    return
                if error.code == TRIGGERS_NOW:
                    raise StopImpossible("the price is already beyond the stop") from error
                last = str(error)
            except Transient as error:
                last = str(error)
            else:
                return
            self._ctx.log.warning("stop_not_placed", symbol=record.symbol, attempt=attempt, detail=last)
            if self._ctx.clock.monotonic_s() > end_s:
                break
            await asyncio.sleep(PAUSE_S * attempt)
        raise StopImpossible(last)

    async def target(self, record: Record, request: OrderRequest, quantity: Qty) -> None:
        """The target: without it the position is still protected, so a failure is left to the guard."""
        try:
            await self.place(record, Leg.TARGET, request, quantity)
        except (MrasterError, StopImpossible) as error:
            self._ctx.log.warning("target_not_placed", symbol=record.symbol, detail=str(error))

    async def place(self, record: Record, leg: Leg, request: OrderRequest, quantity: Qty) -> VenueOrder:
        """One protective order, once; it is remembered as the leg of the position's bracket.

        Raises:
            StopImpossible: it would not reduce the position.
            OrderRejected: another order rests under its name ("duplicate_client_id").
            Transient: the order that has its name is over, or there is none.
        """
        approved = gate.protective(request, direction=record.direction, position_quantity=quantity, epoch=record.planned.epoch)
        if isinstance(approved, gate.Refused):
            raise StopImpossible(approved.detail)
        try:
            order: VenueOrder | None = await self._private.place(approved)
        except OutcomeUnknown as error:
            # the venue holds only one closing stop of a side, so placing it again after a look is safe
            self._ctx.log.warning("protective_outcome_unknown", symbol=record.symbol, leg=leg, detail=str(error))
            order = await self._private.query_order(record.symbol, request.client_id, conditional=request.type.conditional)
        if order is None or order.status in _OVER:
            found = "does not know it" if order is None else f"has it as {order.status}"
            raise Transient(f"expected {request.client_id} to rest, the venue {found}", code="not_executed")
        self._book.bracket(record.symbol).orders[leg] = order
        if not _same(order, request):
            said = f"{request.client_id} rests already at {order.trigger_price} for {order.quantity}, wanted {request.trigger_price}"
            raise OrderRejected(f"{said} for {request.quantity or 'all'}", venue_code=0, code="duplicate_client_id")
        self._outbox.put([announce.order_event(record, OrderEventKind.ACCEPTED, order, order.update_ms)])
        return order


def _same(order: VenueOrder, request: OrderRequest) -> bool:
    """Whether the venue's order is the one that was asked for: an adopted one may be of an earlier life, at another price."""
    priced = order.trigger_price is None or order.trigger_price == request.trigger_price
    return priced and (request.quantity is None or order.quantity == request.quantity)

"""What follows an entry's answer: nothing, a resting order, or a position that is protected and booked."""

import asyncio
from dataclasses import replace

from services.executor.anchoring import Anchoring
from services.executor.core import Core
from services.executor.doubt import ASK_FIRST_S, Doubt
from services.executor.fills import Fills
from services.executor.logic.entry_events import entry_event, opening_record, outgoing, venue_event
from services.executor.logic.intent import Intent, Outcome, Step, advance, tell
from services.executor.logic.record import Record
from services.executor.protection import Protection
from services.executor.steps import Moment, Steps
from shared.contracts.envelope import Outgoing
from shared.contracts.order import OrderEvent, OrderEventKind
from shared.domain.errors import StoreUnavailable
from shared.domain.instrument import Instrument
from shared.domain.order import VenueOrder
from shared.domain.units import Price, Qty

FILL_WAIT_S = 1.0


class Opening:
    """Takes an intent from an answer of the venue to its end. The caller holds the symbol's lock."""

    def __init__(self, core: Core, *, guarding: tuple[Protection, Anchoring], fills: Fills, doubt: Doubt, steps: Steps) -> None:
        self._ctx = core.ctx
        self._intents = core.intents
        self._book = core.book
        self._protection, self._anchoring = guarding
        self._fills = fills
        self._doubt = doubt
        self._steps = steps
        self.instruments: dict[str, Instrument] = {}
        self._outcomes = core.ctx.metrics.counter("entries_total", "Entry plans by outcome", ("outcome",))

    async def resume(self, intent: Intent) -> list[Outgoing]:
        """Continue an intent by asking the venue; what was never sent is given up, what may have been is never sent again."""
        if intent.step is Step.DONE:
            return outgoing(intent)
        if intent.step is Step.RESERVED:
            return await self.undo(
                intent, entry_event(intent, OrderEventKind.REFUSED, reason="restart", detail="never sent"), Outcome.REFUSED
            )
        order = await self._doubt.settle(intent)
        if order is None:
            absent = entry_event(intent, OrderEventKind.RESOLVED, reason="absent", detail="the venue never had it")
            return await self.undo(intent, absent, Outcome.NOT_EXECUTED)
        if intent.step is Step.SENT:
            intent = tell(intent, venue_event(intent, OrderEventKind.RESOLVED, order, reason="found"), order.update_ms)
        return await self.answered(intent, order, again=True)

    async def answered(self, intent: Intent, order: VenueOrder, *, again: bool = False, reason: str = "") -> list[Outgoing]:
        """Act on what the venue says about the entry. `again`: it may have been acted on before, by an earlier life or call.

        `reason` is why we cancelled it, if we did.
        """
        intent = replace(intent, order_id=order.order_id)
        intent = tell(intent, venue_event(intent, OrderEventKind.ACCEPTED, order), order.update_ms)
        if order.filled > 0 and order.average_price is not None:
            intent = await self._protect(intent, order, again=again)
        if order.status.open and intent.limit_price is not None:
            return outgoing(await self._rest(intent))
        protected = order.filled
        while order.status.open:
            await asyncio.sleep(ASK_FIRST_S)
            order = await self._doubt.settle(intent) or order
        if order.filled > protected:
            intent = await self._protect(intent, order, again=True)
        if order.filled <= 0:
            why = reason or order.status.value.lower()
            ended = venue_event(intent, OrderEventKind.CANCELLED, order, reason=why)
            return await self.undo(intent, ended, Outcome.NOT_EXECUTED)
        if order.filled < intent.quantity:
            intent = tell(intent, venue_event(intent, OrderEventKind.CANCELLED, order, reason=reason or "rest"), order.update_ms)
        return await self._opened(intent, order)

    async def _rest(self, intent: Intent) -> Intent:
        """It waits in the book: the resting entries are looked after elsewhere."""
        if intent.step is Step.SENT:
            intent = advance(intent, Step.RESTING)
        return await self._intents.write(intent)

    async def _protect(self, intent: Intent, order: VenueOrder, *, again: bool) -> Intent:
        """Something was bought: a durable note, then the bracket at once."""
        step = Step.RESTING if intent.limit_price is not None and order.status.open else Step.FILLED
        if intent.step is not step:
            intent = await self._note(advance(intent, step))
        await self._steps(Moment.AFTER_ANSWER, intent.symbol)
        record = self._book.of(intent.intent_id, intent.symbol)
        if again:
            record = await self._caught_up(intent, record, order)
            if record is None:
                return intent
        record = replace(record or opening_record(intent), entry_order_id=order.order_id)
        entry, filled = Price(order.average_price or intent.price), Qty(order.filled)
        place = self._protection.bracket if record.stop_price is None else self._anchoring.follow
        await place(record, self.instruments[intent.symbol], entry, filled)
        return intent

    async def _note(self, intent: Intent) -> Intent:
        """Write a step, unless the store is away: protection does not wait for it, and the venue can be asked again."""
        try:
            return await self._intents.write(intent)
        except StoreUnavailable as error:
            self._ctx.log.warning("step_not_stored", intent=intent.intent_id, step=intent.step, detail=str(error))
            return intent

    async def _caught_up(self, intent: Intent, record: Record | None, order: VenueOrder) -> Record | None:
        """The record with all executions; None when the position has ended meanwhile.

        Where the bracket stands and the user stream has brought every fill of the entry, nothing is read.
        """
        if record is not None and record.stop_price is not None and record.entry_quantity >= order.filled:
            return record
        if record is None:
            record = opening_record(intent)
            await self._book.put(record)
        elif record.entry_order_id is None:
            await self._book.put(replace(record, entry_order_id=intent.order_id))
        await self._fills.book(self._book.records[intent.symbol])
        return self._book.of(intent.intent_id, intent.symbol)

    async def _opened(self, intent: Intent, order: VenueOrder) -> list[Outgoing]:
        """Wait for the executions to be booked, then the entry is done."""
        record = self._book.of(intent.intent_id, intent.symbol)
        if record is not None and not await self._book.wait_for_fills(record, order.filled, FILL_WAIT_S):
            await self._fills.book(record)
        if self._book.of(intent.intent_id, intent.symbol) is not None:
            await self._book.announce_change(intent.symbol, order.update_ms)
        intent = await self._intents.finish(intent, Outcome.OPENED)
        self._outcomes.labels(Outcome.OPENED.value).inc()
        return outgoing(intent)

    async def undo(self, intent: Intent, event: OrderEvent, outcome: Outcome) -> list[Outgoing]:
        """Nothing was opened: the last event, the exposure is free again, the record is forgotten."""
        record = self._book.of(intent.intent_id, intent.symbol)
        if record is not None and not record.fills:
            await self._book.drop(intent.symbol)
        intent = await self._intents.finish(tell(intent, event), outcome)
        self._outcomes.labels(outcome.value).inc()
        await self._ctx.state.exposure_release(intent.intent_id)
        return outgoing(intent)

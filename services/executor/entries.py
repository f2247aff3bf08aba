"""From a plan to a protected position: write the intent, send once, ask on doubt.

Steps (labels of the kill matrix): before the intent, after it, after the send, after the answer, before publish.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.executor.book import Book
from services.executor.doubt import Doubt
from services.executor.exposure import exposure_caps
from services.executor.logic import announce
from services.executor.logic import sizing as planned_size
from services.executor.logic.documents import decimal_of, intent_document, intent_from
from services.executor.logic.intent import Intent, Outcome, Step, advance
from services.executor.logic.record import Phase, Planned, Record
from services.executor.protection import Protection
from services.executor.truth import Margins, Truth, read
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import Leg, OrderEvent, OrderEventKind, SizingReport
from shared.contracts.plan import Plan, Verdict
from shared.domain.control import TradingState
from shared.domain.errors import OrderRejected, OutcomeUnknown, RateLimited, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import OrderRequest, OrderType, VenueOrder, client_id
from shared.domain.units import Price, Qty, Ratio, to_micro
from shared.exchange.private import PrivateClient
from shared.risk import gate
from shared.risk.gate import RefusedReason
from shared.risk.sizing import Sized, SizingInput, TooSmall, size
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

FILL_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Sized:
    """A size with where it came from."""

    sized: Sized
    given: SizingInput
    report: SizingReport


class Entries:
    """Handles plans; each step is durable before the next."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, protection: Protection, outbox: Outbox) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._protection = protection
        self._outbox = outbox
        self._doubt = Doubt(ctx, private)
        self.margins = Margins()
        self.instruments: dict[str, Instrument] = {}
        self._leverage: dict[str, int] = {}
        self._outcomes = ctx.metrics.counter("entries_total", "Entry plans by outcome", ("outcome",))
        self._latency = ctx.metrics.histogram("candle_to_order_seconds", "From the candle's close (venue time) to the accepted entry")

    async def on_plan(self, plan: Plan, meta: Meta) -> list[Outgoing]:
        """Trade a TAKE, once. Returns the events of this step."""
        if plan.verdict is not Verdict.TAKE:
            return []
        async with self._book.lock(plan.symbol):
            known = await self._ctx.state.get(self._ctx.keys.intents, meta.decision_id)
            if known is not None:
                return await self.resume(intent_from(known))
            return await self._enter(plan, meta)

    async def unfinished(self) -> list[Intent]:
        """Intents of an earlier life that have no outcome yet."""
        documents = await self._ctx.state.get_all(self._ctx.keys.intents)
        intents = [intent_from(document) for document in documents.values()]
        return [intent for intent in intents if intent.step is not Step.DONE]

    # --- a new plan --------------------------------------------------------------------------------------------------

    async def _enter(self, plan: Plan, meta: Meta) -> list[Outgoing]:
        early = await self._early_refusal(plan, meta)
        if early is not None:
            return self._refused(plan, meta, early)
        instrument = self.instruments[plan.symbol]
        truth = await read(self._private, plan.symbol)
        for order in truth.leftovers(plan.symbol):
            await self._private.cancel(plan.symbol, order=order)
        outcome = await self._size(plan, instrument, truth)
        if isinstance(outcome, gate.Refused):
            return self._refused(plan, meta, outcome)
        intent = await self._reserve(plan, meta, outcome, truth)
        if isinstance(intent, gate.Refused):
            return self._refused(plan, meta, intent)
        opened = [self._event(intent, OrderEventKind.INTENT, sizing=outcome.report)]
        refusal = await self._leverage_refusal(intent)
        if refusal is not None:
            await self._finish(intent, Outcome.REFUSED)
            return [*opened, *self._refused(plan, meta, refusal)]
        return [*opened, *await self._send(intent, outcome.sized, plan.valid_until_ms, meta)]

    async def _early_refusal(self, plan: Plan, meta: Meta) -> gate.Refused | None:
        """Reasons that need no request to the venue."""
        if plan.symbol not in self.instruments:
            return gate.Refused(RefusedReason.NOT_TRADING, f"{plan.symbol} is not listed")
        if self._ctx.clock.now_ms() > plan.valid_until_ms:
            return gate.Refused(RefusedReason.STALE_PLAN, f"{self._ctx.clock.now_ms() - plan.valid_until_ms} ms late")
        control = await self._ctx.state.control()
        if control is None or control.state is not TradingState.RUNNING:
            return gate.Refused(RefusedReason.NOT_RUNNING, f"trading is {control.state if control else 'unknown'}")
        if control.epoch != meta.epoch:
            return gate.Refused(RefusedReason.OLD_EPOCH, f"plan of epoch {meta.epoch}, now {control.epoch}")
        return None

    async def _size(self, plan: Plan, instrument: Instrument, truth: Truth) -> "_Sized | gate.Refused":
        risk = self._ctx.settings.risk
        if plan.symbol in truth.positions:
            return gate.Refused(RefusedReason.ALREADY_OPEN, f"{truth.positions[plan.symbol].amount} is open")
        if risk.max_open_global and len(truth.positions) >= risk.max_open_global:
            return gate.Refused(RefusedReason.MAX_OPEN, f"{len(truth.positions)} of {risk.max_open_global} positions are open")
        if truth.account.equity <= 0:
            return gate.Refused(RefusedReason.EQUITY_UNKNOWN, f"equity is {truth.account.equity}")
        reservations = await self._ctx.state.exposure_entries()
        leverage = planned_size.wanted_leverage(risk, plan, self.margins.highest_leverage(plan.symbol))
        maintenance = self.margins.maintenance_ratio(plan.symbol)
        given = planned_size.sizing_input(plan, instrument, truth.account.equity, reservations, leverage=leverage, maintenance=maintenance)
        near = planned_size.stop_refusal(given)
        if near is not None:
            return near
        sized = size(given, planned_size.limits_of(risk))
        if isinstance(sized, TooSmall):
            bound = next((c.cap.value for c in sized.caps if c.bound), "risk")
            return gate.Refused(RefusedReason.MIN_NOTIONAL, f"{sized.quantity} after {bound}, the least is {sized.least}")
        return _Sized(sized, given, planned_size.report(sized, given, Ratio(risk.per_trade)))

    async def _reserve(self, plan: Plan, meta: Meta, outcome: "_Sized", truth: Truth) -> Intent | gate.Refused:
        """Exposure in one atomic step, then the durable intent."""
        sized = outcome.sized
        answer = await self._ctx.state.exposure_reserve(
            meta.decision_id,
            plan.symbol,
            margin_uusd=to_micro(sized.margin),
            risk_uusd=to_micro(sized.risk),
            caps=exposure_caps(self._ctx.settings.risk, truth.account.equity),
        )
        if not answer.granted:
            return gate.Refused(_CAP_REASONS.get(answer.cap or "", RefusedReason.RISK_CAP), f"cap {answer.cap}")
        intent = Intent(
            intent_id=meta.decision_id,
            symbol=plan.symbol,
            direction=plan.direction,
            client_id=client_id(meta.decision_id, "e"),
            quantity=sized.quantity,
            price=outcome.given.price,
            stop_distance=decimal_of(plan.stop_distance),
            target_distance=decimal_of(plan.target_distance),
            risk=sized.risk,
            leverage=outcome.given.leverage,
            setup=plan.setup.value,
            interval=plan.interval,
            edge_r=plan.edge_r,
            decision_id=meta.decision_id,
            cause_id=meta.id,
            epoch=meta.epoch,
            created_ms=meta.ts_ms,
        )
        await self._write(intent)
        return intent

    async def _leverage_refusal(self, intent: Intent) -> gate.Refused | None:
        """Set the leverage and believe only what is read back."""
        if self._leverage.get(intent.symbol) == intent.leverage:
            return None
        await self._private.set_leverage(intent.symbol, intent.leverage)
        settings = await self._private.symbol_settings(intent.symbol)
        if settings.leverage != intent.leverage:
            return gate.Refused(RefusedReason.LEVERAGE_MISMATCH, f"wanted {intent.leverage}, the venue has {settings.leverage}")
        self._leverage[intent.symbol] = intent.leverage
        return None

    async def _send(self, intent: Intent, sized: Sized, valid_until_ms: int, meta: Meta) -> list[Outgoing]:
        """The one send. Epoch, state and lease are read between the durable step and the request."""
        request = OrderRequest(
            symbol=intent.symbol,
            side=intent.direction.entry_side,
            type=OrderType.MARKET,
            client_id=intent.client_id,
            quantity=intent.quantity,
        )
        record = _record(intent)
        await self._book.put(record)
        intent = await self._write(advance(intent, Step.SENT, sent_wall_ms=self._ctx.clock.wall_ms()))
        approved = await self._approve(request, sized, intent, valid_until_ms)
        if isinstance(approved, gate.Refused):
            return await self._undo(intent, OrderEventKind.REFUSED, Outcome.REFUSED, approved.reason.value, approved.detail)
        events = [self._event(intent, OrderEventKind.SUBMITTED)]
        try:
            order = await self._private.place(approved)
        except OrderRejected as error:
            refused = await self._undo(
                intent, OrderEventKind.REJECTED, Outcome.REJECTED, error.code, str(error), venue_code=error.venue_code
            )
            return [*events, *refused]
        except RateLimited as error:
            return [*events, *await self._undo(intent, OrderEventKind.REFUSED, Outcome.REFUSED, error.code, str(error))]
        except (OutcomeUnknown, Transient) as error:
            self._outbox.put([*events, self._event(intent, OrderEventKind.UNKNOWN, reason=error.code, detail=str(error))])
            return await self.resume(intent)
        self._latency.observe(max(0.0, (self._ctx.clock.now_ms() - meta.ts_ms) / 1000))
        return [*events, *await self._opened(intent, order)]

    async def _approve(self, request: OrderRequest, sized: Sized, intent: Intent, valid_until_ms: int) -> gate.Approved | gate.Refused:
        control = await self._ctx.state.control()
        if control is None or not self._ctx.holds_lease():
            return gate.Refused(RefusedReason.STATE_UNKNOWN, "trading state or the executor's lease is not certain")
        context = gate.EntryContext(
            state=control.state,
            epoch=control.epoch,
            plan_epoch=intent.epoch,
            now_ms=self._ctx.clock.now_ms(),
            valid_until_ms=valid_until_ms,
            instrument_trading=self.instruments[intent.symbol].trading,
        )
        return gate.entry(request, sized, context)

    # --- the answer --------------------------------------------------------------------------------------------------

    async def resume(self, intent: Intent) -> list[Outgoing]:
        """Continue an intent by asking the venue; what was never sent is given up, what may have been is never sent again."""
        if intent.step is Step.DONE:
            return []
        if intent.step is Step.RESERVED:
            return await self._undo(intent, OrderEventKind.REFUSED, Outcome.REFUSED, "restart", "the process ended before the send")
        order = await self._doubt.settle(intent)
        if order is None:
            return await self._undo(intent, OrderEventKind.RESOLVED, Outcome.NOT_EXECUTED, "absent", "the venue never had it")
        return [self._event(intent, OrderEventKind.RESOLVED, reason="found"), *await self._opened(intent, order)]

    async def _opened(self, intent: Intent, order: VenueOrder) -> list[Outgoing]:
        """Protect what was filled, then wait for the fills to be booked."""
        record = self._book.records.get(intent.symbol) or _record(intent)
        events = [announce.order_event(record, OrderEventKind.ACCEPTED, order, order.update_ms)]
        if order.filled <= 0 or order.average_price is None:
            reason = f"the venue answered {order.status} without a fill"
            return [*events, *await self._undo(intent, OrderEventKind.CANCELLED, Outcome.NOT_EXECUTED, order.status.value, reason)]
        if intent.step is Step.SENT:
            intent = await self._write(advance(intent, Step.FILLED))
        instrument = self.instruments[intent.symbol]
        record = await self._protection.bracket(record, instrument, Price(order.average_price), Qty(order.filled))
        if not await self._book.wait_for_fills(record, order.filled, FILL_WAIT_S):
            await self.book_fills(record)
        await self._book.announce_change(intent.symbol, order.update_ms)
        await self._finish(intent, Outcome.OPENED)
        return events

    async def book_fills(self, record: Record) -> None:
        """Read a position's executions and book those that the user stream did not bring."""
        for fill in await self._private.user_trades(record.symbol, start_ms=record.opened_ms - 1000):
            named = replace(fill, client_id=fill.client_id or await self._doubt.owner_of(record, fill))
            await self._book.fill(named)

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _undo(
        self, intent: Intent, kind: OrderEventKind, outcome: Outcome, reason: str, detail: str, *, venue_code: int | None = None
    ) -> list[Outgoing]:
        """Nothing was opened: free the exposure, forget the record."""
        record = self._book.records.get(intent.symbol)
        if record is not None and record.position_id == intent.intent_id and not record.fills:
            await self._book.drop(intent.symbol)
        await self._finish(intent, outcome)
        await self._ctx.state.exposure_release(intent.intent_id)
        return [self._event(intent, kind, reason=reason, detail=detail, venue_code=venue_code)]

    async def _finish(self, intent: Intent, outcome: Outcome) -> None:
        self._outcomes.labels(outcome.value).inc()
        await self._write(advance(intent, Step.DONE, outcome=outcome))

    async def _write(self, intent: Intent) -> Intent:
        await self._ctx.state.put(self._ctx.keys.intents, intent.intent_id, intent_document(intent))
        return intent

    def _refused(self, plan: Plan, meta: Meta, refused: gate.Refused) -> list[Outgoing]:
        """A refusal is an event."""
        self._outcomes.labels("refused").inc()
        event = OrderEvent(
            event=OrderEventKind.REFUSED,
            symbol=plan.symbol,
            intent_id=meta.decision_id,
            leg=Leg.ENTRY,
            client_id=client_id(meta.decision_id, "e"),
            side=plan.direction.entry_side,
            reason=refused.reason.value,
            detail=refused.detail,
        )
        return [Outgoing(event, ts_ms=meta.ts_ms)]

    def _event(
        self,
        intent: Intent,
        kind: OrderEventKind,
        *,
        reason: str = "",
        detail: str = "",
        venue_code: int | None = None,
        sizing: SizingReport | None = None,
    ) -> Outgoing:
        event = OrderEvent(
            event=kind,
            symbol=intent.symbol,
            intent_id=intent.intent_id,
            leg=Leg.ENTRY,
            client_id=intent.client_id,
            side=intent.direction.entry_side,
            type=OrderType.MARKET,
            quantity=intent.quantity,
            reason=reason,
            detail=detail[:300],
            venue_code=venue_code,
            sizing=sizing,
        )
        return Outgoing(event, ts_ms=intent.created_ms, decision_id=intent.decision_id, cause_id=intent.cause_id, epoch=intent.epoch)


_CAP_REASONS = {
    "margin": RefusedReason.MARGIN_CAP,
    "risk": RefusedReason.RISK_CAP,
    "max_open": RefusedReason.MAX_OPEN,
    "max_per_symbol": RefusedReason.ALREADY_OPEN,
}


def _record(intent: Intent) -> Record:
    """The record of a position that is about to be opened."""
    return Record(
        position_id=intent.intent_id,
        symbol=intent.symbol,
        direction=intent.direction,
        phase=Phase.OPENING,
        opened_ms=intent.created_ms,
        leverage=intent.leverage,
        planned=Planned(
            setup=intent.setup,
            interval=intent.interval,
            stop_distance=Decimal(intent.stop_distance),
            target_distance=Decimal(intent.target_distance),
            edge_r=intent.edge_r,
            decision_id=intent.decision_id,
            epoch=intent.epoch,
        ),
    )

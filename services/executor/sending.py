"""The one send of an entry: a permission that turns the intent into "sent", the request, and what its answer means."""

import asyncio

from services.executor.core import Core
from services.executor.doubt import SEND_WITHIN_S
from services.executor.logic.entry_events import entry_event, opening_record, outgoing
from services.executor.logic.intent import Intent, Outcome, tell
from services.executor.opening import Opening
from services.executor.steps import Moment, Steps
from shared.contracts.envelope import Outgoing
from shared.contracts.order import OrderEventKind
from shared.domain.control import TradingState
from shared.domain.errors import ContractViolation, OrderRejected, OutcomeUnknown, Permanent, RateLimited, Transient
from shared.domain.order import OrderRequest, TimeInForce
from shared.exchange.http import NOT_SENT_IN_TIME
from shared.risk import gate
from shared.risk.gate import Refused, RefusedReason
from shared.risk.sizing import Sized
from shared.state.port import Permit

_REASONS = {
    Permit.UNSET: RefusedReason.STATE_UNKNOWN,
    Permit.NOT_RUNNING: RefusedReason.NOT_RUNNING,
    Permit.OLD_EPOCH: RefusedReason.OLD_EPOCH,
    Permit.FENCED: RefusedReason.FENCED,
    Permit.CHANGED: RefusedReason.FENCED,
}


class Sending:
    """Sends each intent at most once. The caller holds the symbol's lock."""

    def __init__(self, core: Core, *, opening: Opening, steps: Steps) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._book = core.book
        self._intents = core.intents
        self._opening = opening
        self._outbox = core.outbox
        self.steps = steps
        self._latency = core.ctx.metrics.histogram("candle_to_order_seconds", "From the candle's close (venue time) to the accepted entry")

    async def send(self, intent: Intent, sized: Sized) -> list[Outgoing]:
        """Permission, request, answer. The permission is void after `SEND_WITHIN_S`, also for a process that stood still."""
        asked_s = self._ctx.clock.monotonic_s()
        # the record is in memory at once, for fills that come; after a crash it is made from the intent again
        (permit, intent), _ = await asyncio.gather(self._intents.permit(intent), self._book.put(opening_record(intent)))
        if permit is not Permit.OK:
            return await self._refuse(intent, Refused(_REASONS[permit], f"the last question before the send was answered: {permit}"))
        expires_s = min(asked_s + SEND_WITHIN_S, self._ctx.lease_deadline_s)
        approved = gate.entry(_request(intent), sized, self._context(intent, expires_s))
        if isinstance(approved, Refused):
            return await self._refuse(intent, approved)
        await self.steps(Moment.BEFORE_SEND, intent.symbol)
        return await self._place(intent, approved)

    async def _place(self, intent: Intent, approved: gate.Approved) -> list[Outgoing]:
        """The request itself. Each error says whether the venue may have the order."""
        try:
            order = await self._private.place(approved)
        except (OutcomeUnknown, ContractViolation) as error:
            return await self._ask(intent, error)
        except Permanent as error:
            return await self._rejected(intent, error)
        except Transient as error:
            surely_not = isinstance(error, RateLimited) or error.code == NOT_SENT_IN_TIME
            return await (self._unsent(intent, error) if surely_not else self._ask(intent, error))
        await self.steps(Moment.AFTER_SEND, intent.symbol)
        self._latency.observe(max(0.0, (self._ctx.clock.now_ms() - intent.created_ms) / 1000))
        return await self._opening.answered(intent, order)

    async def _ask(self, intent: Intent, error: OutcomeUnknown | ContractViolation | Transient) -> list[Outgoing]:
        """Nobody knows what became of it: tell so, and find out."""
        await self.steps(Moment.AFTER_SEND, intent.symbol)
        intent = tell(intent, entry_event(intent, OrderEventKind.UNKNOWN, reason=error.code, detail=str(error)))
        self._outbox.put(outgoing(intent))
        return await self._opening.resume(intent)

    async def _rejected(self, intent: Intent, error: Permanent) -> list[Outgoing]:
        venue_code = error.venue_code if isinstance(error, OrderRejected) else None
        event = entry_event(intent, OrderEventKind.REJECTED, reason=error.code, detail=str(error), venue_code=venue_code)
        return await self._opening.undo(intent, event, Outcome.REJECTED)

    async def _unsent(self, intent: Intent, error: Transient) -> list[Outgoing]:
        """It never left, or was turned away unread."""
        event = entry_event(intent, OrderEventKind.REFUSED, reason=error.code, detail=str(error))
        return await self._opening.undo(intent, event, Outcome.REFUSED)

    async def _refuse(self, intent: Intent, refused: Refused) -> list[Outgoing]:
        event = entry_event(intent, OrderEventKind.REFUSED, reason=refused.reason.value, detail=refused.detail)
        return await self._opening.undo(intent, event, Outcome.REFUSED)

    def _context(self, intent: Intent, expires_s: float) -> gate.EntryContext:
        """State and epoch are those that the permission was given for."""
        return gate.EntryContext(
            state=TradingState.RUNNING,
            epoch=intent.epoch,
            plan_epoch=intent.epoch,
            now_ms=self._ctx.clock.now_ms(),
            valid_until_ms=intent.valid_until_ms,
            instrument_trading=self._opening.instruments[intent.symbol].trading,
            expires_s=expires_s,
        )


def _request(intent: Intent) -> OrderRequest:
    """A market order, or a limit order that only ever makes."""
    return OrderRequest(
        symbol=intent.symbol,
        side=intent.direction.entry_side,
        type=intent.type,
        client_id=intent.client_id,
        quantity=intent.quantity,
        price=intent.limit_price,
        time_in_force=None if intent.limit_price is None else TimeInForce.GTX,
    )

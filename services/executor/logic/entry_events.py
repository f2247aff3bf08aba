"""What is told about an entry, and the record that it opens."""

from services.executor.logic.documents import decimal_of
from services.executor.logic.intent import Intent
from services.executor.logic.record import Phase, Planned, Record, shown
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import Leg, OrderEvent, OrderEventKind, SizingReport
from shared.contracts.plan import Plan
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import VenueOrder, client_id
from shared.domain.units import Price, Qty, Usd
from shared.risk.sizing import Sized

_ZERO = Qty(decimal_of(0.0))
_DETAIL = 300


def intent_of(plan: Plan, meta: Meta, instrument: Instrument | None, sized: Sized | None = None, leverage: int = 0) -> Intent:
    """The intent of a plan; without a size for a plan that is refused."""
    exact = decimal_of(plan.price)
    return Intent(
        intent_id=meta.decision_id,
        symbol=plan.symbol,
        direction=plan.direction,
        client_id=client_id(meta.decision_id, "e"),
        quantity=_ZERO if sized is None else sized.quantity,
        price=Price(exact) if instrument is None else instrument.price(exact, Rounding.NEAREST),
        stop_distance=decimal_of(plan.stop_distance),
        target_distance=decimal_of(plan.target_distance),
        risk=Usd(decimal_of(0.0)) if sized is None else sized.risk,
        leverage=leverage,
        setup=plan.setup.value,
        interval=plan.interval,
        edge_r=plan.edge_r,
        decision_id=meta.decision_id,
        cause_id=meta.id,
        epoch=meta.epoch,
        created_ms=meta.ts_ms,
        valid_until_ms=plan.valid_until_ms,
    )


def entry_event(
    intent: Intent,
    kind: OrderEventKind,
    *,
    reason: str = "",
    detail: str = "",
    venue_code: int | None = None,
    sizing: SizingReport | None = None,
) -> OrderEvent:
    """A step in the life of an entry, told from our side."""
    return OrderEvent(
        event=kind,
        symbol=intent.symbol,
        intent_id=intent.intent_id,
        leg=Leg.ENTRY,
        client_id=intent.client_id,
        side=intent.direction.entry_side,
        type=intent.type,
        quantity=intent.quantity or None,
        price=intent.limit_price,
        order_id=intent.order_id,
        reason=reason,
        detail=detail[:_DETAIL],
        venue_code=venue_code,
        sizing=sizing,
    )


def venue_event(intent: Intent, kind: OrderEventKind, order: VenueOrder, *, reason: str = "") -> OrderEvent:
    """The same with what the venue says about the order."""
    average = None if order.average_price is None else shown(order.average_price)
    seen = {"order_id": order.order_id, "filled": order.filled, "average_price": average}
    return entry_event(intent, kind, reason=reason).model_copy(update=seen)


def outgoing(intent: Intent) -> list[Outgoing]:
    """Everything that was told about an intent, to be published (again)."""
    return [
        Outgoing(told.event, ts_ms=told.ts_ms, decision_id=intent.decision_id, cause_id=intent.cause_id, epoch=intent.epoch)
        for told in intent.told
    ]


def opening_record(intent: Intent) -> Record:
    """The record of a position that is about to be opened."""
    return Record(
        position_id=intent.intent_id,
        symbol=intent.symbol,
        direction=intent.direction,
        phase=Phase.OPENING,
        opened_ms=intent.created_ms,
        leverage=intent.leverage,
        entry_order_id=intent.order_id,
        planned=Planned(
            setup=intent.setup,
            interval=intent.interval,
            stop_distance=intent.stop_distance,
            target_distance=intent.target_distance,
            edge_r=intent.edge_r,
            decision_id=intent.decision_id,
            epoch=intent.epoch,
        ),
    )

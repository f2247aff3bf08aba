"""What is told about a position: events made from its record."""

from collections.abc import Iterable

from services.executor.logic.record import FillLine, Phase, Record, shown
from shared.contracts.envelope import Outgoing
from shared.contracts.order import (
    ExitReason,
    Leg,
    OrderEvent,
    OrderEventKind,
    PositionEvent,
    PositionEventKind,
    TradeClosed,
)
from shared.contracts.signal import Setup
from shared.domain.order import Fill, VenueOrder, parse_client_id
from shared.domain.units import Price

_LEGS = {"e": Leg.ENTRY, "s": Leg.STOP, "t": Leg.TARGET, "x": Leg.EXIT}
MOVED_STOP = 1000
"""Revisions of a stop that the bracket guard moved begin here."""
_LIQUIDATION_PREFIXES = ("autoclose-", "adl_autoclose")


def leg_of(client_id: str) -> Leg:
    """What an order is for, by its client id; foreign when it is not ours."""
    parts = parse_client_id(client_id)
    return Leg.FOREIGN if parts is None else _LEGS[parts.leg]


def fill_event(record: Record, fill: Fill, ts_ms: int) -> Outgoing:
    """An execution of any leg, as the record holds it; a fee whose worth is not known is told as none."""
    line = next(line for line in record.fills if line.trade_id == fill.trade_id)
    event = OrderEvent(
        event=OrderEventKind.FILLED,
        symbol=fill.symbol,
        intent_id=record.position_id,
        leg=leg_of(fill.client_id),
        client_id=fill.client_id,
        side=fill.side,
        order_id=fill.order_id,
        last_price=fill.price,
        last_quantity=fill.quantity,
        fee_usd=None if line.paid is not None and line.paid.worth is None else line.fee,
        serial=str(fill.trade_id),
    )
    return _outgoing(record, event, ts_ms)


def order_event(record: Record, kind: OrderEventKind, order: VenueOrder, ts_ms: int, *, serial: str = "", reason: str = "") -> Outgoing:
    """A step in the life of an order of this position."""
    event = OrderEvent(
        event=kind,
        symbol=order.symbol,
        intent_id=record.position_id,
        leg=leg_of(order.client_id),
        client_id=order.client_id,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        order_id=order.order_id,
        filled=order.filled,
        average_price=None if order.average_price is None else shown(order.average_price),
        serial=serial,
        reason=reason,
    )
    return _outgoing(record, event, ts_ms)


def position_event(record: Record, kind: PositionEventKind, ts_ms: int) -> Outgoing:
    """The position as it is now."""
    event = PositionEvent(
        event=kind,
        symbol=record.symbol,
        position_id=record.position_id,
        revision=record.revision,
        direction=record.direction,
        quantity=record.quantity,
        entry_price=shown(record.entry_price or Price(record.fills[0].price)),
        stop_price=record.stop_price,
        target_price=record.target_price,
        initial_risk_usd=record.initial_risk,
        opened_ms=record.opened_ms,
        realised_usd=record.gross,
        fees_usd=record.fees,
        owned=record.owned,
    )
    return _outgoing(record, event, ts_ms)


def kind_of(before: Record, after: Record) -> PositionEventKind:
    """Opened by the first fill, closed by the last, changed in between."""
    if after.phase is Phase.CLOSED:
        return PositionEventKind.CLOSED
    return PositionEventKind.OPENED if not before.fills else PositionEventKind.CHANGED


def exit_reason(record: Record) -> ExitReason:
    """Why it ended: by the client id of the last closing fill, and by what we had asked for."""
    last = _last_exit(record)
    if last is None:
        return ExitReason.EXTERNAL
    if last.client_id.startswith(_LIQUIDATION_PREFIXES):
        return ExitReason.LIQUIDATION
    leg = leg_of(last.client_id)
    if leg is Leg.STOP:
        return ExitReason.FAST_TP if _moved(last.client_id) else ExitReason.STOP
    if leg is Leg.EXIT and record.exit_hint:
        return ExitReason(record.exit_hint)
    return {Leg.TARGET: ExitReason.TARGET, Leg.EXIT: ExitReason.MANUAL}.get(leg, ExitReason.EXTERNAL)


def _moved(client_id: str) -> bool:
    """Whether a stop is one that FastTP had pulled closer."""
    parts = parse_client_id(client_id)
    return parts is not None and parts.revision >= MOVED_STOP


def trade_closed(record: Record) -> Outgoing:
    """The round trip. Only for a closed record with entries and exits.

    Raises:
        ValueError: the record is not closed.
    """
    entry, exit_ = record.entry_price, record.exit_price
    if record.phase is not Phase.CLOSED or entry is None or exit_ is None:
        raise ValueError(f"position {record.position_id} is {record.phase}: expected a closed one with entry and exit fills")
    closed_ms = record.fills[-1].time_ms
    trade = TradeClosed(
        symbol=record.symbol,
        position_id=record.position_id,
        direction=record.direction,
        setup=None if record.planned.setup is None else Setup(record.planned.setup),
        interval=record.planned.interval,
        quantity=record.entry_quantity,
        entry_price=shown(entry),
        exit_price=shown(exit_),
        opened_ms=record.opened_ms,
        closed_ms=closed_ms,
        gross_usd=record.gross,
        fees_usd=record.fees,
        funding_usd=record.funding,
        net_usd=record.net,
        initial_risk_usd=record.initial_risk,
        r=record.r_multiple,
        exit_reason=exit_reason(record),
        mae_r=record.mae_r,
        mfe_r=record.mfe_r,
        stop_price=record.stop_price,
        target_price=record.target_price,
        edge_r=record.planned.edge_r,
        unpriced_fees=record.unpriced_fees,
    )
    return _outgoing(record, trade, closed_ms)


def _last_exit(record: Record) -> FillLine | None:
    closing: Iterable[FillLine] = (f for f in record.fills if f.signed_quantity * record.direction.sign < 0)
    return max(closing, key=lambda f: (f.time_ms, f.trade_id), default=None)


def _outgoing(record: Record, payload: OrderEvent | PositionEvent | TradeClosed, ts_ms: int) -> Outgoing:
    return Outgoing(payload, ts_ms=ts_ms, decision_id=record.planned.decision_id, epoch=record.planned.epoch)

"""Records for positions that the book does not know, and ends for records that the venue has run past."""

from dataclasses import replace
from decimal import Decimal

from services.executor.logic.announce import leg_of
from services.executor.logic.record import ADOPTED, FillLine, Phase, Planned, Record
from shared.contracts.order import Leg
from shared.domain.order import VenueOrder, intent_hash, parse_client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price, Usd
from shared.risk.bracket import initial_risk

_NOTHING = Usd(Decimal(0))


def adopted(seen: VenuePosition, orders: list[VenueOrder], opened_ms: int) -> Record:
    """A record made of the venue's picture. A stop or target of ours in the book says which position it is, and that it is ours."""
    ours = {leg_of(order.client_id): order for order in orders if leg_of(order.client_id) in {Leg.STOP, Leg.TARGET}}
    stop, target = _trigger(ours.get(Leg.STOP)), _trigger(ours.get(Leg.TARGET))
    known = next((parts.intent_hash for order in ours.values() if (parts := parse_client_id(order.client_id)) is not None), None)
    risk = initial_risk(seen.entry_price, stop, seen.quantity) if stop is not None else None
    return Record(
        position_id=known or "x" + intent_hash(f"{seen.symbol}:{opened_ms}:{seen.amount}"),
        symbol=seen.symbol,
        direction=seen.direction,
        phase=Phase.OPEN,
        opened_ms=opened_ms,
        owned=known is not None,
        planned=Planned(decision_id=known or ""),
        fills=(FillLine(ADOPTED, "", seen.amount, seen.entry_price, _NOTHING, _NOTHING, opened_ms),),
        stop_price=stop,
        target_price=target,
        initial_risk=risk,
        leverage=seen.leverage,
        revision=1,
    )


def settled(record: Record) -> Record:
    """The end of a position that was turned to the other side: its last execution counts only as far as it closed it."""
    beyond = record.net_quantity
    *before, last = record.fills
    trimmed = replace(last, signed_quantity=last.signed_quantity - beyond)
    return replace(record, fills=(*before, trimmed), phase=Phase.CLOSED, revision=record.revision + 1)


def _trigger(order: VenueOrder | None) -> Price | None:
    return None if order is None else order.trigger_price

"""The durable steps of one entry: written before it is sent, so that a restart knows what to ask for."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from shared.domain.order import Direction
from shared.domain.units import Price, Qty, Usd


class Step(StrEnum):
    """How far an intent has come. After `sent`, only the venue knows; it is asked, never told again."""

    RESERVED = "reserved"
    SENT = "sent"
    FILLED = "filled"
    DONE = "done"


class Outcome(StrEnum):
    """How a finished intent ended."""

    OPENED = "opened"
    REFUSED = "refused"
    REJECTED = "rejected"
    NOT_EXECUTED = "not_executed"


_NEXT = {
    Step.RESERVED: {Step.SENT, Step.DONE},
    Step.SENT: {Step.FILLED, Step.DONE},
    Step.FILLED: {Step.DONE},
    Step.DONE: set[Step](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One entry order. `sent_wall_ms` is this machine's time of the send: the bound of the venue's recvWindow counts from it."""

    intent_id: str
    symbol: str
    direction: Direction
    client_id: str
    quantity: Qty
    price: Price
    stop_distance: Decimal
    target_distance: Decimal
    risk: Usd
    leverage: int
    setup: str
    interval: str
    edge_r: float
    decision_id: str
    cause_id: str
    epoch: int
    created_ms: int
    step: Step = Step.RESERVED
    sent_wall_ms: int = 0
    outcome: Outcome | None = None


def advance(intent: Intent, step: Step, *, outcome: Outcome | None = None, sent_wall_ms: int | None = None) -> Intent:
    """The intent one step on.

    Raises:
        ValueError: the step does not follow from the present one.
    """
    if step not in _NEXT[intent.step]:
        raise ValueError(f"intent {intent.intent_id}: {step} does not follow {intent.step}")
    if (step is Step.DONE) != (outcome is not None):
        raise ValueError(f"intent {intent.intent_id}: expected an outcome exactly when it is done")
    sent = intent.sent_wall_ms if sent_wall_ms is None else sent_wall_ms
    return replace(intent, step=step, outcome=outcome, sent_wall_ms=sent)

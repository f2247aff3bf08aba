"""The durable steps of one entry: written before it is sent, so that a restart knows what to ask for."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from shared.contracts.order import OrderEvent
from shared.domain.order import Direction, OrderType
from shared.domain.units import Price, Qty, Usd


class Step(StrEnum):
    """How far an intent has come.

    `reserved`: exposure is held, nothing was sent. After `sent`, only the venue knows; it is asked, never told again.
    `resting`: a limit entry waits in the book. `filled`: something was bought. `done`: nothing more will happen.
    """

    RESERVED = "reserved"
    SENT = "sent"
    RESTING = "resting"
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
    Step.SENT: {Step.RESTING, Step.FILLED, Step.DONE},
    Step.RESTING: {Step.FILLED, Step.DONE},
    Step.FILLED: {Step.DONE},
    Step.DONE: set[Step](),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An event of this intent with its venue time; kept so that it can be told again with the same identity."""

    event: OrderEvent
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One entry order.

    `sent_wall_ms` is this machine's time of the send: the bound of the venue's recvWindow counts from it. `token` is the
    lease's at the send. `deadline_ms` is the venue time at which a resting entry is cancelled. `limit_price` None = market.
    """

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
    valid_until_ms: int = 0
    limit_price: Price | None = None
    deadline_ms: int | None = None
    step: Step = Step.RESERVED
    sent_wall_ms: int = 0
    token: int = 0
    order_id: int | None = None
    outcome: Outcome | None = None
    done_wall_ms: int = 0
    told: tuple[Told, ...] = ()

    @property
    def type(self) -> OrderType:
        """Market, or limit when it has a price."""
        return OrderType.MARKET if self.limit_price is None else OrderType.LIMIT


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


def tell(intent: Intent, event: OrderEvent, ts_ms: int | None = None) -> Intent:
    """The intent with one more event; one of the same identity is told once."""
    if any(known.event.identity() == event.identity() for known in intent.told):
        return intent
    return replace(intent, told=(*intent.told, Told(event, intent.created_ms if ts_ms is None else ts_ms)))

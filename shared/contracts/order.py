"""What happened to orders, positions and trades."""

from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from shared.contracts.envelope import Payload
from shared.contracts.signal import Setup
from shared.contracts.topic import ORDER_EVENT, POSITION_EVENT, TRADE_CLOSED, Topic
from shared.domain.order import Direction, OrderType, Side
from shared.domain.units import Price, Qty, Ratio, Usd


class OrderEventKind(StrEnum):
    """Past facts about an order."""

    INTENT = "intent"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    RESOLVED = "resolved"


class Leg(StrEnum):
    """What an order is for."""

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    EXIT = "exit"
    FOREIGN = "foreign"


class CapResult(BaseModel):
    """One limit of the sizing: the quantity it allowed, and whether it was the one that bound."""

    model_config = ConfigDict(frozen=True)
    name: str
    allowed_qty: Decimal | None
    limit: Decimal | None
    bound: bool


class SizingReport(BaseModel):
    """How a quantity came about; money in USD, quantities in base units."""

    model_config = ConfigDict(frozen=True)
    equity_usd: Usd
    risk_ratio: Ratio
    multiplier: Decimal
    stop_distance: Decimal
    raw_qty: Decimal
    quantity: Qty
    risk_usd: Usd
    notional_usd: Usd
    leverage: int
    caps: tuple[CapResult, ...]


class OrderEvent(Payload):
    """One step in the life of an order. `reason` is a code, `detail` the venue's words or ours.

    `serial` tells events of one kind apart (trade id of a fill, attempt number): it is part of the identity.
    """

    topic: ClassVar[Topic] = ORDER_EVENT

    event: OrderEventKind
    symbol: str
    intent_id: str
    leg: Leg
    client_id: str
    side: Side | None = None
    type: OrderType | None = None
    quantity: Qty | None = None
    price: Price | None = None
    trigger_price: Price | None = None
    order_id: int | None = None
    filled: Qty | None = None
    average_price: Price | None = None
    last_price: Price | None = None
    last_quantity: Qty | None = None
    fee_usd: Usd | None = None
    serial: str = ""
    reason: str = ""
    detail: str = ""
    venue_code: int | None = None
    sizing: SizingReport | None = None

    def keys(self) -> tuple[str, ...]:
        """Event and symbol."""
        return (self.event.value, self.symbol)

    def identity(self) -> str:
        """Client id (or intent), event and serial."""
        return f"{self.client_id or self.intent_id}:{self.event}:{self.serial}"


class PositionEventKind(StrEnum):
    """Past facts about a position."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"


class PositionEvent(Payload):
    """A position as it is after the event. `position_id` is the intent's id, or `x…` for one that we did not open.

    `stop_price` and `target_price` are the planned bracket; `revision` grows with each event of a position.
    """

    topic: ClassVar[Topic] = POSITION_EVENT

    event: PositionEventKind
    symbol: str
    position_id: str
    revision: int
    direction: Direction
    quantity: Qty
    entry_price: Price
    stop_price: Price | None
    target_price: Price | None
    initial_risk_usd: Usd | None
    opened_ms: int
    realised_usd: Usd = Usd(Decimal(0))
    fees_usd: Usd = Usd(Decimal(0))
    owned: bool = True

    def keys(self) -> tuple[str, ...]:
        """Event and symbol."""
        return (self.event.value, self.symbol)

    def identity(self) -> str:
        """Position and revision."""
        return f"{self.position_id}:{self.revision}"


class ExitReason(StrEnum):
    """Why a position was closed."""

    TARGET = "target"
    STOP = "stop"
    FAST_TP = "fast_tp"
    MANUAL = "manual"
    FLATTEN = "flatten"
    EMERGENCY = "emergency"
    LIQUIDATION = "liquidation"
    EXTERNAL = "external"


class TradeClosed(Payload):
    """One round trip. `net_usd` = gross - fees + funding; `r` = net over the *initial* risk (None when unknown).

    `fees_usd` is positive when it costs; `funding_usd` is positive when it was received. `mae_r` and `mfe_r` are the
    worst and best unrealised R on the way, None when no price was seen. `unpriced_fees` ("0.0012 BNB") were paid in an asset
    without a known price: `fees_usd`, `net_usd` and `r` leave them out.
    """

    topic: ClassVar[Topic] = TRADE_CLOSED

    symbol: str
    position_id: str
    direction: Direction
    setup: Setup | None
    interval: str
    quantity: Qty
    entry_price: Price
    exit_price: Price
    opened_ms: int
    closed_ms: int
    gross_usd: Usd
    fees_usd: Usd
    funding_usd: Usd
    net_usd: Usd
    initial_risk_usd: Usd | None
    r: Decimal | None
    exit_reason: ExitReason
    mae_r: Decimal | None = None
    mfe_r: Decimal | None = None
    stop_price: Price | None = None
    target_price: Price | None = None
    edge_r: float | None = None
    unpriced_fees: tuple[str, ...] = ()

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """The position: it closes once."""
        return self.position_id

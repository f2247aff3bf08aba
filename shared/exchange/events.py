"""What the user stream tells: orders, conditional orders, balances, positions, settings, margin calls."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.order import Fill, OrderStatus, PositionSide, VenueOrder
from shared.domain.units import Price, Qty, Usd


class Execution(StrEnum):
    """Why the venue sent an order update."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    CALCULATED = "CALCULATED"
    AMENDMENT = "AMENDMENT"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate:
    """ORDER_TRADE_UPDATE. `fill` is the execution that caused the event, None when nothing was filled by it.

    `order.filled` is cumulative. CALCULATED with a fill is a liquidation or a settlement.
    """

    order: VenueOrder
    execution: Execution
    fill: Fill | None
    event_ms: int
    transaction_ms: int

    @property
    def status(self) -> OrderStatus:
        """Status of the order after this event."""
        return self.order.status

    @property
    def cumulative_qty(self) -> Qty:
        """Filled so far, all executions together."""
        return self.order.filled

    @property
    def commission(self) -> Usd:
        """Fee of this execution; zero without a fill."""
        return self.fill.fee if self.fill is not None else Usd(Decimal(0))

    @property
    def realised(self) -> Usd:
        """Realised PnL of this execution before fees; zero without a fill."""
        return self.fill.realised if self.fill is not None else Usd(Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoUpdate:
    """ALGO_UPDATE: the life of a conditional order that lives on the algo endpoints.

    `order.triggered_order_id` is set once the trigger created an ordinary order. `reason` is why it ended without one.
    """

    order: VenueOrder
    reason: str
    event_ms: int
    transaction_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceChange:
    """A balance after the event; `change` leaves out PnL and fees and is None when the venue does not tell."""

    asset: str
    wallet: Usd
    cross_wallet: Usd
    change: Usd | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange:
    """A position after the event; `amount` is signed and **zero when it was closed**."""

    symbol: str
    amount: Decimal
    entry_price: Price
    unrealised: Usd
    isolated: bool
    position_side: PositionSide


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUpdate:
    """ACCOUNT_UPDATE. Only what changed is listed; `reason` is the venue's word (ORDER, FUNDING_FEE, DEPOSIT, ...)."""

    reason: str
    balances: tuple[BalanceChange, ...]
    positions: tuple[PositionChange, ...]
    symbol: str | None
    event_ms: int
    transaction_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigUpdate:
    """ACCOUNT_CONFIG_UPDATE: leverage of a symbol, or a switch of the account; None means not mentioned."""

    symbol: str | None
    leverage: int | None
    multi_assets: bool | None
    hedge: bool | None
    event_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCallPosition:
    """A position that is short of margin."""

    symbol: str
    position_side: PositionSide
    amount: Decimal
    isolated: bool
    mark_price: Price
    unrealised: Usd
    maintenance_margin: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCall:
    """MARGIN_CALL: advice only, a liquidation may already have happened. `cross_wallet` is None for isolated positions."""

    cross_wallet: Usd | None
    positions: tuple[MarginCallPosition, ...]
    event_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenKeyExpired:
    """The listen key is dead: the socket stays open and says nothing more."""

    event_ms: int


UserEvent = OrderUpdate | AlgoUpdate | AccountUpdate | ConfigUpdate | MarginCall
"""Whatever the user stream delivers to its listener."""

"""What the venue keeps: orders, positions, accounts, trades, income."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from services.paper_exchange.logic.money import ZERO
from shared.domain.order import OrderStatus, OrderType, PositionSide, Side, WorkingType


class Tif(StrEnum):
    """How long an order rests. GTE_GTC lives as long as the position; HIDDEN is Aster's."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"
    GTE_GTC = "GTE_GTC"
    HIDDEN = "HIDDEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """An order as asked for: parsed, complete by type, not yet checked against filters or the account."""

    symbol: str
    side: Side
    type: OrderType
    position_side: PositionSide = PositionSide.BOTH
    tif: Tif = Tif.GTC
    quantity: Decimal = ZERO
    price: Decimal = ZERO
    trigger: Decimal = ZERO
    activate: Decimal = ZERO
    callback: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    price_protect: bool = False
    working: WorkingType = WorkingType.CONTRACT_PRICE
    client_id: str | None = None
    price_match: str = "NONE"
    stp: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    result: bool = False


@dataclass(slots=True, kw_only=True)
class Order:
    """An order at the venue. `algo` orders have ids of their own and turn into an ordinary order when triggered."""

    order_id: int
    account: str
    symbol: str
    client_id: str
    side: Side
    type: OrderType
    original: OrderType
    position_side: PositionSide
    tif: Tif
    quantity: Decimal
    price: Decimal
    trigger: Decimal
    activate: Decimal
    callback: Decimal
    reduce_only: bool
    close_position: bool
    price_protect: bool
    working: WorkingType
    price_match: str
    stp: str
    good_till_ms: int
    created_ms: int
    updated_ms: int
    algo: bool = False
    status: OrderStatus = OrderStatus.NEW
    executed: Decimal = ZERO
    quote_sum: Decimal = ZERO
    queue: Decimal = ZERO
    triggered_ms: int = 0
    actual_id: int = 0
    parent_id: int = 0
    extreme: Decimal = ZERO
    activated: bool = False
    reason: str = ""

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.executed

    @property
    def live(self) -> bool:
        """Whether anything can still happen to it; a triggered conditional order lives until its order has ended."""
        return self.status.open or self.status is OrderStatus.TRIGGERED

    @property
    def average(self) -> Decimal:
        """Average price of the fills; zero without any."""
        return self.quote_sum / self.executed if self.executed else ZERO

    @property
    def waiting(self) -> bool:
        """Whether it is a conditional order that has not been triggered."""
        return self.type.conditional and self.status is OrderStatus.NEW

    @property
    def key(self) -> tuple[str, PositionSide]:
        """The position that it works on."""
        return self.symbol, self.position_side


@dataclass(slots=True, kw_only=True)
class Position:
    """One position row; `amount` is signed. `realised` accumulates before fees, as the stream shows it."""

    symbol: str
    side: PositionSide
    amount: Decimal = ZERO
    entry: Decimal = ZERO
    realised: Decimal = ZERO
    isolated_wallet: Decimal = ZERO
    updated_ms: int = 0

    @property
    def sign(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.amount > 0) - (self.amount < 0)

    def unrealised(self, mark: Decimal) -> Decimal:
        """(mark - entry) * amount."""
        return (mark - self.entry) * self.amount


@dataclass(slots=True, kw_only=True)
class SymbolSettings:
    """What an account has set for one symbol."""

    leverage: int = 20
    isolated: bool = False
    auto_add: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution. `commission` is positive when it costs; `slippage` is what the fill lost against the mid price."""

    trade_id: int
    order_id: int
    account: str
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    commission: Decimal
    realised: Decimal
    slippage: Decimal
    maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """One movement of the wallet."""

    tran_id: int
    account: str
    symbol: str
    kind: str
    amount: Decimal
    info: str
    time_ms: int
    trade_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """One change of a resting order: (price, quantity) before and after."""

    number: int
    symbol: str
    order_id: int
    client_id: str
    before: tuple[Decimal, Decimal]
    after: tuple[Decimal, Decimal]
    count: int
    time_ms: int


_NOTES_MOST = 1000
KEPT = 1000
"""Closed orders, trades and incomes that an account holds in memory at least; the store has all."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One account, known by its API key."""

    key: str
    secret: str
    alias: str
    wallet: Decimal = ZERO
    hedge: bool = False
    multi_assets: bool = False
    fee_burn: bool = False
    updated_ms: int = 0
    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    parked: list[Position] = field(default_factory=list)
    """Positions in contracts that the present market does not have; they wait for one that does."""
    settings: dict[str, SymbolSettings] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, Order] = field(default_factory=dict)
    open_ids: dict[str, int] = field(default_factory=dict)
    open_algo_ids: dict[str, int] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    incomes: list[Income] = field(default_factory=list)
    margin_moves: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_NOTES_MOST))
    amendments: deque[Amendment] = field(default_factory=lambda: deque(maxlen=_NOTES_MOST))
    amended: int = 0

    def position(self, symbol: str, side: PositionSide) -> Position:
        """The position row, made flat when there is none."""
        found = self.positions.get((symbol, side))
        if found is None:
            found = self.positions[(symbol, side)] = Position(symbol=symbol, side=side)
        return found

    def setting(self, symbol: str) -> SymbolSettings:
        """The settings of a symbol, the venue's defaults when never set."""
        found = self.settings.get(symbol)
        if found is None:
            found = self.settings[symbol] = SymbolSettings()
        return found

    def note_amendment(self, order: Order, before: tuple[Decimal, Decimal], time_ms: int) -> None:
        """Keep a change of an order, which happened to (price, quantity) `before`; the newest thousand are kept."""
        self.amended += 1
        count = 1 + sum(item.order_id == order.order_id for item in self.amendments)
        self.amendments.append(
            Amendment(
                number=self.amended,
                symbol=order.symbol,
                order_id=order.order_id,
                client_id=order.client_id,
                before=before,
                after=(order.price, order.quantity),
                count=count,
                time_ms=time_ms,
            )
        )

    def trim(self) -> None:
        """Let go of old trades, incomes and closed orders once there are twice as many as are kept."""
        for rows in (self.trades, self.incomes):
            if len(rows) > 2 * KEPT:
                del rows[:-KEPT]
        for orders in (self.orders, self.algos):
            if len(orders) > 2 * KEPT:
                over = [number for number, order in orders.items() if not order.live]
                for number in over[:-KEPT]:
                    del orders[number]

    def held(self) -> list[Position]:
        """Positions that are not flat."""
        return [position for position in self.positions.values() if position.amount]

    def open_orders(self) -> list[Order]:
        """Ordinary orders that are open, oldest first."""
        return [self.orders[number] for number in sorted(self.open_ids.values())]

    def open_algos(self) -> list[Order]:
        """Conditional orders on the algo endpoints that wait, oldest first."""
        return [self.algos[number] for number in sorted(self.open_algo_ids.values())]

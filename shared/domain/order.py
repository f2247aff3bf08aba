"""Orders as the venue knows them, and the client ids that we derive for them."""

import base64
import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.units import Price, Qty, Usd


class Side(StrEnum):
    """Side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The side that closes what this side opens."""
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


class Direction(StrEnum):
    """Direction of a position."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 long, -1 short."""
        return 1 if self is Direction.LONG else -1

    @property
    def entry_side(self) -> Side:
        """The order side that opens it."""
        return Side.BUY if self is Direction.LONG else Side.SELL

    @property
    def exit_side(self) -> Side:
        """The order side that closes it."""
        return self.entry_side.opposite


class OrderType(StrEnum):
    """Order types of a Binance-compatible venue."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"
    LIQUIDATION = "LIQUIDATION"

    @property
    def conditional(self) -> bool:
        """Whether the order waits for a trigger price."""
        return self not in {OrderType.MARKET, OrderType.LIMIT, OrderType.LIQUIDATION}

    @property
    def is_stop(self) -> bool:
        """Whether the order limits a loss."""
        return self in {OrderType.STOP, OrderType.STOP_MARKET, OrderType.TRAILING_STOP_MARKET}

    @property
    def is_target(self) -> bool:
        """Whether the order takes a profit."""
        return self in {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET}


class OrderStatus(StrEnum):
    """Status of an order; a conditional order that waits is NEW."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"
    REJECTED = "REJECTED"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"

    @property
    def open(self) -> bool:
        """Whether the venue still works on it."""
        return self in {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.TRIGGERING}


class WorkingType(StrEnum):
    """The price that a trigger watches."""

    MARK_PRICE = "MARK_PRICE"
    CONTRACT_PRICE = "CONTRACT_PRICE"


class TimeInForce(StrEnum):
    """How long a limit order rests; GTX is post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"


class PositionSide(StrEnum):
    """BOTH in one-way mode, LONG or SHORT in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order that somebody would like to send; only `shared.risk.gate` turns it into an `Approved` one."""

    symbol: str
    side: Side
    type: OrderType
    client_id: str
    quantity: Qty | None = None
    price: Price | None = None
    trigger_price: Price | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    close_position: bool = False
    working_type: WorkingType = WorkingType.MARK_PRICE
    position_side: PositionSide = PositionSide.BOTH


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue last described it.

    `algo` tells conditional orders that live on the algo endpoints (their `order_id` is the algo id and
    `triggered_order_id` the ordinary order that the trigger created). `average_price` is None while nothing was filled.
    """

    symbol: str
    order_id: int
    client_id: str
    side: Side
    type: OrderType
    status: OrderStatus
    quantity: Qty
    filled: Qty
    average_price: Price | None
    price: Price | None
    trigger_price: Price | None
    reduce_only: bool
    close_position: bool
    working_type: WorkingType | None
    position_side: PositionSide
    update_ms: int
    algo: bool = False
    triggered_order_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution. `fee` is positive when it costs; `realised` is the PnL of the closed part, before fees."""

    symbol: str
    trade_id: int
    order_id: int
    client_id: str
    side: Side
    price: Price
    quantity: Qty
    fee: Usd
    fee_asset: str
    realised: Usd
    maker: bool
    time_ms: int

    @property
    def signed_quantity(self) -> Decimal:
        """Positive for a buy, negative for a sell."""
        return self.quantity * self.side.sign


PREFIX = "mr-"
_OURS = re.compile(r"mr-(?P<hash>[a-z2-7]{10})-(?P<leg>[estx])(?P<revision>[0-9]{0,9})")


def intent_hash(text: str) -> str:
    """Ten characters [a-z2-7] that stand for an intent or a position in client ids (50 bits of SHA-256)."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.b32encode(digest)[:10].decode().lower()


def client_id(intent: str, leg: str, revision: int | None = None) -> str:
    """Client order id of a leg of an intent: `mr-<hash>-e` entry, `-s<n>` stop, `-t<n>` target, `-x<n>` exit.

    `intent` is hashed unless it is already ten characters of a hash. At most 24 characters of `[a-z0-9-]`,
    which fits the venue's `^[.A-Z:/a-z0-9_-]{1,36}$`.

    Raises:
        ValueError: the leg or the revision is one that `parse_client_id` would not know again.
    """
    tag = intent if re.fullmatch(r"[a-z2-7]{10}", intent) else intent_hash(intent)
    made = f"{PREFIX}{tag}-{leg}{'' if revision is None else revision}"
    if _OURS.fullmatch(made) is None:
        raise ValueError(f"expected a leg of e, s, t, x and a revision of at most nine digits, got {leg!r} and {revision}")
    return made


@dataclass(frozen=True, slots=True)
class ClientIdParts:
    """A client id of ours, taken apart. `leg` is e, s, t or x; `revision` 0 when the id has none."""

    intent_hash: str
    leg: str
    revision: int


def parse_client_id(text: str) -> ClientIdParts | None:
    """The parts of a client id of ours, or None when somebody else made it."""
    match = _OURS.fullmatch(text)
    if match is None:
        return None
    return ClientIdParts(match["hash"], match["leg"], int(match["revision"] or 0))

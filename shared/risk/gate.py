"""The one gate. Nothing else may create `Approved`; the venue client places nothing else.

An entry passes the caps, the trading state and the epoch. A protective order passes only one question: does it reduce?
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.control import TradingState
from shared.domain.order import Direction, OrderRequest, OrderType
from shared.domain.units import Qty
from shared.risk.sizing import Sized


class RefusedReason(StrEnum):
    """Why an order was not approved."""

    NOT_RUNNING = "not_running"
    OLD_EPOCH = "old_epoch"
    STALE_PLAN = "stale_plan"
    ALREADY_OPEN = "already_open"
    MAX_OPEN = "max_open"
    EQUITY_UNKNOWN = "equity_unknown"
    STOP_DISTANCE = "stop_distance"
    MIN_NOTIONAL = "min_notional"
    MARGIN_CAP = "margin_cap"
    RISK_CAP = "risk_cap"
    LIQUIDATION_NEAR = "liquidation_near"
    LEVERAGE_MISMATCH = "leverage_mismatch"
    MARGIN_TYPE = "margin_type"
    POSITION_MODE = "position_mode"
    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    LOSS_STREAK = "loss_streak"
    NO_PRICE = "no_price"
    NOT_TRADING = "not_trading"
    NOT_REDUCING = "not_reducing"
    STATE_UNKNOWN = "state_unknown"
    FENCED = "fenced"
    DOCTOR = "doctor"


@dataclass(frozen=True, slots=True)
class Approved:
    """An order that may be sent. `protective` ones may use the reserve of the rate limit.

    `expires_s`: monotonic second after which the permission is void (None: it does not age).
    """

    request: OrderRequest
    protective: bool
    epoch: int
    expires_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An order that may not be sent, with the reason as data."""

    reason: RefusedReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryContext:
    """What the gate must know right before an entry is sent. Times are venue milliseconds, `expires_s` monotonic seconds."""

    state: TradingState
    epoch: int
    plan_epoch: int
    now_ms: int
    valid_until_ms: int
    instrument_trading: bool
    expires_s: float | None = None


def entry(request: OrderRequest, sized: Sized, context: EntryContext) -> Approved | Refused:
    """Approve an entry that was sized within its caps, or say why not."""
    if context.state is not TradingState.RUNNING:
        return Refused(RefusedReason.NOT_RUNNING, f"trading is {context.state}")
    if context.plan_epoch != context.epoch:
        return Refused(RefusedReason.OLD_EPOCH, f"the plan is of epoch {context.plan_epoch}, now it is {context.epoch}")
    if context.now_ms > context.valid_until_ms:
        return Refused(RefusedReason.STALE_PLAN, f"{context.now_ms - context.valid_until_ms} ms after its validity")
    if not context.instrument_trading:
        return Refused(RefusedReason.NOT_TRADING, f"{request.symbol} takes no orders")
    if request.type not in {OrderType.MARKET, OrderType.LIMIT} or request.quantity != sized.quantity:
        raise ValueError(f"expected a MARKET or LIMIT order of the sized quantity {sized.quantity}, got {request}")
    return Approved(request, protective=False, epoch=context.epoch, expires_s=context.expires_s)


def protective(request: OrderRequest, *, direction: Direction, position_quantity: Qty, epoch: int) -> Approved | Refused:
    """Approve an order that can only shrink the position: its exit side, and reduce-only or close-all.

    The venue takes close-all only on triggered market orders; on any other type nothing would hold the order back.
    """
    if request.side is not direction.exit_side:
        return Refused(RefusedReason.NOT_REDUCING, f"{request.side} does not reduce a {direction} position")
    closing = request.close_position and request.type in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}
    if not (request.reduce_only or closing):
        return Refused(RefusedReason.NOT_REDUCING, "neither reduceOnly nor a triggered closePosition")
    if request.quantity is None and not closing:
        return Refused(RefusedReason.NOT_REDUCING, "reduceOnly without a quantity")
    if request.quantity is not None and not 0 < request.quantity <= position_quantity:
        return Refused(RefusedReason.NOT_REDUCING, f"{request.quantity} is not a part of the position of {position_quantity}")
    return Approved(request, protective=True, epoch=epoch)

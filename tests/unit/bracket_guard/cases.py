"""Positions, brackets and orders for tests of the guard."""

from decimal import Decimal

from services.bracket_guard.logic.desired import Desired
from shared.domain.instrument import Instrument
from shared.domain.order import Direction, OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType, client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price, Qty, Usd

SYMBOL = "BTCUSDT"
POSITION = "abcdefghij"


def position(amount: str = "2", *, entry: str = "100", mark: str = "101", update_ms: int = 1) -> VenuePosition:
    return VenuePosition(
        symbol=SYMBOL,
        amount=Decimal(amount),
        entry_price=Price(Decimal(entry)),
        mark_price=Price(Decimal(mark)),
        unrealised=Usd(Decimal(2)),
        liquidation_price=None,
        leverage=10,
        isolated=False,
        position_side=PositionSide.BOTH,
        update_ms=update_ms,
    )


def desired(stop: str | None = "90", target: str | None = "116", direction: Direction = Direction.LONG, moves: int = 0) -> Desired:
    return Desired(
        position_id=POSITION,
        direction=direction,
        stop_price=None if stop is None else Price(Decimal(stop)),
        target_price=None if target is None else Price(Decimal(target)),
        planned_stop=None if stop is None else Price(Decimal(stop)),
        entry_price=Price(Decimal(100)),
        moves=moves,
    )


def order(
    number: int,
    kind: OrderType = OrderType.STOP_MARKET,
    *,
    name: str | None = None,
    side: Side = Side.SELL,
    trigger: str = "90",
    quantity: str | None = None,
) -> VenueOrder:
    leg = "s" if kind.is_stop else "t"
    return VenueOrder(
        symbol=SYMBOL,
        order_id=number,
        client_id=name or client_id(POSITION, leg, number),
        side=side,
        type=kind,
        status=OrderStatus.NEW,
        quantity=Qty(Decimal(quantity or 0)),
        filled=Qty(Decimal(0)),
        average_price=None,
        price=None,
        trigger_price=Price(Decimal(trigger)),
        reduce_only=True,
        close_position=quantity is None,
        working_type=WorkingType.MARK_PRICE,
        position_side=PositionSide.BOTH,
        update_ms=number,
        algo=True,
    )


INSTRUMENT = Instrument(
    symbol=SYMBOL,
    base="BTC",
    quote="USDT",
    status="TRADING",
    tick=Decimal("0.1"),
    step=Decimal("0.001"),
    min_price=Price(Decimal("0.1")),
    max_price=Price(Decimal(1000000)),
    min_qty=Qty(Decimal("0.001")),
    max_qty=Qty(Decimal(1000)),
    market_step=Decimal("0.001"),
    market_min_qty=Qty(Decimal("0.001")),
    market_max_qty=Qty(Decimal(120)),
    min_notional=Decimal(5),
    percent_up=Decimal("1.05"),
    percent_down=Decimal("0.95"),
)

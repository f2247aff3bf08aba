from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.control import TradingState
from shared.domain.order import Direction, OrderRequest, OrderType, Side
from shared.domain.units import Price, Qty, Usd
from shared.risk import gate
from shared.risk.gate import Approved, EntryContext, Refused, RefusedReason
from shared.risk.sizing import Sized

D = Decimal

SIZED = Sized(quantity=Qty(D(5)), notional=Usd(D(500)), margin=Usd(D(50)), risk=Usd(D(10)), multiplier=D(1), raw_quantity=D(5), caps=())
ENTRY = OrderRequest(symbol="SOLUSDT", side=Side.BUY, type=OrderType.MARKET, client_id="mr-aaaaaaaaaa-e", quantity=Qty(D(5)))
CONTEXT = EntryContext(state=TradingState.RUNNING, epoch=3, plan_epoch=3, now_ms=1000, valid_until_ms=1000, instrument_trading=True)
STOP = OrderRequest(
    symbol="SOLUSDT",
    side=Side.SELL,
    type=OrderType.STOP_MARKET,
    client_id="mr-aaaaaaaaaa-s1",
    trigger_price=Price(D(98)),
    close_position=True,
)
EXIT = OrderRequest(
    symbol="SOLUSDT", side=Side.SELL, type=OrderType.MARKET, client_id="mr-aaaaaaaaaa-x1", quantity=Qty(D(5)), reduce_only=True
)


@pytest.mark.parametrize("kind", [OrderType.MARKET, OrderType.LIMIT])
def test_an_entry_in_order_is_approved(kind: OrderType) -> None:
    request = replace(ENTRY, type=kind)
    assert gate.entry(request, SIZED, CONTEXT) == Approved(request, protective=False, epoch=3)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"state": TradingState.PAUSED}, RefusedReason.NOT_RUNNING),
        ({"state": TradingState.STOPPED}, RefusedReason.NOT_RUNNING),
        ({"plan_epoch": 2}, RefusedReason.OLD_EPOCH),
        ({"plan_epoch": 4}, RefusedReason.OLD_EPOCH),
        ({"now_ms": 1001}, RefusedReason.STALE_PLAN),
        ({"instrument_trading": False}, RefusedReason.NOT_TRADING),
    ],
)
def test_an_entry_is_refused_with_its_reason(changed: dict[str, Any], reason: RefusedReason) -> None:
    outcome = gate.entry(ENTRY, SIZED, replace(CONTEXT, **changed))
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason
    assert outcome.detail


@pytest.mark.parametrize(
    "request_", [replace(ENTRY, quantity=Qty(D("5.1"))), replace(ENTRY, quantity=None), replace(ENTRY, type=OrderType.STOP_MARKET)]
)
def test_an_entry_of_another_size_or_kind_is_a_mistake_of_ours(request_: OrderRequest) -> None:
    with pytest.raises(ValueError, match="sized quantity"):
        gate.entry(request_, SIZED, CONTEXT)


def protect(request: OrderRequest, direction: Direction = Direction.LONG, quantity: str = "5") -> Approved | Refused:
    return gate.protective(request, direction=direction, position_quantity=Qty(D(quantity)), epoch=7)


@pytest.mark.parametrize(
    "request_",
    [
        STOP,
        replace(STOP, type=OrderType.TAKE_PROFIT_MARKET),
        EXIT,
        replace(EXIT, quantity=Qty(D("0.1"))),
        replace(EXIT, type=OrderType.STOP_MARKET, trigger_price=Price(D(98))),
    ],
)
def test_an_order_that_reduces_is_approved(request_: OrderRequest) -> None:
    assert protect(request_) == Approved(request_, protective=True, epoch=7)
    mirrored = replace(request_, side=Side.BUY)
    assert protect(mirrored, Direction.SHORT) == Approved(mirrored, protective=True, epoch=7)


@pytest.mark.parametrize(
    "request_",
    [
        replace(STOP, side=Side.BUY),
        replace(EXIT, side=Side.BUY),
        replace(EXIT, reduce_only=False),
        replace(EXIT, quantity=Qty(D("5.1"))),
        replace(EXIT, quantity=Qty(D(0))),
        replace(EXIT, quantity=Qty(D(-1))),
        replace(EXIT, quantity=None),
        replace(EXIT, reduce_only=False, close_position=True),
        replace(STOP, type=OrderType.LIMIT),
        replace(STOP, close_position=False),
    ],
)
def test_an_order_that_might_not_reduce_is_refused(request_: OrderRequest) -> None:
    outcome = protect(request_)
    assert isinstance(outcome, Refused)
    assert outcome.reason is RefusedReason.NOT_REDUCING
    assert outcome.detail


@given(
    side=st.sampled_from(Side),
    kind=st.sampled_from(OrderType),
    direction=st.sampled_from(Direction),
    reduce_only=st.booleans(),
    close=st.booleans(),
    quantity=st.none() | st.integers(-3, 12).map(lambda n: Qty(Decimal(n))),
    held=st.integers(0, 9),
)
def test_what_is_approved_as_protective_cannot_grow_a_position(
    *, side: Side, kind: OrderType, direction: Direction, reduce_only: bool, close: bool, quantity: Qty | None, held: int
) -> None:
    request = replace(EXIT, side=side, type=kind, reduce_only=reduce_only, close_position=close, quantity=quantity)
    outcome = protect(request, direction, str(held))
    if isinstance(outcome, Approved):
        assert side is direction.exit_side
        assert reduce_only or (close and kind in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
        assert quantity is None or 0 < quantity <= held

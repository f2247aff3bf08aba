from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.adoption import adopted, settled
from services.executor.logic.funding import HOUR_MS, crosses_funding, funding_of
from services.executor.logic.record import Phase, apply_fill, own_fills
from shared.domain.order import Direction, OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType
from shared.domain.position import VenuePosition
from shared.domain.units import Price, Qty, Usd
from tests.unit.executor.test_record import fill, opening

SEEN = VenuePosition(
    symbol="BTCUSDT",
    amount=Decimal(-2),
    entry_price=Price(Decimal(100)),
    mark_price=Price(Decimal(101)),
    unrealised=Usd(Decimal(-2)),
    liquidation_price=None,
    leverage=5,
    isolated=False,
    position_side=PositionSide.BOTH,
    update_ms=77,
)


def stop(client_id: str) -> VenueOrder:
    return VenueOrder(
        symbol="BTCUSDT",
        order_id=1,
        client_id=client_id,
        side=Side.BUY,
        type=OrderType.STOP_MARKET,
        status=OrderStatus.NEW,
        quantity=Qty(Decimal(0)),
        filled=Qty(Decimal(0)),
        average_price=None,
        price=None,
        trigger_price=Price(Decimal(103)),
        reduce_only=False,
        close_position=True,
        working_type=WorkingType.MARK_PRICE,
        position_side=PositionSide.BOTH,
        update_ms=1,
        algo=True,
    )


def test_a_stop_of_ours_says_whose_position_it_is() -> None:
    record = adopted(SEEN, [stop("mr-abcdefghij-s0")], 77)
    assert (record.position_id, record.owned, record.direction) == ("abcdefghij", True, Direction.SHORT)
    assert record.initial_risk == 6


def test_without_one_it_is_somebody_elses() -> None:
    record = adopted(SEEN, [stop("web_4")], 77)
    assert [record.owned, record.stop_price, record.net_quantity] == [False, None, Decimal(-2)]
    assert record.position_id == adopted(SEEN, [], 77).position_id


def test_executions_before_the_adoption_are_not_counted_again() -> None:
    record = adopted(SEEN, [], 1_001)
    fills = [fill(1, Side.SELL, "100", "2"), fill(2, Side.BUY, "99", "1", "x")]
    assert [f.trade_id for f in own_fills(record, fills)] == [2]


def test_executions_of_an_earlier_position_do_not_belong_to_this_one() -> None:
    record = replace(opening(), entry_order_id=5)
    fills = [fill(4, Side.SELL, "99", "1", "x"), fill(5, Side.BUY, "100", "1"), fill(6, Side.SELL, "101", "1", "t")]
    assert [f.trade_id for f in own_fills(record, fills)] == [5, 6]
    assert own_fills(opening(), fills) == []


def test_a_position_that_was_turned_around_ends_where_it_was_zero() -> None:
    record = apply_fill(apply_fill(opening(), fill(1, Side.BUY, "100", "1")), fill(2, Side.SELL, "101", "3", "x", realised="1"))
    end = settled(record)
    assert [end.phase, end.net_quantity, end.gross] == [Phase.CLOSED, Decimal(0), Decimal(1)]


@pytest.mark.parametrize(
    ("opened", "closed", "crosses"), [(10, HOUR_MS - 1, False), (10, HOUR_MS, True), (HOUR_MS, 2 * HOUR_MS - 1, False)]
)
def test_funding_is_due_at_full_hours_only(opened: int, closed: int, crosses: bool) -> None:  # noqa: FBT001 - a parameter
    assert crosses_funding(opened, closed) is crosses


def test_a_booking_that_comes_late_belongs_to_its_hour() -> None:
    bookings = [(8 * HOUR_MS + 9_000, Usd(Decimal(-1))), (16 * HOUR_MS, Usd(Decimal(2)))]
    assert funding_of(bookings, 8 * HOUR_MS + 3_000, 17 * HOUR_MS) == 2
    assert funding_of(bookings, 7 * HOUR_MS, 8 * HOUR_MS + 1_000) == -1


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_each_booking_belongs_to_one_of_two_positions_in_a_row(opened: int, length: int) -> None:
    middle = opened + length
    hours = [(n * HOUR_MS, Usd(Decimal(1))) for n in range(12)]
    whole = funding_of(hours, opened, middle + 10**7)
    assert funding_of(hours, opened, middle) + funding_of(hours, middle, middle + 10**7) == whole

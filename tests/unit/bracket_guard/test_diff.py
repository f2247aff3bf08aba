from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.diff import Repair, RepairKind, diff
from services.bracket_guard.logic.doubt import Doubts
from shared.contracts.order import Leg
from shared.domain.order import OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType, client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price, Qty, Usd

POSITION = "abcdefghij"
DESIRED = Desired(POSITION, Price(Decimal(90)), Price(Decimal(116)), owned=True)
LONG = VenuePosition(
    symbol="BTCUSDT",
    amount=Decimal(2),
    entry_price=Price(Decimal(100)),
    mark_price=Price(Decimal(101)),
    unrealised=Usd(Decimal(2)),
    liquidation_price=None,
    leverage=10,
    isolated=False,
    position_side=PositionSide.BOTH,
    update_ms=1,
)


def order(number: int, kind: OrderType, *, name: str | None = None, side: Side = Side.SELL, trigger: str = "90") -> VenueOrder:
    leg = "s" if kind.is_stop else "t"
    return VenueOrder(
        symbol="BTCUSDT",
        order_id=number,
        client_id=name or client_id(POSITION, leg, number),
        side=side,
        type=kind,
        status=OrderStatus.NEW,
        quantity=Qty(Decimal(0)),
        filled=Qty(Decimal(0)),
        average_price=None,
        price=None,
        trigger_price=Price(Decimal(trigger)),
        reduce_only=True,
        close_position=True,
        working_type=WorkingType.MARK_PRICE,
        position_side=PositionSide.BOTH,
        update_ms=number,
        algo=True,
    )


STOP, TARGET = order(1, OrderType.STOP_MARKET), order(2, OrderType.TAKE_PROFIT_MARKET, trigger="116")


def kinds(repairs: list[Repair]) -> list[RepairKind]:
    return [repair.kind for repair in repairs]


def test_a_whole_bracket_needs_nothing() -> None:
    assert diff("BTCUSDT", LONG, DESIRED, [STOP, TARGET]) == []


def test_a_naked_position_gets_its_stop_before_its_target() -> None:
    assert kinds(diff("BTCUSDT", LONG, DESIRED, [])) == [RepairKind.PLACE_STOP, RepairKind.PLACE_TARGET]


def test_a_stop_of_somebody_else_that_closes_everything_counts() -> None:
    foreign = order(7, OrderType.STOP_MARKET, name="web_1")
    assert kinds(diff("BTCUSDT", LONG, DESIRED, [foreign, TARGET])) == []


def test_a_stop_for_a_part_does_not_protect_the_whole() -> None:
    part = replace(STOP, close_position=False, quantity=Qty(Decimal(1)))
    assert RepairKind.PLACE_STOP in kinds(diff("BTCUSDT", LONG, DESIRED, [part, TARGET]))


def test_a_stop_on_the_wrong_side_protects_nothing_and_ours_is_an_orphan() -> None:
    wrong = order(3, OrderType.STOP_MARKET, side=Side.BUY)
    assert kinds(diff("BTCUSDT", LONG, DESIRED, [wrong, TARGET])) == [RepairKind.PLACE_STOP, RepairKind.CANCEL_ORPHAN]


def test_of_two_stops_the_planned_one_stays() -> None:
    other = order(9, OrderType.STOP_MARKET, trigger="85")
    repairs = diff("BTCUSDT", LONG, DESIRED, [STOP, other, TARGET])
    assert [(r.kind, r.order) for r in repairs] == [(RepairKind.CANCEL_DUPLICATE, other)]


def test_without_a_position_ours_go_and_others_stay() -> None:
    foreign = order(7, OrderType.STOP_MARKET, name="web_1")
    legacy = order(8, OrderType.STOP_MARKET, name="old-1")
    repairs = diff("BTCUSDT", None, None, [STOP, foreign, legacy], prefixes=("old-",))
    assert [(r.kind, r.order) for r in repairs] == [(RepairKind.CANCEL_ORPHAN, STOP), (RepairKind.CANCEL_ORPHAN, legacy)]


def test_a_position_without_a_plan_is_left_alone() -> None:
    assert diff("BTCUSDT", LONG, None, []) == []


orders = st.lists(
    st.builds(
        order,
        st.integers(1, 50),
        st.sampled_from([OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET]),
        name=st.sampled_from([None, "web_1", "autoclose-1"]),
        side=st.sampled_from(Side),
        trigger=st.sampled_from(["85", "90", "116"]),
    ),
    max_size=6,
    unique_by=lambda o: o.order_id,
)


@given(orders, st.sampled_from([LONG, replace(LONG, amount=Decimal(-2)), None]))
def test_repairs_carried_out_leave_nothing_to_repair_and_never_touch_others(
    found: list[VenueOrder], position: VenuePosition | None
) -> None:
    desired = DESIRED if position is not None else None
    repairs = diff("BTCUSDT", position, desired, found)
    assert all(r.order is None or r.order.client_id.startswith("mr-") for r in repairs)
    after = [o for o in found if o not in [r.order for r in repairs]]
    side = Side.SELL if position is None else position.direction.exit_side
    for number, repair in enumerate(repairs):
        if repair.kind is RepairKind.PLACE_STOP:
            after.append(order(1000 + number, OrderType.STOP_MARKET, side=side, trigger="90"))
        elif repair.kind is RepairKind.PLACE_TARGET:
            after.append(order(1000 + number, OrderType.TAKE_PROFIT_MARKET, side=side, trigger="116"))
    assert diff("BTCUSDT", position, desired, after) == []


def test_the_guard_waits_for_a_second_look() -> None:
    doubts, missing = Doubts(), [Repair(RepairKind.PLACE_STOP, "BTCUSDT", Leg.STOP)]
    assert doubts.due("BTCUSDT", missing, 10.0) == []
    assert doubts.due("BTCUSDT", missing, 10.3) == []
    assert doubts.due("BTCUSDT", missing, 10.8) == missing


def test_what_a_complete_read_no_longer_shows_starts_anew() -> None:
    doubts, missing = Doubts(), [Repair(RepairKind.PLACE_STOP, "BTCUSDT", Leg.STOP)]
    doubts.due("BTCUSDT", missing, 10.0)
    doubts.due("BTCUSDT", [], 10.5)
    assert not doubts.any
    assert doubts.due("BTCUSDT", missing, 11.0) == []

"""The controller on a venue that keeps its rules: converges, changes nothing twice, never naked in between, leaves others alone."""

from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.jobs import Job, JobKind, jobs
from services.bracket_guard.logic.orders import covers, ours, protects
from shared.contracts.order import Leg
from shared.domain.order import Direction, OrderRequest, OrderStatus, OrderType, PositionSide, Side, VenueOrder, WorkingType, client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price, Qty
from tests.unit.bracket_guard.cases import POSITION, SYMBOL, desired, order, position

LONG = position()
STOP, TARGET = order(1), order(2, OrderType.TAKE_PROFIT_MARKET, trigger="116")


def kinds(found: list[Job]) -> list[JobKind]:
    return [job.kind for job in found]


def look(found: list[VenueOrder], held: VenuePosition | None = LONG, wanted: Desired | None = None, **words: bool) -> list[Job]:
    return jobs(SYMBOL, held, (wanted or desired()) if held is not None else None, found, ("old-",), **words)


def test_a_whole_bracket_needs_nothing() -> None:
    assert look([STOP, TARGET]) == []


def test_a_naked_position_gets_its_stop_before_its_target() -> None:
    assert kinds(look([])) == [JobKind.STOP_MISSING, JobKind.TARGET_MISSING]


def test_a_stop_of_somebody_else_that_is_as_close_counts() -> None:
    assert look([order(7, name="web_1"), TARGET]) == []


def test_a_looser_stop_of_somebody_else_is_left_and_ours_is_placed_beside_it() -> None:
    (job,) = look([order(7, name="web_1", trigger="80"), TARGET])
    (step,) = job.steps
    assert step.request is not None
    assert (step.request.close_position, step.request.quantity, step.request.trigger_price) == (False, 2, 90)


def test_a_stop_for_a_part_does_not_protect_the_whole() -> None:
    (job,) = look([order(1, quantity="1"), TARGET])
    assert job.kind is JobKind.STOP_MISSING
    assert [step.request is not None for step in job.steps] == [True, False]


def test_a_stop_on_the_wrong_side_protects_nothing_and_ours_is_an_orphan() -> None:
    assert kinds(look([order(3, side=Side.BUY), TARGET])) == [JobKind.STOP_MISSING, JobKind.ORPHAN]


def test_of_two_stops_the_planned_one_stays() -> None:
    (job,) = look([STOP, order(9, trigger="85"), TARGET])
    assert (job.kind, job.steps[0].order) == (JobKind.DUPLICATE, order(9, trigger="85"))


def test_a_wrong_price_is_replaced_over_a_bridge() -> None:
    (job,) = look([order(1, trigger="85"), TARGET])
    assert job.kind is JobKind.STOP_WRONG
    assert job.previous == 85
    bridge, cancel, place, away = job.steps
    assert bridge.request is not None
    assert (bridge.request.quantity, bridge.request.reduce_only) == (2, True)
    assert cancel.order is not None
    assert place.request is not None
    assert place.request.close_position
    assert away.placed_id == bridge.request.client_id


def test_the_same_state_gives_the_same_ids() -> None:
    def names(found: list[Job]) -> list[str]:
        return [step.request.client_id for job in found for step in job.steps if step.request is not None]

    assert names(look([])) == names(look([])) == [f"mr-{POSITION}-s100", f"mr-{POSITION}-t100"]
    moved = desired("95", moves=2)
    assert names(look([STOP, TARGET], wanted=moved)) == [f"mr-{POSITION}-s2100", f"mr-{POSITION}-s2101"]


def test_without_a_position_ours_go_and_others_stay() -> None:
    found = look([STOP, order(7, name="web_1"), order(8, name="old-1")], None)
    assert [(job.kind, job.steps[0].order.client_id) for job in found if job.steps[0].order] == [
        (JobKind.ORPHAN, STOP.client_id),
        (JobKind.ORPHAN, "old-1"),
    ]


def test_a_position_that_is_not_ours_is_left_alone() -> None:
    assert jobs(SYMBOL, LONG, None, [STOP]) == []


@pytest.mark.parametrize(("held", "kind"), [([], JobKind.BEYOND_STOP), ([STOP], JobKind.STOP_UNFILLED)])
def test_a_price_beyond_the_stop_is_an_exit(held: list[VenueOrder], kind: JobKind) -> None:
    (first, *_) = look([*held, TARGET], position(mark="89.9"))
    assert first.kind is kind
    request = first.steps[0].request
    assert request is not None
    assert (request.type, request.reduce_only, request.quantity) == (OrderType.MARKET, True, 2)


def test_a_closing_order_that_the_venue_does_not_show_is_passed_by() -> None:
    (job,) = look([TARGET], blocked=True)
    assert job.steps[0].request is not None
    assert job.steps[0].request.quantity == 2


@dataclass
class Venue:
    """Open orders under the venue's rules: one closing order per kind and side, ids free among open orders."""

    orders: list[VenueOrder]
    position: VenuePosition | None
    number: int = 10_000
    naked_steps: list[str] = field(default_factory=list)
    fails_at: int | None = None
    """Which request from the start fails; its job ends there."""
    requests: int = 0

    def covered(self) -> bool:
        held = self.position
        if held is None:
            return True
        return any(protects(o, held.direction.exit_side) is Leg.STOP and covers(o, held) for o in self.orders)

    def place(self, request: OrderRequest) -> bool:
        same = [o for o in self.orders if o.side is request.side and o.type is request.type and o.close_position]
        if (request.close_position and same) or any(o.client_id == request.client_id for o in self.orders):
            return False
        self.number += 1
        self.orders.append(
            VenueOrder(
                symbol=SYMBOL,
                order_id=self.number,
                client_id=request.client_id,
                side=request.side,
                type=request.type,
                status=OrderStatus.NEW,
                quantity=request.quantity or Qty(Decimal(0)),
                filled=Qty(Decimal(0)),
                average_price=None,
                price=None,
                trigger_price=request.trigger_price,
                reduce_only=True,
                close_position=request.close_position,
                working_type=WorkingType.MARK_PRICE,
                position_side=PositionSide.BOTH,
                update_ms=self.number,
                algo=True,
            )
        )
        return True

    def carry_out(self, job: Job) -> None:
        for step in job.steps:
            before = self.covered()
            self.requests += 1
            if self.requests - 1 == self.fails_at:
                return
            if step.request is not None:
                if step.request.type is OrderType.MARKET:
                    self.position = None
                    return
                if not self.place(step.request):
                    return
            else:
                gone = step.order.client_id if step.order is not None else step.placed_id
                self.orders = [o for o in self.orders if o.client_id != gone]
            if before and not self.covered():
                self.naked_steps.append(f"{job.kind} {step}")


@st.composite
def states(draw: st.DrawFn) -> tuple[list[VenueOrder], VenuePosition | None, Desired | None]:
    """What can be found: orders of ours, of an older bot and of others, right and wrong, whole and in part, on both sides."""
    direction = draw(st.sampled_from(Direction))
    held = draw(st.booleans())
    found: list[VenueOrder] = []
    for number in range(1, draw(st.integers(0, 6)) + 1):
        kind = draw(st.sampled_from([OrderType.STOP_MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET]))
        side = draw(st.sampled_from([direction.exit_side, direction.exit_side, direction.entry_side]))
        quantity = draw(st.sampled_from([None, None, "1", "2", "5"]))
        trigger = draw(st.sampled_from(["85", "90", "95", "105", "110", "116"]))
        revision = draw(st.sampled_from([0, 100, 101, 1100]))
        mine = client_id(POSITION, "s" if kind.is_stop else "t", revision)
        name = draw(st.sampled_from([mine, mine, client_id("zzzzzzzzzz", "s", 0), f"web_{number}", f"old-{number}"]))
        item = order(number, kind, name=name, side=side, trigger=trigger, quantity=quantity)
        same = [o for o in found if o.side is side and o.type is kind and o.close_position]
        if not (item.close_position and same) and all(o.client_id != name for o in found):
            found.append(item)
    sign = direction.sign
    stop, target = Price(Decimal(100 - 10 * sign)), Price(Decimal(100 + 16 * sign))
    wanted = replace(desired(direction=direction), stop_price=stop, target_price=target, moves=draw(st.sampled_from([0, 1])))
    mark = draw(st.sampled_from(["100", "101", "99"]))
    return (found, position(str(2 * sign), mark=mark), wanted) if held else (found, None, None)


@settings(max_examples=400)
@given(states())
def test_two_cycles_set_everything_right_without_a_naked_moment(
    state: tuple[list[VenueOrder], VenuePosition | None, Desired | None],
) -> None:
    found, held, wanted = state
    venue = Venue(list(found), held)
    others = [o for o in found if not ours(o, ("old-",))]
    for _ in range(2):
        for job in jobs(SYMBOL, venue.position, wanted if venue.position else None, venue.orders, ("old-",)):
            venue.carry_out(job)
    assert jobs(SYMBOL, venue.position, wanted if venue.position else None, venue.orders, ("old-",)) == []
    assert [o for o in venue.orders if not ours(o, ("old-",))] == others
    assert venue.naked_steps == []
    assert venue.covered()
    if venue.position is None:
        assert not [o for o in venue.orders if ours(o, ("old-",))]


@settings(max_examples=400)
@given(states(), st.integers(0, 8))
def test_a_request_that_fails_anywhere_leaves_no_position_naked_and_is_made_good(
    state: tuple[list[VenueOrder], VenuePosition | None, Desired | None], fails_at: int
) -> None:
    found, held, wanted = state
    venue = Venue(list(found), held, fails_at=fails_at)
    others = [o for o in found if not ours(o, ("old-",))]
    for _ in range(4):
        for job in jobs(SYMBOL, venue.position, wanted if venue.position else None, venue.orders, ("old-",)):
            venue.carry_out(job)
    assert jobs(SYMBOL, venue.position, wanted if venue.position else None, venue.orders, ("old-",)) == []
    assert [o for o in venue.orders if not ours(o, ("old-",))] == others
    assert venue.naked_steps == []
    assert venue.covered()


@settings(max_examples=200)
@given(states())
def test_the_same_state_asks_for_the_same(state: tuple[list[VenueOrder], VenuePosition | None, Desired | None]) -> None:
    found, held, wanted = state
    once = jobs(SYMBOL, held, wanted, found, ("old-",))
    assert once == jobs(SYMBOL, held, wanted, list(found), ("old-",))
    names = [step.request.client_id for job in once for step in job.steps if step.request is not None]
    assert len(set(names)) == len(names)
    assert not set(names) & {o.client_id for o in found}

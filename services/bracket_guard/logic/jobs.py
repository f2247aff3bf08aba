"""What a symbol should have on the venue against what it has: the jobs that follow, each with its steps in order.

For each position exactly one stop for the whole of it and the planned target; nothing of ours where there is no position.
Orders of others are never touched. A step that fails ends its job: the next complete read decides anew. No step takes the
last stop away: a venue that holds one closing stop of a side gets a reduce-only stop of the position's size as a bridge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from services.bracket_guard.logic.desired import Desired, beyond, tightest
from services.bracket_guard.logic.orders import covers, fresh_id, ours, protects
from shared.contracts.order import Leg
from shared.domain.order import OrderRequest, OrderType, VenueOrder, WorkingType, parse_client_id
from shared.domain.position import VenuePosition
from shared.domain.units import Price
from shared.risk.bracket import exit_request

EXIT_REVISION = 100


class JobKind(StrEnum):
    """Why something is to be done."""

    STOP_MISSING = "stop_missing"
    STOP_WRONG = "stop_wrong"
    TARGET_MISSING = "target_missing"
    TARGET_WRONG = "target_wrong"
    DUPLICATE = "duplicate"
    ORPHAN = "orphan"
    BEYOND_STOP = "beyond_stop"
    STOP_UNFILLED = "stop_unfilled"


@dataclass(frozen=True, slots=True)
class Step:
    """Place `request`, or cancel `order`, or cancel the order that an earlier step of the job placed as `placed_id`."""

    leg: Leg
    request: OrderRequest | None = None
    order: VenueOrder | None = None
    placed_id: str = ""
    bridge: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Steps with their reason; `previous` is the price of the stop that is replaced."""

    kind: JobKind
    symbol: str
    leg: Leg
    steps: tuple[Step, ...]
    mark: str = ""
    previous: Price | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The same trouble has the same key in each look."""
        return (self.symbol, self.kind.value, self.mark)


@dataclass(slots=True)
class _Case:
    """One position with its orders, taken apart."""

    position: VenuePosition
    desired: Desired
    orders: Sequence[VenueOrder]
    prefixes: Sequence[str]
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taken = {o.client_id for o in self.orders}

    def of(self, leg: Leg, *, mine: bool) -> list[VenueOrder]:
        side = self.position.direction.exit_side
        return [o for o in self.orders if protects(o, side) is leg and ours(o, self.prefixes) is mine]

    def name(self, leg: str) -> str:
        found = fresh_id(self.desired.position_id, leg, self.desired.moves if leg == "s" else 0, self.taken)
        self.taken.add(found)
        return found

    def request(self, kind: OrderType, price: Price, leg: str, *, whole: bool = True) -> OrderRequest:
        return OrderRequest(
            symbol=self.position.symbol,
            side=self.position.direction.exit_side,
            type=kind,
            client_id=self.name(leg),
            trigger_price=price,
            close_position=whole,
            quantity=None if whole else self.position.quantity,
            reduce_only=not whole,
            working_type=WorkingType.MARK_PRICE,
        )


def jobs(
    symbol: str,
    position: VenuePosition | None,
    desired: Desired | None,
    orders: Sequence[VenueOrder],
    prefixes: Sequence[str] = (),
    *,
    blocked: bool = False,
) -> list[Job]:
    """Jobs for one symbol, the urgent ones first. `blocked`: the venue holds a closing stop that it does not show."""
    waiting = [o for o in orders if o.status.open and o.type.conditional]
    if position is None:
        return [_cancel(JobKind.ORPHAN, symbol, o) for o in waiting if ours(o, prefixes)]
    if desired is None:
        return []
    case = _Case(position, desired, waiting, prefixes)
    found = [*_stop_jobs(case, blocked=blocked), *_target_jobs(case)]
    exit_side = position.direction.exit_side
    return found + [_cancel(JobKind.ORPHAN, symbol, o) for o in waiting if o.side is not exit_side and ours(o, prefixes)]


def _stop_jobs(case: _Case, *, blocked: bool) -> list[Job]:
    """At most one job that places, or one that exits, and those that cancel what is too much."""
    position, desired = case.position, case.desired
    wanted = desired.stop_price
    mine, foreign = case.of(Leg.STOP, mine=True), case.of(Leg.STOP, mine=False)
    resting = [o for o in (*mine, *foreign) if covers(o, position) and o.trigger_price is not None]
    prices = [o.trigger_price for o in resting if o.trigger_price is not None]
    if prices and beyond(position.direction, position.mark_price, tightest(position.direction, prices)):
        return [exit_job(position, desired, JobKind.STOP_UNFILLED)]
    if wanted is None:
        return []
    if not resting and beyond(position.direction, position.mark_price, wanted):
        return [exit_job(position, desired, JobKind.BEYOND_STOP)]
    wall = blocked or any(o.close_position for o in foreign)
    good = sorted((o for o in mine if _right(o, case, wanted)), key=lambda o: (not o.close_position, o.order_id))
    if good and (good[0].close_position or wall):
        return [_cancel(JobKind.DUPLICATE, position.symbol, o) for o in mine if o is not good[0]]
    if not good and any(covers(o, position) and _tight(o, case, wanted) for o in foreign):
        keep = max(mine, key=lambda o: (covers(o, position), -o.order_id), default=None)
        return [_cancel(JobKind.DUPLICATE, position.symbol, o) for o in mine if o is not keep]
    return [_set_stop(case, wanted, mine, good, wall=wall, naked=not resting)]


def _set_stop(case: _Case, wanted: Price, mine: list[VenueOrder], good: list[VenueOrder], *, wall: bool, naked: bool) -> Job:
    """Steps to one closing stop at the wanted price, with a stop at each moment in between."""
    steps: list[Step] = []
    closing = [o for o in mine if o.close_position]
    bridge_id = ""
    if (closing or wall) and not good:
        bridge = case.request(OrderType.STOP_MARKET, wanted, "s", whole=False)
        bridge_id = bridge.client_id
        steps.append(Step(Leg.STOP, request=bridge, bridge=not wall))
    steps += [Step(Leg.STOP, order=o) for o in closing]
    if not wall:
        steps.append(Step(Leg.STOP, request=case.request(OrderType.STOP_MARKET, wanted, "s")))
        if bridge_id:
            steps.append(Step(Leg.STOP, placed_id=bridge_id, bridge=True))
    steps += [Step(Leg.STOP, order=o) for o in mine if not o.close_position and not (wall and o in good)]
    kind = JobKind.STOP_MISSING if naked else JobKind.STOP_WRONG
    previous = [o.trigger_price for o in mine if o.trigger_price is not None and covers(o, case.position)]
    return Job(
        kind,
        case.position.symbol,
        Leg.STOP,
        tuple(steps),
        case.desired.tag,
        tightest(case.position.direction, previous) if previous else None,
    )


def _target_jobs(case: _Case) -> list[Job]:
    """The planned target; without it the position is still protected, so it is cancelled first and placed then."""
    wanted = case.desired.target_price
    if wanted is None:
        return []
    position = case.position
    mine = case.of(Leg.TARGET, mine=True)
    good = [o for o in mine if _right(o, case, wanted)]
    if good:
        return [_cancel(JobKind.DUPLICATE, position.symbol, o) for o in mine if o is not min(good, key=lambda o: o.order_id)]
    if not mine and case.of(Leg.TARGET, mine=False):
        return []
    cancels = [Step(Leg.TARGET, order=o) for o in mine]
    place = Step(Leg.TARGET, request=case.request(OrderType.TAKE_PROFIT_MARKET, wanted, "t"))
    kind = JobKind.TARGET_WRONG if mine else JobKind.TARGET_MISSING
    return [Job(kind, position.symbol, Leg.TARGET, (*cancels, place), case.desired.tag)]


def _right(order: VenueOrder, case: _Case, wanted: Price) -> bool:
    """Whether an order of ours closes the whole position, at market, at the wanted mark price."""
    simple = order.type in {OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET}
    return simple and order.working_type is WorkingType.MARK_PRICE and covers(order, case.position) and order.trigger_price == wanted


def _tight(order: VenueOrder, case: _Case, wanted: Price) -> bool:
    """Whether a stop of somebody else limits the loss at least as closely as ours would."""
    return order.trigger_price is not None and (order.trigger_price - wanted) * case.position.direction.sign >= 0


def exit_job(position: VenuePosition, desired: Desired, kind: JobKind) -> Job:
    """Close the position at market; reduce-only, so it can do no more than that."""
    request = exit_request(position.symbol, position.direction, position.quantity, desired.position_id, EXIT_REVISION)
    return Job(kind, position.symbol, Leg.EXIT, (Step(Leg.EXIT, request=request),), desired.tag)


def _cancel(kind: JobKind, symbol: str, order: VenueOrder) -> Job:
    parts = parse_client_id(order.client_id)
    leg = Leg.STOP if order.type.is_stop else Leg.TARGET
    return Job(kind, symbol, leg, (Step(leg, order=order),), f"{order.order_id}:{'' if parts is None else parts.intent_hash}")

"""From the wish to the venue: rules propose on marks, moves are told when the venue has them, and a failed one changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from services.bracket_guard.fast_tp import FastTp, Held
from services.bracket_guard.logic.desired import Desired
from services.bracket_guard.logic.jobs import Job, jobs
from services.bracket_guard.logic.moves import Move, Mover
from services.bracket_guard.moving import Moving
from services.bracket_guard.repairs import Done, Result
from services.bracket_guard.telling import Telling
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.contracts.envelope import Outgoing, Producer
from shared.domain.clock import ManualClock
from shared.domain.instrument import Instrument
from shared.domain.order import OrderType, VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.market import MarkPrice
from shared.runtime.context import Context
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore
from tests.integration.dashboard.rig import FakeVenue, context_of, settings_of, venue_of
from tests.unit.bracket_guard.cases import INSTRUMENT, POSITION, SYMBOL, desired, order, position

STOP, TARGET = order(1), order(2, OrderType.TAKE_PROFIT_MARKET, trigger="116")


@dataclass
class FakePlans:
    """Remembers what is wanted."""

    wanted: list[Desired] = field(default_factory=list)
    instruments: dict[str, Instrument] = field(default_factory=lambda: {SYMBOL: INSTRUMENT})

    def remember(self, _symbol: str, chosen: Desired) -> None:
        self.wanted.append(chosen)

    async def atr(self, _symbol: str, _interval: str, _now_ms: int) -> Decimal:
        return Decimal(1)


@dataclass
class FakeOutbox:
    events: list[BracketEvent] = field(default_factory=list)

    def put(self, messages: list[Outgoing]) -> None:
        for message in messages:
            assert isinstance(message.payload, BracketEvent)
            self.events.append(message.payload)


@dataclass
class World:
    """A way for moves whose venue answers what the test says."""

    ctx: Context
    plans: FakePlans
    outbox: FakeOutbox
    done: Done | None = None
    carried: list[Job] = field(default_factory=list)
    held: VenuePosition = field(default_factory=position)

    def moving(self) -> Moving:
        telling = Telling(self.ctx, self.outbox)  # type: ignore[arg-type]
        return Moving(self.ctx, self.plans, telling, self.find, self.carry)  # type: ignore[arg-type]

    def find(self, symbol: str, held: VenuePosition, wanted: Desired, orders: list[VenueOrder]) -> list[Job]:
        return jobs(symbol, held, wanted, orders)

    async def carry(self, job: Job, _held: VenuePosition, _wanted: Desired) -> Done | None:
        self.carried.append(job)
        return self.done


def context(**settings: str) -> Context:
    clock = ManualClock(100_000)
    bus = MemoryBus(MemoryBroker(), Producer("bracket_guard", "test", "main"), clock)
    return context_of(bus, MemoryState(MemoryStore(clock)), clock, settings_of(1, **settings), venue_of(FakeVenue({}, 0)))


@pytest.fixture
def world() -> World:
    return World(context(), FakePlans(), FakeOutbox())


def wish(price: str | None = "95", by: Mover = Mover.PERSON, position_id: str = POSITION) -> Move:
    aim = None if price is None else Decimal(price)
    return Move(symbol=SYMBOL, position_id=position_id, price=aim, time_ms=90_000, reason="asked", by=by, command_id="c1")


async def test_what_the_venue_has_is_told(world: World) -> None:
    world.done = Done(Result.DONE, order(9, trigger="95"))
    found = await world.moving().move(wish(), world.held, desired(), [STOP, TARGET])
    assert (found.stop_price, found.moves, found.moved_ms) == (Decimal(95), 1, 90_000)
    assert world.plans.wanted == [found]
    (event,) = world.outbox.events
    assert (event.event, event.trigger_price, event.previous_price) == (BracketEventKind.MOVED, Decimal(95), Decimal(90))
    assert (event.command_id, event.client_id, event.serial) == ("c1", order(9).client_id, "1")


@pytest.mark.parametrize(
    ("done", "why"), [(Done(Result.REFUSED), StopRefusal.VENUE), (Done(Result.TRIGGERS), StopRefusal.VENUE), (None, StopRefusal.COOLDOWN)]
)
async def test_what_the_venue_does_not_take_changes_nothing(world: World, done: Done | None, why: StopRefusal) -> None:
    world.done = done
    found = await world.moving().move(wish(), world.held, desired(), [STOP, TARGET])
    assert (found.stop_price, found.moves) == (Decimal(90), 0)
    assert world.plans.wanted[-1] == found
    (event,) = world.outbox.events
    assert (event.event, event.reason, event.previous_price) == (BracketEventKind.MOVE_REFUSED, why.value, Decimal(90))


@pytest.mark.parametrize("done", [Done(Result.UNKNOWN), Done(Result.REFUSED, begun=True), Done(Result.TRIGGERS, begun=True)])
async def test_a_move_without_an_answer_or_stuck_half_way_is_told_when_the_stop_is_seen(world: World, done: Done) -> None:
    world.done = done
    moving = world.moving()
    found = await moving.move(wish(), world.held, desired(), [STOP, TARGET])
    assert (found.stop_price, world.outbox.events) == (Decimal(95), [])
    moving.look(SYMBOL, found, [STOP, TARGET])
    assert world.outbox.events == []
    moving.look(SYMBOL, found, [order(1100, trigger="95"), TARGET])
    moving.look(SYMBOL, found, [order(1100, trigger="95"), TARGET])
    (event,) = world.outbox.events
    assert (event.event, event.command_id, event.client_id) == (BracketEventKind.MOVED, "c1", order(1100).client_id)


async def test_a_naked_position_gets_its_stop_first(world: World) -> None:
    found = await world.moving().move(wish(), world.held, desired(), [TARGET])
    assert (found.stop_price, world.carried) == (Decimal(90), [])
    assert world.outbox.events[0].reason == StopRefusal.NO_STOP.value


async def test_a_move_for_another_position_is_refused(world: World) -> None:
    assert await world.moving().move(wish(position_id="zzzzzzzzzz"), world.held, desired(), [STOP]) == desired()
    assert world.outbox.events[0].reason == StopRefusal.OTHER_POSITION.value


async def test_rules_are_refused_in_silence_and_told_by_their_name(world: World) -> None:
    moving = world.moving()
    await moving.move(wish("80", Mover.FAST_TP), world.held, desired(), [STOP])
    assert world.outbox.events == []
    world.done = Done(Result.DONE)
    await moving.move(wish("95", Mover.FAST_TP), world.held, desired(), [STOP])
    await moving.move(wish("96", Mover.BREAK_EVEN), world.held, desired(), [STOP])
    assert [event.event for event in world.outbox.events] == [BracketEventKind.SNAPPED, BracketEventKind.MOVED]


def mark(price: float, time_ms: int) -> MarkPrice:
    return MarkPrice(symbol=SYMBOL, mark=price, index=price, funding_rate=0.0, next_funding_ms=0, time_ms=time_ms)


async def proposals(held: Held, marks: list[tuple[int, float]], **settings: str) -> list[Move]:
    """What the rules propose on these marks."""
    found: list[Move] = []
    put: Callable[[Move], Any] = found.append
    rules = FastTp(context(**settings), FakePlans(), put)  # type: ignore[arg-type]
    rules.held[SYMBOL] = held
    for time_ms, price in marks:
        await rules.on_market(mark(price, time_ms))
    return found


async def test_a_range_that_cannot_be_read_is_not_asked_for_with_every_mark() -> None:
    asked: list[int] = []

    class Away(FakePlans):
        async def atr(self, _symbol: str, _interval: str, now_ms: int) -> Decimal:
            asked.append(now_ms)
            return None  # type: ignore[return-value]

    rules = FastTp(context(), Away(), lambda move: pytest.fail(f"moved: {move}"))  # type: ignore[arg-type]
    rules.held[SYMBOL] = Held(position(), desired())
    for time_ms, price in [(0, 112.0), (60_000, 111.0), (61_000, 110.5), (62_000, 110.0)]:
        await rules.on_market(mark(price, time_ms))
    assert asked == [60_000]


async def test_break_even_is_off_unless_asked_for() -> None:
    held, path = Held(position(), desired()), [(0, 104.0), (1_000, 105.0), (2_000, 106.0)]
    assert await proposals(held, path) == []
    first, second = await proposals(held, path, exits__break_even_r="0.5")
    assert (first.by, first.price, first.time_ms) == (Mover.BREAK_EVEN, Decimal("100.1"), 1_000)
    assert (second.price, second.time_ms) == (first.price, 2_000)


async def test_the_same_marks_give_the_same_moves() -> None:
    held = Held(position(), desired(target="130"))
    path = [(n * 20_000, 104.0 + n * 0.2 if n < 20 else 108.0 - (n - 20) * 0.3) for n in range(30)]
    once = await proposals(held, path, exits__break_even_r="0.6")
    assert {move.by for move in once} == {Mover.FAST_TP, Mover.BREAK_EVEN}
    assert once == await proposals(held, path, exits__break_even_r="0.6")


async def test_a_position_without_a_plan_is_moved_by_people_only(world: World) -> None:
    held = Held(position(), replace(desired(), default=True))
    assert await proposals(held, [(0, 104.0), (1_000, 115.0)], exits__break_even_r="0.5") == []
    world.done = Done(Result.DONE)
    found = await world.moving().move(wish(None), position(mark="105"), held.desired, [STOP])
    assert found.stop_price == Decimal("100.1")

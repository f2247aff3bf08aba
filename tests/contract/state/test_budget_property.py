"""Any interleaving of reservations, settlements and expiries keeps the books."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.clock import ManualClock
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.port import BudgetAnswer, ReserveOutcome, State
from shared.state.store import MemoryStore
from tests.contract.state.conftest import NOON_MS, real_world
from tests.fakes.servers import RedisServer

pytestmark = pytest.mark.contract

LIMIT = 1000
IDS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), IDS, st.integers(0, 600)),
        st.tuples(st.just("settle"), IDS, st.integers(0, 700)),
        st.tuples(st.just("expire"), st.just(""), st.integers(1, 80)),
    ),
    max_size=30,
)
Step = tuple[str, str, int]


class Book:
    """What the answers say must be true."""

    def __init__(self) -> None:
        self.reserved: dict[str, int] = {}
        self.overrun = 0

    def note(self, step: Step, answer: BudgetAnswer) -> None:
        kind, name, amount = step
        if kind == "reserve" and answer.outcome is ReserveOutcome.OK:
            self.reserved[name] = amount
        if kind == "settle" and answer.outcome is ReserveOutcome.OK:
            self.overrun += max(0, amount - self.reserved[name])
        assert answer.reserved_uusd >= 0
        assert answer.spent_uusd >= 0
        assert answer.reserved_uusd + answer.spent_uusd <= LIMIT + self.overrun


async def walk(state: State, day: str, steps: list[Step], *, clock: ManualClock | None) -> list[BudgetAnswer | int]:
    """Each step one after the other, checked; without a clock, reservations expire at once (TTL 0)."""
    book, answers = Book(), list[BudgetAnswer | int]()
    for step in steps:
        kind, name, amount = step
        if kind == "expire":
            if clock is not None:
                clock.advance_ms(amount)
            answers.append(await state.budget_expire())
            continue
        if kind == "reserve":
            ttl_ms = 100 if clock is not None else 0
            answer = await state.budget_reserve(name, day=day, limit_uusd=LIMIT, amount_uusd=amount, ttl_ms=ttl_ms)
        else:
            answer = await state.budget_settle(name, actual_uusd=amount)
        book.note(step, answer)
        answers.append(answer)
    return answers


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_the_twin_keeps_the_books(steps: list[Step]) -> None:
    clock = ManualClock(NOON_MS)
    asyncio.run(walk(MemoryState(MemoryStore(clock)), "2025-12-01", steps, clock=clock))


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_and_the_twin_give_the_same_answers(redis_server_shared: RedisServer, steps: list[Step]) -> None:
    async def both() -> None:
        world = real_world(redis_server_shared, Keys(f"p{uuid4().hex[:8]}"))
        try:
            real = await walk(world.client(), await world.today(), steps, clock=None)
        finally:
            await world.close()
        assert real == await walk(MemoryState(MemoryStore(ManualClock(NOON_MS))), "2025-12-01", steps, clock=None)

    asyncio.run(both())


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_keeps_the_books_when_steps_run_at_once(redis_server_shared: RedisServer, steps: list[Step]) -> None:
    async def race() -> None:
        world = real_world(redis_server_shared, Keys(f"p{uuid4().hex[:8]}"))
        try:
            state, day = world.client(), await world.today()
            within = [(kind, name, min(amount, 50)) if kind == "settle" else (kind, name, amount + 50) for kind, name, amount in steps]
            await asyncio.gather(*(walk(state, day, [step], clock=None) for step in within if step[0] != "settle"))
            settled = (state.budget_settle(name, actual_uusd=amount) for kind, name, amount in within if kind == "settle")
            await asyncio.gather(*settled, state.budget_expire())
            reserved, spent = await state.budget_totals(day)
            assert reserved >= 0
            assert spent >= 0
            assert reserved + spent <= LIMIT
        finally:
            await world.close()

    asyncio.run(race())

"""Several executors size and reserve with what each has read, in any order of their steps: together they pass no cap."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.executor.exposure import exposure_caps
from services.executor.logic.sizing import Foreign, Situation, Size, entry_size
from shared.config.sections.risk import Risk
from shared.domain.clock import ManualClock
from shared.domain.units import Usd, to_micro
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.port import State
from shared.state.store import MemoryStore
from tests.contract.state.conftest import NOON_MS, real_world
from tests.fakes.servers import RedisServer
from tests.unit.executor.test_sizing import TIERS, D, plan
from tests.unit.risk.test_sizing import INSTRUMENT

pytestmark = pytest.mark.contract

EQUITY = Usd(D(10_000))


@dataclass(frozen=True)
class Wish:
    """An entry that a replica would like; `again` reserves it twice (a plan that comes again), `ends` gives it back at once."""

    symbol: str
    stop: float
    raising: str
    again: bool
    ends: bool


WISHES = st.builds(
    Wish,
    symbol=st.sampled_from(["SOLUSDT", "ETHUSDT", "BTCUSDT"]),
    stop=st.sampled_from([0.2, 0.7, 2.0, 9.0]),
    raising=st.sampled_from(["0.5", "1", "2.2"]),
    again=st.booleans(),
    ends=st.booleans(),
)
REPLICAS = st.lists(st.lists(WISHES, min_size=1, max_size=5), min_size=2, max_size=4)
LIMITS = st.builds(
    Risk,
    per_trade=st.sampled_from([D("0.005"), D("0.02"), D("0.05")]),
    max_open_risk=st.sampled_from([D("0.02"), D("0.06")]),
    equity_fraction=st.sampled_from([D("0.05"), D("0.3"), D("1")]),
    max_open_global=st.integers(0, 4),
    max_open_per_symbol=st.integers(1, 2),
    leverage=st.sampled_from([3, 20]),
)


async def replica(state: State, name: str, wishes: list[Wish], risk: Risk) -> AsyncIterator[None]:
    """One executor's way through its plans, with a pause after each step that another one may use."""
    for number, wish in enumerate(wishes):
        reservation = f"{name}{number}"
        held = await state.exposure_entries()
        yield
        around = Situation(EQUITY, None, held, Foreign(), len(held))
        wanted = plan(symbol=wish.symbol, stop_distance=wish.stop, raising={"bucket": D(wish.raising)})
        size = entry_size(wanted, INSTRUMENT, risk, TIERS, around)
        if not isinstance(size, Size):
            continue
        for _ in range(1 + wish.again):
            await state.exposure_reserve(
                reservation,
                wish.symbol,
                margin_uusd=to_micro(size.sized.margin),
                risk_uusd=to_micro(size.sized.risk),
                caps=exposure_caps(risk, EQUITY, Foreign()),
            )
            yield
        if wish.ends:
            await state.exposure_release(reservation)
            yield


async def check(state: State, risk: Risk) -> None:
    """What is reserved together keeps to every limit."""
    held = list((await state.exposure_entries()).values())
    symbols = [symbol for symbol, _, _ in held]
    assert sum(margin for _, margin, _ in held) <= to_micro(risk.equity_fraction * EQUITY)
    assert sum(one for _, _, one in held) <= to_micro(risk.max_open_risk * EQUITY)
    assert not risk.max_open_global or len(held) <= risk.max_open_global
    assert not risk.max_open_per_symbol or max((symbols.count(s) for s in symbols), default=0) <= risk.max_open_per_symbol


async def interleaved(state: State, plans: list[list[Wish]], order: list[int], risk: Risk) -> dict[str, tuple[str, int, int]]:
    """Steps in the given order of replicas, then the rest of each; checked after every step."""
    runs = [replica(state, f"r{i}-", wishes, risk) for i, wishes in enumerate(plans)]
    turns = [*order, *(i for i in range(len(runs)) for _ in range(40))]
    for turn in turns:
        await anext(runs[turn % len(runs)], None)
        await check(state, risk)
    return await state.exposure_entries()


@given(REPLICAS, st.lists(st.integers(0, 3), max_size=40), LIMITS)
@settings(max_examples=200, deadline=None)
def test_no_interleaving_of_executors_passes_a_cap_in_the_twin(plans: list[list[Wish]], order: list[int], risk: Risk) -> None:
    asyncio.run(interleaved(MemoryState(MemoryStore(ManualClock(NOON_MS))), plans, order, risk))


@given(plans=REPLICAS, order=st.lists(st.integers(0, 3), max_size=30), risk=LIMITS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_and_the_twin_grant_the_same_in_every_interleaving(
    redis_server_shared: RedisServer, plans: list[list[Wish]], order: list[int], risk: Risk
) -> None:
    async def both() -> None:
        world = real_world(redis_server_shared, Keys(f"e{uuid4().hex[:8]}"))
        try:
            real = await interleaved(world.client(), plans, order, risk)
        finally:
            await world.close()
        assert real == await interleaved(MemoryState(MemoryStore(ManualClock(NOON_MS))), plans, order, risk)

    asyncio.run(both())


@given(plans=REPLICAS, risk=LIMITS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_executors_that_run_at_once_on_redis_pass_no_cap(redis_server_shared: RedisServer, plans: list[list[Wish]], risk: Risk) -> None:
    async def drain(state: State, name: str, wishes: list[Wish]) -> None:
        async for _ in replica(state, name, wishes, risk):
            await check(state, risk)

    async def race() -> None:
        world = real_world(redis_server_shared, Keys(f"e{uuid4().hex[:8]}"))
        try:
            await asyncio.gather(*(drain(world.client(), f"r{i}-", wishes) for i, wishes in enumerate(plans)))
            await check(world.client(), risk)
        finally:
            await world.close()

    asyncio.run(race())

"""The lease of one-active services: who may go on alone, who waits, who must stop."""

import asyncio

import pytest

from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.config.load import load
from shared.contracts.envelope import Producer
from shared.domain.errors import LeaseLost, StoreUnavailable
from shared.runtime import leader
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.options import RunOptions
from shared.state.memory import MemoryState
from shared.state.port import Lease
from shared.state.store import MemoryStore
from tests.fakes.eventually import eventually
from tests.integration.dashboard.rig import context_of

GUARD = "bracket_guard"


class SwitchedState:
    """The memory twin's leases, with a switch that turns the store off."""

    def __init__(self, store: MemoryStore) -> None:
        self._state = MemoryState(store)
        self.down = False
        self.asked = 0

    async def acquire(self, role: str, holder: str, ttl_ms: int) -> Lease | None:
        self._ask()
        return await self._state.acquire(role, holder, ttl_ms)

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        self._ask()
        return await self._state.renew(lease, ttl_ms)

    async def release(self, lease: Lease) -> None:
        self._ask()
        await self._state.release(lease)

    def _ask(self) -> None:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("switched off")


def instance(name: str, store: MemoryStore, *, alone: bool = True) -> tuple[Context, SwitchedState]:
    clock, state = SystemClock(), SwitchedState(store)
    bus = MemoryBus(MemoryBroker(), Producer(GUARD, name, "main"), clock)
    ctx = context_of(bus, state, clock, load(environ={}))  # type: ignore[arg-type]
    ctx.options = RunOptions(starts_alone=alone)
    ctx.producer = Producer(GUARD, name, "main")
    return ctx, state


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "POLL_S", 0.02)
    monkeypatch.setattr(leader, "RENEW_S", 0.02)
    monkeypatch.setattr(leader, "ALONE_S", 0.1)


async def activate(ctx: Context, within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        await leader.become_active(ctx, GUARD)


async def test_one_that_starts_alone_does_not_wait_for_a_store_that_never_answers() -> None:
    ctx, state = instance("a", MemoryStore(SystemClock()))
    state.down = True
    await activate(ctx)
    assert ctx.lease is None
    assert not ctx.holds_lease()


async def test_others_wait() -> None:
    ctx, state = instance("a", MemoryStore(SystemClock()), alone=False)
    state.down = True
    with pytest.raises(TimeoutError):
        await activate(ctx, 0.4)


async def test_a_standby_leaves_the_work_to_the_active_one_when_the_store_goes_away() -> None:
    store = MemoryStore(SystemClock())
    (first, _), (second, state) = instance("a", store), instance("b", store)
    await activate(first)
    waiting = asyncio.create_task(leader.become_active(second, GUARD))
    await eventually(lambda: state.asked > 2, what="the standby has seen the store")
    state.down = True
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.4)
    state.down = False
    await leader.hand_over(first)
    await asyncio.wait_for(waiting, 5)
    assert second.holds_lease()


async def test_a_standby_takes_over_without_the_store_when_that_stays_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "SEEN_STORE_S", 0.3)
    store = MemoryStore(SystemClock())
    (first, _), (second, state) = instance("a", store), instance("b", store)
    await activate(first)
    waiting = asyncio.create_task(leader.become_active(second, GUARD))
    await eventually(lambda: state.asked > 2, what="the standby has seen the store")
    state.down = True
    await asyncio.wait_for(waiting, 5)
    assert second.lease is None


async def test_the_active_one_goes_on_without_the_store_and_takes_the_lease_again() -> None:
    ctx, state = instance("a", MemoryStore(SystemClock()))
    await activate(ctx)
    state.down = True
    keeping = asyncio.create_task(leader.keep(ctx, GUARD, outage_tolerated=True))
    before = state.asked
    await eventually(lambda: state.asked > before + 3, what="it has tried")
    assert not keeping.done()
    ctx.lease = None
    state.down = False
    await eventually(ctx.holds_lease, what="a lease again")
    ctx.stopping.set()
    await asyncio.wait_for(keeping, 5)


async def test_one_that_began_alone_gives_way_to_the_one_that_holds_the_lease() -> None:
    store = MemoryStore(SystemClock())
    (alone, state), (other, _) = instance("a", store), instance("b", store)
    state.down = True
    await activate(alone)
    await activate(other)
    state.down = False
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(leader.keep(alone, GUARD, outage_tolerated=True), 5)


async def test_handing_over_lets_the_next_one_in_at_once() -> None:
    store = MemoryStore(SystemClock())
    (first, _), (second, _) = instance("a", store), instance("b", store)
    await activate(first)
    await leader.hand_over(first)
    await activate(second, 1.0)
    assert (first.lease, second.holds_lease()) == (None, True)


async def another_had_it(store: MemoryStore) -> None:
    """The lease runs out, somebody takes it and gives it back."""
    store.leases.clear()
    (other, _) = instance("b", store)
    await activate(other)
    await leader.hand_over(other)


@pytest.mark.parametrize("flushed", [False, True])
async def test_one_that_gets_the_lease_back_after_another_had_it_starts_anew(flushed: bool) -> None:  # noqa: FBT001 - a case
    store = MemoryStore(SystemClock())
    ctx, _ = instance("a", store)
    await activate(ctx)
    if flushed:
        store.fences = {key: token - 100 for key, token in store.fences.items()}  # begun anew a while ago
        assert ctx.lease is not None
        ctx.lease = Lease(ctx.lease.role, ctx.lease.owner, ctx.lease.token - 5_000)
    await another_had_it(store)
    with pytest.raises(LeaseLost, match="meanwhile"):
        await asyncio.wait_for(leader.keep(ctx, GUARD, outage_tolerated=True), 5)
    assert store.leases == {}, "the next one need not wait"


@pytest.mark.parametrize("lost", ["lease", "everything"])
async def test_one_that_nobody_replaced_goes_on(lost: str) -> None:
    store = MemoryStore(SystemClock())
    ctx, _ = instance("a", store)
    await activate(ctx)
    assert ctx.lease is not None
    if lost == "everything":
        store.fences.clear()
        ctx.lease = Lease(ctx.lease.role, ctx.lease.owner, ctx.lease.token - 5_000)
    old = ctx.lease
    store.leases.clear()
    keeping = asyncio.create_task(leader.keep(ctx, GUARD, outage_tolerated=True))
    await eventually(lambda: ctx.lease != old, what="a lease again")
    ctx.stopping.set()
    await asyncio.wait_for(keeping, 5)
    assert ctx.holds_lease()

"""Who may write what was learned, and what is put back when the store has lost it."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from services.advisor import learning
from services.advisor.archive import Archive, Documents
from services.advisor.editions import Editions
from services.advisor.learning import Learning
from services.advisor.logic.brain import Brain
from services.advisor.logic.documents import CURRENT, DRAFT, place, review
from services.advisor.logic.learner import Edition, Learner
from services.advisor.notebook import ROLE, TTL_MS, Notebook
from services.advisor.outlook import Outlook
from shared.bus import port
from shared.config.load import load
from shared.config.registry import env_names
from shared.contracts.control import Command
from shared.contracts.envelope import Producer
from shared.domain.clock import ManualClock
from shared.domain.control import TradingState
from shared.domain.errors import LeaseLost, StoreUnavailable
from shared.runtime.context import Context
from shared.runtime.metrics import Metrics
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.sections import CONTROL, LEARNING
from shared.state.state_file import load as load_file
from shared.state.store import MemoryStore
from tests.fakes.eventually import eventually
from tests.unit.advisor.test_brain import taught

LEARNING_KEY = Keys("main").learning


class World:
    """One store, one clock, one folder; as many advisors as wanted."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(1_764_590_400_000)
        self.store = MemoryStore(self.clock)
        self.path = folder / "aster_state.json"

    def context(self, name: str = "advisor-a") -> Context:
        return Context(
            settings=load(environ=env_names({"core.state_file": str(self.path)})),
            clock=self.clock,
            bus=cast("port.Bus", None),
            state=MemoryState(self.store, "main"),
            keys=Keys("main"),
            log=structlog.get_logger(),
            metrics=Metrics("advisor"),
            producer=Producer("advisor", name, "main"),
        )

    async def notebook(self, ctx: Context) -> Notebook:
        lease = await ctx.state.acquire(ROLE, ctx.producer.instance, TTL_MS)
        assert lease is not None
        return Notebook(ctx, lease, await ctx.state.get_all(LEARNING_KEY))

    def flush(self) -> None:
        """The store loses everything."""
        self.store.hashes.clear()
        self.store.leases.clear()
        self.store.fences.clear()
        self.store.controls.clear()

    @property
    def stored(self) -> set[str]:
        return set(self.store.hashes.get(LEARNING_KEY, {}))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def edition(number: int = 7) -> Edition:
    return Edition(number, taught([1.4, -1.1], 20), 20)


async def written(world: World, ctx: Context) -> Notebook:
    notebook = await world.notebook(ctx)
    await notebook.publish(edition(), {"hypothetical": True})
    await notebook.keep(Learner(edition=edition()))
    return notebook


async def test_what_is_written_is_what_is_known(world: World) -> None:
    ctx = world.context()
    notebook = await written(world, ctx)
    assert await ctx.state.get_all(LEARNING_KEY) == notebook.documents
    assert notebook.changes == 4
    assert review(notebook.documents).problems == ()


async def test_a_store_that_lost_everything_gets_it_back_with_the_next_word(world: World) -> None:
    ctx = world.context()
    notebook = await written(world, ctx)
    before = dict(notebook.documents)
    world.flush()
    await notebook.renew()
    assert await ctx.state.get_all(LEARNING_KEY) == before
    world.flush()
    await notebook.keep(Learner(edition=edition(), clock_ms=99))
    after = await ctx.state.get_all(LEARNING_KEY)
    assert after[DRAFT]["clock_ms"] == 99
    assert after[place(7)] == before[place(7)]
    assert await ctx.state.holder(ROLE) == notebook.lease


async def test_one_who_was_away_too_long_puts_nothing_back(world: World) -> None:
    notebook = await written(world, world.context())
    world.flush()
    world.clock.advance_ms(TTL_MS + 1)
    assert not notebook.sure
    with pytest.raises(LeaseLost):
        await notebook.renew()
    with pytest.raises(LeaseLost):
        await notebook.keep(Learner())
    assert world.stored == set()


async def test_one_whose_lease_another_took_writes_nothing(world: World) -> None:
    first = await written(world, world.context())
    world.clock.advance_ms(TTL_MS + 1)
    other = world.context("advisor-b")
    second = await world.notebook(other)
    with pytest.raises(LeaseLost):
        await first.keep(Learner(clock_ms=1))
    await second.keep(Learner(edition=edition(), clock_ms=2))
    draft = await other.state.get(LEARNING_KEY, DRAFT)
    assert draft is not None
    assert draft["clock_ms"] == 2


async def test_what_another_wrote_after_the_loss_stays(world: World) -> None:
    first = await written(world, world.context())
    world.flush()
    other = world.context("advisor-b")
    second = await world.notebook(other)
    await second.keep(Learner(clock_ms=5))
    await other.state.release(second.lease)
    with pytest.raises(LeaseLost):
        await first.renew()
    assert world.stored == {DRAFT}
    assert await other.state.holder(ROLE) is None, "the next one need not wait"


async def test_readers_go_on_with_what_they_know_and_new_ones_with_the_file(world: World) -> None:
    ctx = world.context()
    notebook = await written(world, ctx)
    archive = Archive(ctx)
    reader = Editions(ctx)
    assert (await reader.newest()).number == 7
    assert await archive.keep(notebook.documents, await archive.records() or {})
    world.flush()
    assert (await reader.newest()).number == 7
    fresh = Editions(world.context("advisor-c"))
    assert (await fresh.newest()).brain.to_dict() == edition().brain.to_dict()
    world.path.unlink()
    assert (await Editions(world.context()).newest()).number == 0
    await ctx.state.put(LEARNING_KEY, CURRENT, {"number": 8})
    await ctx.state.put(LEARNING_KEY, place(8), {"number": 8, "brain": Brain().to_dict()})
    assert (await fresh.newest()).number == 8, "Redis has the last word"


async def test_the_record_outlives_the_store(world: World) -> None:
    ctx = world.context()
    archive = Archive(ctx)
    await ctx.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    await ctx.state.command(Command.STOP, author="test", reason="", now_ms=2)
    assert await archive.keep({}, await archive.records() or {})
    world.flush()
    for found in (archive, Archive(world.context())):
        records = await found.records()
        assert records is not None
        assert records[CONTROL]["present"]["state"] == "stopped"
        assert LEARNING not in records
    await ctx.state.init_control(TradingState.PAUSED, author="me", now_ms=3)
    assert (await archive.records() or {})[CONTROL]["present"]["state"] == "paused"
    world.store.available = False
    assert (await archive.records() or {})[CONTROL]["present"]["state"] == "paused"


async def test_a_file_that_cannot_be_written_holds_nothing_up(world: World) -> None:
    world.path.mkdir()
    archive = Archive(world.context())
    assert not await archive.keep({"draft": {}}, {})
    assert await archive.documents() == {}


async def test_without_a_store_nothing_is_lost_from_memory(world: World) -> None:
    notebook = await written(world, world.context())
    documents = dict(notebook.documents)
    world.store.available = False
    with pytest.raises(StoreUnavailable):
        await notebook.keep(Learner(clock_ms=3))
    assert notebook.documents == documents
    world.store.available = True
    await notebook.keep(Learner(edition=edition(), clock_ms=3))
    found: dict[str, Any] = notebook.documents[DRAFT]
    assert found["clock_ms"] == 3


async def test_the_file_is_a_snapshot_of_what_redis_confirmed(world: World) -> None:
    ctx = world.context()
    notebook, archive = await written(world, ctx), Archive(ctx)
    assert await archive.keep(notebook.documents, {})
    found = load_file(world.path)
    assert found.sections[LEARNING] == await ctx.state.get_all(LEARNING_KEY)
    assert (found.account, found.writer) == ("main", "advisor-a")


def learning_of(ctx: Context, archive: Archive) -> Learning:
    return Learning(ctx, cast("Outlook", None), Editions(ctx, archive), archive)


async def test_a_learner_waits_for_a_file_that_cannot_be_read_and_records_nothing_over_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "POLL_S", 0.02)
    ctx = world.context()
    await ctx.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    notebook, archive = await written(world, ctx), Archive(ctx)
    assert await archive.keep(notebook.documents, await archive.records() or {})
    await ctx.state.release(notebook.lease)
    world.flush()
    kept = world.path.with_name("kept")
    world.path.rename(kept)
    world.path.symlink_to(world.path)  # fails in another way than a missing file
    fresh, lease = Archive(ctx), await ctx.state.acquire(ROLE, "advisor-a", TTL_MS)
    assert lease is not None
    assert await fresh.records() is None
    with structlog.testing.capture_logs() as logs:
        loading = asyncio.create_task(learning_of(ctx, fresh)._load(lease))
        await eventually(lambda: [entry for entry in logs if entry["event"] == "learning_waits"], what="it tells that it waits")
        world.clock.advance_ms(TTL_MS - 1_000)
        await eventually(lambda: len([entry for entry in logs if entry["event"] == "learning_waits"]) > 2)
        world.clock.advance_ms(TTL_MS - 1_000)
        assert not loading.done()
        assert world.stored == set()
        world.path.unlink()
        kept.rename(world.path)
        found = await asyncio.wait_for(loading, 5)
    assert found is not None
    assert found.documents == notebook.documents
    assert CONTROL in (await fresh.records() or {})


class Slow(Archive):
    """The disk takes longer than a lease lasts."""

    def __init__(self, ctx: Context, clock: ManualClock) -> None:
        super().__init__(ctx)
        self._clock = clock

    async def keep(
        self, documents: Mapping[str, Mapping[str, Any]], others: Mapping[str, Documents], may: Callable[[], bool] = lambda: True
    ) -> bool:
        self._clock.advance_ms(TTL_MS + 1)
        return await super().keep(documents, others, may)


async def test_a_writing_that_lasts_longer_than_the_lease_replaces_nothing(world: World) -> None:
    ctx = world.context()
    notebook = await written(world, ctx)
    await learning_of(ctx, Slow(ctx, world.clock))._to_file(notebook)
    assert not world.path.exists()
    ctx = world.context("advisor-b")
    next_one = await world.notebook(ctx)
    await learning_of(ctx, Archive(ctx))._to_file(next_one)
    assert load_file(world.path).sections[LEARNING] == next_one.documents


class Busy(Archive):
    """Something is learned while the file is written."""

    notebook: Notebook | None = None

    async def keep(
        self, documents: Mapping[str, Mapping[str, Any]], others: Mapping[str, Documents], may: Callable[[], bool] = lambda: True
    ) -> bool:
        done = await super().keep(documents, others, may)
        if self.notebook is not None:
            await self.notebook.keep(Learner(clock_ms=77))
            self.notebook = None
        return done


async def test_what_is_learned_during_a_writing_is_in_the_next(world: World) -> None:
    ctx = world.context()
    archive = Busy(ctx)
    notebook = archive.notebook = await written(world, ctx)
    writer = learning_of(ctx, archive)
    await writer._to_file(notebook)
    await writer._to_file(notebook)
    assert load_file(world.path).sections[LEARNING][DRAFT]["clock_ms"] == 77

"""What the guard keeps: in the store for others, in a file for the time without it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from services.bracket_guard.notebook import RETRY_S, Notebook
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.contracts.envelope import Producer
from shared.domain.clock import ManualClock
from shared.domain.errors import StoreUnavailable
from shared.runtime.context import Context
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore
from tests.integration.dashboard.rig import FakeVenue, context_of, settings_of, venue_of
from tests.unit.bracket_guard.cases import SYMBOL, desired


class Away(MemoryState):
    """A store that does not answer."""

    async def get_all(self, key: str) -> dict[str, dict[str, Any]]:
        raise StoreUnavailable(key)

    async def put(self, key: str, field: str, document: dict[str, Any]) -> None:  # type: ignore[override]
        raise StoreUnavailable(f"{key} {field} {document}")


def context(path: Path, state: type[MemoryState] = MemoryState, **settings: str) -> Context:
    clock = ManualClock(100_000)
    bus = MemoryBus(MemoryBroker(), Producer("bracket_guard", "test", "main"), clock)
    loaded = settings_of(1, core__brackets_queue_file=str(path), **settings)
    return context_of(bus, state(MemoryStore(clock)), clock, loaded, venue_of(FakeVenue({}, 0)))


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def unreadable(path: Path) -> Path:
    path.parent.mkdir()
    path.write_text("{half a fi")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "brackets_queue.json"


async def test_a_guard_without_a_store_knows_the_brackets_from_the_file(path: Path) -> None:
    before = Notebook(context(path, Away))
    before.desired[SYMBOL] = desired("97", moves=2)
    before.naked = {"longest_ms": 740, "at_ms": 5}
    before.note({"kind": "stop_missing"})
    await before.save()
    after = Notebook(context(path, Away))
    await after.load()
    assert after.desired == before.desired
    assert (after.naked, after.recent) == (before.naked, before.recent)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_the_store_knows_better_than_the_file(path: Path) -> None:
    ctx = context(path)
    first = Notebook(ctx)
    first.desired[SYMBOL] = desired("95", moves=1)
    first.gaps[SYMBOL] = {"total_ms": 300, "since_ms": None}
    await first.save()
    document = await ctx.state.get(ctx.keys.brackets, SYMBOL)
    assert document is not None
    assert document["naked"] == {"total_ms": 300, "since_ms": None}
    await ctx.state.put(ctx.keys.brackets, SYMBOL, {**document, "desired": {**document["desired"], "stop_price": "97"}})
    second = Notebook(ctx)
    await second.load()
    assert second.desired[SYMBOL].stop_price == 97
    second.desired.clear()
    await second.save()
    assert await ctx.state.get_all(ctx.keys.brackets) == {}
    assert content(path)["desired"] == {}


async def test_a_file_of_another_account_is_not_ours(path: Path) -> None:
    other = Notebook(context(path, Away, core__account="second"))
    other.desired[SYMBOL] = desired()
    await other.save()
    mine = Notebook(context(path, Away))
    await mine.load()
    assert mine.desired == {}


async def test_a_file_that_cannot_be_read_is_kept_aside(unreadable: Path) -> None:
    notebook = Notebook(context(unreadable, Away))
    await notebook.load()
    (kept,) = unreadable.parent.iterdir()
    assert (kept.name, kept.stat().st_size) == ("brackets_queue.json.unreadable-100000", len("{half a fi"))
    assert notebook.desired == {}
    await notebook.save()
    assert content(unreadable)["account"] == "main"


async def test_a_place_that_cannot_be_written_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    notebook = Notebook(context(tmp_path / "file" / "queue.json", Away))
    notebook.desired[SYMBOL] = desired()
    await notebook.save()
    await notebook.load()
    assert notebook.desired[SYMBOL] == desired()


async def test_a_file_that_could_not_be_written_is_written_the_next_time(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    notebook = Notebook(context(path))
    notebook.desired[SYMBOL] = desired("97")
    await notebook.save()
    path.parent.unlink()
    await notebook.save()
    assert set(content(path)["desired"]) == {SYMBOL}


class Flushed(MemoryState):
    """A store that is away for a while."""

    away = False

    async def put(self, key: str, field: str, value: Mapping[str, Any]) -> None:
        if self.away:
            raise StoreUnavailable(key)
        await super().put(key, field, value)


async def test_a_store_that_was_away_and_lost_everything_gets_all_brackets_again(path: Path) -> None:
    clock = ManualClock(100_000)
    store = MemoryStore(clock)
    state = Flushed(store)
    bus = MemoryBus(MemoryBroker(), Producer("bracket_guard", "test", "main"), clock)
    ctx = context_of(bus, state, clock, settings_of(1, core__brackets_queue_file=str(path)), venue_of(FakeVenue({}, 0)))
    notebook = Notebook(ctx)
    notebook.desired.update({SYMBOL: desired("95"), "OTHERUSDT": desired("95")})
    await notebook.save()
    state.away = True
    notebook.desired[SYMBOL] = desired("97", moves=1)
    await notebook.save()
    store.hashes.clear()
    state.away = False
    clock.advance_ms(int(RETRY_S * 1000) + 1)
    await notebook.save()
    assert set(await state.get_all(ctx.keys.brackets)) == {SYMBOL, "OTHERUSDT"}


def spoil(path: Path, wrong: dict[str, Any] | None) -> None:
    """Valid JSON of another shape."""
    path.write_text(json.dumps([1] if wrong is None else {**content(path), **wrong}))


@pytest.mark.parametrize(
    "wrong", [{"desired": ["x"]}, {"desired": {SYMBOL: "x"}}, {"recent": 3}, {"recent": ["x"]}, {"naked": {"at_ms": "soon"}}, None]
)
async def test_a_file_of_another_shape_is_kept_aside(path: Path, wrong: dict[str, Any] | None) -> None:
    first = Notebook(context(path, Away))
    first.desired[SYMBOL] = desired("97")
    await first.save()
    spoil(path, wrong)
    second = Notebook(context(path, Away))
    await second.load()
    assert (second.desired, second.recent, second.naked) == ({}, [], {})
    assert [entry.name for entry in path.parent.iterdir()] == ["brackets_queue.json.unreadable-100000"]

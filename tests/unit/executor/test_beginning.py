from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from services.executor.beginning import begin
from shared.bus import port
from shared.config.load import load
from shared.config.registry import env_names
from shared.contracts.envelope import Producer
from shared.domain.clock import ManualClock
from shared.domain.control import TradingState
from shared.runtime.context import Context
from shared.runtime.metrics import Metrics
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.sections import records
from shared.state.snapshot import Snapshot
from shared.state.state_file import StateFile
from shared.state.store import MemoryStore

RUNNING, PAUSED, STOPPED = TradingState.RUNNING, TradingState.PAUSED, TradingState.STOPPED


def context(path: Path, **settings: str) -> Context:
    clock = ManualClock(5_000)
    return Context(
        settings=load(environ=env_names({"core.state_file": str(path), **settings})),
        clock=clock,
        bus=cast("port.Bus", None),
        state=MemoryState(MemoryStore(clock), "main"),
        keys=Keys("main"),
        log=structlog.get_logger(),
        metrics=Metrics("executor"),
        producer=Producer("executor", "executor-1", "main"),
    )


async def record(ctx: Context, state: TradingState) -> None:
    """The file that an advisor would have written while trading was in that state."""
    await ctx.state.init_control(state, author="test", now_ms=1)
    sections: dict[str, dict[str, Any]] = dict(await records(ctx.state))
    file = StateFile(ctx.settings.core.state_file, "main")
    file.write(Snapshot(account="main", written_ms=1, writer="advisor-1", serial=0, sections=sections))


@pytest.mark.parametrize(("paper", "usual"), [("true", RUNNING), ("false", PAUSED)])
async def test_a_new_installation_runs_on_paper_and_waits_with_real_money(tmp_path: Path, paper: str, usual: TradingState) -> None:
    ctx = context(tmp_path / "state", **{"core.paper": paper})
    assert (await begin(ctx)).state is usual


@pytest.mark.parametrize("recorded", list(TradingState))
async def test_a_store_that_lost_the_state_never_begins_with_more(tmp_path: Path, recorded: TradingState) -> None:
    ctx = context(tmp_path / "state")
    await record(ctx, recorded)
    fresh = context(tmp_path / "state")
    found = await begin(fresh)
    assert (found.state, found.epoch) == (recorded, 1)


async def test_a_state_that_is_there_stays(tmp_path: Path) -> None:
    ctx = context(tmp_path / "state")
    await record(context(tmp_path / "state"), STOPPED)
    await ctx.state.init_control(RUNNING, author="me", now_ms=1)
    assert (await begin(ctx)).state is RUNNING


@pytest.mark.parametrize("what", ["junk", "a folder", "unreadable"])
async def test_a_record_that_cannot_be_used_lets_nothing_trade(tmp_path: Path, what: str) -> None:
    path = tmp_path / "state"
    if what == "junk":
        path.write_bytes(b"{}")
        path.with_name("state.previous").write_bytes(b"{}")
    elif what == "a folder":
        path.mkdir()
    else:
        path.symlink_to(path)  # fails in another way than a missing file
    with structlog.testing.capture_logs() as logs:
        ctx = context(path)
        assert (await begin(ctx)).state is PAUSED
    assert "state_file_refused" in {entry["event"] for entry in logs}


async def test_a_broken_file_beside_a_good_one_is_told_and_the_good_one_counts(tmp_path: Path) -> None:
    ctx = context(tmp_path / "state")
    await record(ctx, STOPPED)
    (tmp_path / "state").rename(tmp_path / "state.previous")
    (tmp_path / "state").write_bytes(b"junk")
    with structlog.testing.capture_logs() as logs:
        assert (await begin(context(tmp_path / "state"))).state is STOPPED
    assert "state_file_refused" in {entry["event"] for entry in logs}

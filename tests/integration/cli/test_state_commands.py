"""`mraster export` and `mraster import` against a real Redis, with and without an advisor that learns."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from services.advisor.editions import Editions
from services.advisor.logic.documents import CURRENT, DRAFT, review
from services.advisor.notebook import ROLE
from services.advisor.service import build
from services.commands.state_store import replace
from shared.config.registry import env_names
from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.domain.errors import LeaseLost, Permanent
from shared.state.keys import Keys
from shared.state.port import Lease, Replaced
from shared.state.redis_store import RedisState
from shared.state.snapshot import decode
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.advisor.rig import context, running
from tests.integration.advisor.test_learning import flush, play
from tests.unit.cli.test_original import record

ROOT = Path(__file__).parents[3]
KEYS = Keys("main")
pytestmark = pytest.mark.integration


class Cli:
    """The command line as a process."""

    def __init__(self, redis: RedisServer, folder: Path) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST"))}  # noqa: TID251 - a child's environment
        self._env = {**clean, **env_names({"infra.redis_url": redis.url}), "PYTHONPATH": str(ROOT)}
        self.folder = folder

    async def __call__(self, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-P", "-m", "services.cli", *arguments, "--home", str(self.folder / "home")]

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(argv, input=answer, env=self._env, cwd=self.folder, capture_output=True, text=True, check=False)

        return await asyncio.to_thread(run)


@pytest.fixture
def cli(redis_server: RedisServer, tmp_path: Path) -> Cli:
    return Cli(redis_server, tmp_path)


@pytest.fixture
async def learned(nats_server: NatsServer, redis_server: RedisServer) -> dict[str, dict[str, Any]]:
    """Redis after a while of learning; nobody runs."""
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await play(ctx, 0, 60)
    return await documents(redis_server)


def _is_free(port: int) -> bool:
    """Nobody answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def documents(redis: RedisServer) -> dict[str, dict[str, Any]]:
    state = RedisState(redis.url, "main")
    try:
        return await state.get_all(KEYS.learning)
    finally:
        await state.close()


async def test_an_export_comes_back_as_it_was(learned: dict[str, dict[str, Any]], redis_server: RedisServer, cli: Cli) -> None:
    done = await cli("export", "--to", "mine.json", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["sections"]["learning"] == len(learned)
    assert said["learning"]["edition"] == learned[CURRENT]["number"]
    assert decode((cli.folder / "mine.json").read_bytes()).sections["learning"] == learned
    assert (await cli("export", "--to", "mine.json")).returncode == 1, "never over another file"
    flush(redis_server)
    shown = await cli("import", "mine.json", "--dry-run", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["changes"]["policy"] == [0.0, said["learning"]["policy"]]
    assert await documents(redis_server) == {}
    assert (await cli("import", "mine.json", "--yes")).returncode == 0
    after = await documents(redis_server)
    assert after.pop(CURRENT).items() > learned[CURRENT].items()
    assert after == {field: document for field, document in learned.items() if field != CURRENT}
    again = await cli("import", "mine.json", "--dry-run")
    assert "nothing would change" in again.stdout


async def test_a_no_and_a_running_market_change_nothing(learned: dict[str, dict[str, Any]], redis_server: RedisServer, cli: Cli) -> None:
    (cli.folder / "old.json").write_text(json.dumps({"trade_history": [record()], "live_trades": {}}))
    assert (await cli("import", "old.json", answer="n\n")).returncode == 1
    state = RedisState(redis_server.url, "main")
    await state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    refused = await cli("import", "old.json", "--yes")
    assert refused.returncode == 1
    assert "expected it to be paused" in refused.stderr
    assert await documents(redis_server) == learned
    assert (await cli("import", "old.json", "--yes", "--while-running")).returncode == 0
    await state.command(Command.PAUSE, author="test", reason="", now_ms=2)
    assert (await cli("import", "old.json", "--yes")).returncode == 0
    assert review(await documents(redis_server)).policy == review(learned).policy + 0.5, "a trade is learned from once"
    await state.close()


async def test_the_original_bots_file_is_told_part_by_part(redis_server: RedisServer, cli: Cli) -> None:
    history = [record(closed_at=1_762_000_000.0 + n) for n in range(5)] + [record(pnl_r=0.0), "junk"]
    (cli.folder / "aster_state.json").write_text(json.dumps({"trade_history": history, "decision_stats": {"taken": 3}, "novelty": [1, 2]}))
    done = await cli("import", "aster_state.json", "--yes")
    assert done.returncode == 0, done.stderr
    assert "5 are learned from, 0 were known already" in done.stdout
    assert "trade_history (1): its risk is unknown" in done.stdout
    assert "trade_history (1): not a record" in done.stdout
    assert "novelty (2): unknown here" in done.stdout
    found = review(await documents(redis_server))
    assert (found.policy, found.problems) == (2.5, ())


@pytest.mark.parametrize("content", [b"", b"{", b'{"kind": "mraster-state", "version": 9}', b'{"kind":"mraster-state"}', b"[1]"])
async def test_a_file_that_is_none_changes_nothing(redis_server: RedisServer, cli: Cli, content: bytes) -> None:
    (cli.folder / "bad.json").write_bytes(content)
    done = await cli("import", "bad.json", "--yes")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert await documents(redis_server) == {}


async def test_a_whole_file_with_a_broken_model_changes_nothing(
    learned: dict[str, dict[str, Any]], redis_server: RedisServer, cli: Cli
) -> None:
    state = RedisState(redis_server.url, "main")
    await state.put(KEYS.learning, DRAFT, {"kind": "draft", "version": 99})
    exported = await cli("export", "--to", "broken.json")
    assert exported.returncode == 0
    assert "not readable" in exported.stderr
    await state.put(KEYS.learning, DRAFT, learned[DRAFT])
    done = await cli("import", "broken.json", "--yes")
    assert done.returncode == 1
    assert "draft: expected kind 'draft'" in done.stderr
    assert await documents(redis_server) == learned
    await state.close()


async def test_the_advisor_that_learns_is_fenced_off_and_goes_on_with_the_import(
    learned: dict[str, dict[str, Any]], nats_server: NatsServer, redis_server: RedisServer, cli: Cli
) -> None:
    await cli("export", "--to", "mine.json")
    async with context(nats_server, redis_server, "advisor") as ctx:
        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - it fails while it runs
            async with running(ctx, build) as life:
                await eventually(lambda: ctx.state.holder(ROLE))
                await play(ctx, 60, 100)
                assert (await Editions(ctx).newest()).number > learned[CURRENT]["number"]
                done = await cli("import", "mine.json", "--yes")
                assert done.returncode == 0, done.stderr
                await eventually(lambda: _is_free(life._http.port), what="the advisor ends")
        assert caught.group_contains(LeaseLost)
    after = await documents(redis_server)
    assert after[CURRENT]["number"] == learned[CURRENT]["number"]
    async with context(nats_server, redis_server, "advisor") as ctx, running(ctx, build):
        await eventually(lambda: ctx.state.holder(ROLE))
        newest = await Editions(ctx).newest()
        assert newest.number == learned[CURRENT]["number"]


async def test_either_all_is_replaced_or_nothing(learned: dict[str, dict[str, Any]], redis_server: RedisServer) -> None:
    state = RedisState(redis_server.url, "main")

    async def late(lease: Lease) -> Replaced:
        return await state.replace_fenced(KEYS.learning, {"x": {}}, lease)

    old = await state.acquire(ROLE, "somebody", 60_000)
    assert old is not None

    def fails(_: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        raise Permanent("it was a bad idea")

    with pytest.raises(Permanent, match="bad idea"):
        await replace(state, KEYS, fails)
    assert await documents(redis_server) == learned
    assert await late(old) is Replaced.FENCED
    assert await state.holder(ROLE) is None
    await state.close()


async def test_an_export_repairs_what_somebody_spoiled(learned: dict[str, dict[str, Any]], redis_server: RedisServer, cli: Cli) -> None:
    assert (await cli("export", "--to", "mine.json")).returncode == 0
    (cli.folder / "old.json").write_text(json.dumps({"trade_history": [record()]}))
    with Redis.from_url(redis_server.url) as client:
        client.hset(KEYS.learning, DRAFT, "{ half")
    exported = await cli("export", "--to", "spoiled.json")
    assert exported.returncode == 1
    assert "cannot be read" in exported.stderr
    added = await cli("import", "old.json", "--yes")
    assert added.returncode == 1
    assert "nothing can be added" in added.stderr
    assert (await cli("import", "mine.json", "--yes")).returncode == 0
    assert (await documents(redis_server))[DRAFT] == learned[DRAFT]

"""`mraster flatten` when something is wrong: with the stores, with what they hold, with the venue's answers."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from services.commands import flatten, venue_door
from shared.config.load import load
from shared.config.registry import name_of
from shared.domain.control import TradingState
from shared.domain.errors import Transient
from shared.runtime.venue import Venue
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.servers import RedisServer, free_port
from tests.integration.executor.world import World, refusal, world

pytestmark = pytest.mark.integration

KEYS = Keys("main")


def venue_of(w: World) -> Venue:
    found = w._context("cli").venue_or_none
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatten, "_PAUSE_S", 0.01)
    monkeypatch.setattr(flatten, "_QUIET_S", 0.05)
    monkeypatch.setattr(flatten, "_WAIT_S", 0.3)
    monkeypatch.setattr(flatten, "_TRIES", 8)


@pytest.mark.parametrize("failures", [2, 1_000])
@pytest.mark.parametrize("read", ["/time", "/exchangeInfo", "/positionRisk", "/openOrders", "/openAlgoOrders"])
async def test_reads_that_fail_end_no_flatten(monkeypatch: pytest.MonkeyPatch, read: str, failures: int) -> None:
    async with world(ASTER_RECV_WINDOW="100") as w, w.life() as life:
        await life.take()
        await life.take("ETHUSDT")
        assert len(await life.positions()) == 2
        asked = Counter[str]()

        def hook(request: httpx.Request) -> httpx.Response | None:
            if request.method != "GET" or not request.url.path.endswith(read):
                return None
            asked[read] += 1
            return refusal(-1001, 503) if asked[read] <= failures else None

        w.transport.hook = hook
        monkeypatch.setattr(venue_door, "open_venue", lambda *_args, **_options: venue_of(w))
        settings = load(environ={})
        if failures > 2 and read in {"/positionRisk", "/openOrders", "/openAlgoOrders"}:
            with pytest.raises(Transient, match="cannot be asked"):
                await flatten.close_all(settings)
        else:
            await flatten.close_all(settings)
        assert asked[read] > 0
        w.transport.hook = lambda _request: None
        blind = failures > 2 and read == "/positionRisk"
        assert len(await life.positions()) == (2 if blind else 0)


class Run:
    """`mraster flatten` between a real store and a venue that only notes that it was gone to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.went = 0

    async def close_all(self, _settings: Any) -> None:
        self.went += 1

    async def __call__(self) -> int:
        await flatten._flatten("test", self.home, direct=False)
        return self.went


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, redis_server: RedisServer) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name_of("infra.redis_url"), redis_server.url)
    monkeypatch.setenv(name_of("infra.nats_url"), f"nats://127.0.0.1:{free_port()}")
    monkeypatch.setattr(flatten, "_BUS_S", 0.2)
    made = Run(tmp_path)
    monkeypatch.setattr(flatten, "close_all", made.close_all)
    return made


async def begun(redis: RedisServer) -> None:
    state = RedisState(redis.url, "main")
    await state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    await state.close()


async def said(redis: RedisServer, **document: Any) -> None:
    """The executor's confirmation."""
    state = RedisState(redis.url, "main")
    await state.put(KEYS.account_view, "control", document)
    await state.close()


async def test_a_trading_state_that_cannot_be_read_keeps_nobody_from_the_venue(
    run: Run, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    Redis.from_url(redis_server.url).set(KEYS.control, "junk")
    assert await run() == 1
    assert "may NOT be paused" in capsys.readouterr().err


async def test_a_store_that_fails_after_the_pause_is_not_said_to_have_refused_it(
    run: Run, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    await begun(redis_server)
    Redis.from_url(redis_server.url).set(KEYS.account_view, "junk")
    assert await run() == 1
    told = capsys.readouterr()
    assert "paused (epoch 2)" in told.out
    assert "NOT be paused" not in told.err


@pytest.mark.parametrize(("epoch", "positions", "went"), [(2, 0, 0), (2, 1, 1), (1, 0, 1), (50, 0, 1)])
async def test_only_the_confirmation_of_this_command_counts(
    run: Run, redis_server: RedisServer, epoch: int, positions: int, went: int
) -> None:
    await begun(redis_server)
    await said(redis_server, epoch=epoch, positions=positions)
    assert await run() == went

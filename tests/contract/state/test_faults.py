"""What only the real server can do: die, come back, freeze, hold junk."""

import asyncio

import pytest

from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.domain.errors import ConfigError, StateCorrupt, StoreUnavailable
from shared.state.port import ExposureCaps
from shared.state.redis_store import RedisState
from tests.contract.state.conftest import RedisWorld

pytestmark = pytest.mark.contract

CAPS = ExposureCaps(margin_uusd=1000, risk_uusd=1000, max_open=0, max_per_symbol=0)


async def test_kill_loses_nothing_that_was_acknowledged(real_alone: RedisWorld) -> None:
    state, day = real_alone.client(), await real_alone.today()
    await state.init_control(TradingState.RUNNING, author="executor", now_ms=1)
    stopped = await state.command(Command.STOP, author="me", reason="r", now_ms=2)
    lease = await state.acquire("executor", "a", 60_000)
    assert lease is not None
    await state.ledger_begin("d", "m", 60)
    await state.budget_reserve("b", day=day, limit_uusd=10, amount_uusd=7, ttl_ms=60_000)
    await state.exposure_reserve("e", "BTCUSDT", margin_uusd=5, risk_uusd=1, caps=CAPS)
    made = await state.config_apply({"a": "1"}, expected_revision=0, author="me", now_ms=3)
    await state.put(real_alone.keys.positions, "BTCUSDT", {"qty": "1"})

    real_alone.server.kill()
    with pytest.raises(StoreUnavailable):
        await state.ping()
    real_alone.server.restart()

    assert await state.control() == stopped
    assert await state.holder("executor") == lease
    assert await state.renew(lease, 60_000)
    assert await state.ledger_begin("d", "m", 60) == "begun"
    assert await state.budget_totals(day) == (7, 0)
    assert await state.exposure_entries() == {"e": ("BTCUSDT", 5, 1)}
    assert await state.config() == made
    assert await state.get(real_alone.keys.positions, "BTCUSDT") == {"qty": "1"}
    await state.release(lease)
    later = await state.acquire("executor", "b", 60_000)
    assert later is not None
    assert later.token == lease.token + 1


async def test_a_restart_between_two_calls_is_not_noticed(real_alone: RedisWorld) -> None:
    state = real_alone.client()
    await asyncio.gather(*(state.put(real_alone.keys.positions, f"S{i}", {"n": i}) for i in range(10)))
    before = await state.init_control(TradingState.RUNNING, author="a", now_ms=1)
    real_alone.server.kill()
    real_alone.server.restart()
    answers = await asyncio.gather(*(state.command(Command.PAUSE, author="a", reason="", now_ms=2) for _ in range(10)))
    assert sorted(answer.epoch for answer in answers) == list(range(before.epoch + 1, before.epoch + 11)), "each counted once"


async def test_a_store_that_was_emptied_hands_out_larger_tokens(real_alone: RedisWorld) -> None:
    state = real_alone.client()
    old = await state.acquire("executor", "a", 60_000)
    assert old is not None
    await real_alone.raw.flushall()
    new = await state.acquire("executor", "b", 60_000)
    assert new is not None
    assert new.token >= old.token
    assert not await state.renew(old, 60_000)


async def test_a_frozen_server_is_unavailable_in_time(real_alone: RedisWorld) -> None:
    state = RedisState(real_alone.server.url, "alone", timeout_s=0.3)
    fresh = RedisState(real_alone.server.url, "alone", timeout_s=0.3)
    await state.ping()
    real_alone.server.freeze()
    loop = asyncio.get_running_loop()
    for client in (state, fresh):
        started = loop.time()
        with pytest.raises(StoreUnavailable):
            await client.command(Command.STOP, author="me", reason="", now_ms=1)
        assert loop.time() - started < 0.9
    started = loop.time()
    calls = await asyncio.gather(*(state.control() for _ in range(100)), return_exceptions=True)
    assert all(isinstance(answer, StoreUnavailable) for answer in calls)
    assert loop.time() - started < 0.9, "a full pool does not make callers wait longer"
    real_alone.server.thaw()
    after = await state.command(Command.STOP, author="me", reason="", now_ms=2)
    assert after.state is TradingState.STOPPED
    await state.close()
    await fresh.close()


async def test_a_cancelled_call_leaves_no_answer_to_the_next(real: RedisWorld) -> None:
    state = real.client()
    for i in range(20):
        await state.put(real.keys.positions, f"S{i}", {"n": i})
    for i in range(20):
        task = asyncio.create_task(state.get(real.keys.positions, f"S{i}"))
        for _ in range(i % 5 + 1):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await state.get(real.keys.positions, f"S{19 - i}") == {"n": 19 - i}


async def test_nobody_listening_is_unavailable_without_the_password_in_the_message(real_alone: RedisWorld) -> None:
    port = real_alone.server.port
    with pytest.raises(StoreUnavailable) as wrong:
        await _ping(f"redis://user:planted-secret@127.0.0.1:{port}/0")
    real_alone.server.kill()
    with pytest.raises(StoreUnavailable) as gone:
        await _ping(f"redis://user:planted-secret@127.0.0.1:{port}/0")
    for caught in (wrong, gone):
        assert f"127.0.0.1:{port}" in str(caught.value)
        assert "planted-secret" not in str(caught.value) + str(caught.value.__cause__)


async def _ping(url: str) -> None:
    state = RedisState(url, "main", timeout_s=0.5)
    try:
        await state.ping()
    finally:
        await state.close()


@pytest.mark.parametrize("url", ["http://u:planted-secret@h:1/0", "redis://u:planted-secret@h:port/0", "planted-secret"])
def test_an_address_that_is_none_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="expected redis://") as caught:
        RedisState(url, "main")
    assert "planted-secret" not in str(caught.value)


async def test_values_of_another_kind_are_corrupt(real: RedisWorld) -> None:
    state, keys, day = real.client(), real.keys, await real.today()
    await real.raw.set(keys.control, "text")
    await real.raw.hset(keys.budget(day), mapping={"reserved": "junk", "spent": "junk"})
    await real.raw.hset(keys.config, mapping={"revision": 1, "document": "{}"})
    await real.raw.hset(keys.lease("executor"), "owner", "a")
    await real.raw.set(keys.ledger("d", "m"), "junk")
    await real.raw.set(keys.exposure, "text")
    await real.raw.hset(keys.positions, "BTCUSDT", b"\xff\xfe{")
    for call in (
        state.control(),
        state.command(Command.STOP, author="me", reason="", now_ms=1),
        state.budget_totals(day),
        state.budget_reserve("a", day=day, limit_uusd=1, amount_uusd=1, ttl_ms=1),
        state.config(),
        state.holder("executor"),
        state.ledger_begin("d", "m", 1),
        state.exposure_reserve("a", "BTCUSDT", margin_uusd=1, risk_uusd=1, caps=CAPS),
        state.get(keys.positions, "BTCUSDT"),
    ):
        with pytest.raises(StateCorrupt):
            await call


async def test_half_a_control_record_is_corrupt(real: RedisWorld) -> None:
    await real.plant(real.keys.control, "state", "running")
    with pytest.raises(StateCorrupt, match="epoch"):
        await real.client().control()

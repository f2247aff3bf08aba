"""Stop means stop: with plans pouring in, without NATS, without Redis."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest

from services.commands.flatten import close_all
from shared.config.load import load
from shared.contracts.control import Command
from shared.domain.errors import MrasterError
from tests.chaos.stack import Stack
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.integration

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "DOGEUSDT"]
BOUND_MS = 1_000


async def entries(stack: Stack) -> list[dict[str, Any]]:
    rows = await asyncio.gather(*(stack.venue.entries(symbol) for symbol in stack.symbols))
    return [row for symbol in rows for row in symbol]


async def confirmed(stack: Stack, epoch: int) -> dict[str, Any] | None:
    document = await stack.state.get(stack.keys.account_view, "control")
    return document if document is not None and document["epoch"] >= epoch else None


async def opened(stack: Stack, count: int) -> bool:
    return len(await stack.venue.positions()) >= count


async def test_no_entry_is_accepted_after_the_switch_was_pressed_while_plans_pour_in() -> None:
    async with Stack(ASTER_MAX_OPEN_PER_SYMBOL="0") as stack:
        executor = stack.executor()
        await executor.start()
        pressed = asyncio.Event()

        async def flood() -> None:
            while not pressed.is_set():
                for symbol in stack.symbols:
                    await stack.bus.publish(await stack.plan(symbol))

        flooding = asyncio.create_task(flood())
        await eventually(lambda: opened(stack, 5), within_s=30)
        pressed_ms = await stack.venue.time_ms()
        epoch = await stack.command(Command.STOP)
        found = await eventually(lambda: confirmed(stack, epoch), within_s=20)
        pressed.set()
        await flooding
        late = [int(row["time"]) - pressed_ms for row in await entries(stack) if int(row["time"]) > pressed_ms]
        assert max(late, default=0) < BOUND_MS
        assert max((int(row["time"]) for row in await entries(stack)), default=0) <= found["confirmed_ms"]


async def test_without_redis_nothing_is_entered_and_a_person_can_flatten_at_the_venue() -> None:
    async with Stack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        for symbol in SYMBOLS[:2]:
            await stack.bus.publish(await stack.plan(symbol))
        await eventually(lambda: opened(stack, 2), within_s=20)
        plan = await stack.plan(SYMBOLS[2], valid_s=1.0)
        stack.redis.kill()
        await stack.bus.publish(plan)
        settings = load(environ=stack.environment())
        await close_all(settings)
        assert await stack.venue.positions() == {}
        assert await stack.venue.entries(SYMBOLS[2]) == []
        until_ms = plan.ts_ms + 1_000
        await eventually(lambda: _past(stack, until_ms), within_s=10)
        stack.redis.start()
        await eventually(lambda: _free(stack), within_s=30, what="the executor has seen the closes and freed what they held")
        assert executor.process is not None
        assert executor.process.poll() is None


async def _past(stack: Stack, time_ms: int) -> bool:
    return await stack.venue.time_ms() > time_ms


async def _free(stack: Stack) -> bool:
    with contextlib.suppress(MrasterError):
        held = await stack.state.exposure_entries()
        return not await stack.state.get_all(stack.keys.positions) and len(held) <= len(await stack.venue.positions())
    return False


async def test_without_nats_a_flatten_in_redis_closes_everything_and_is_confirmed() -> None:
    async with Stack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        for symbol in SYMBOLS[:3]:
            await stack.bus.publish(await stack.plan(symbol))
        await eventually(lambda: opened(stack, 3), within_s=20)
        stack.nats.kill()
        epoch = await stack.command(Command.FLATTEN)
        found = await eventually(lambda: confirmed(stack, epoch), within_s=20)
        assert (found["command"], found["positions"]) == ("flatten", 0)
        assert await stack.venue.positions() == {}
        stack.nats.start()
        plan = replace(await stack.plan(SYMBOLS[4]), epoch=epoch)
        await eventually(lambda: _published(stack, plan), within_s=20)
        refused = await eventually(lambda: _outcome(stack, plan.decision_id), within_s=20)
        assert refused == "refused"
        assert await stack.venue.entries(SYMBOLS[4]) == []


async def _published(stack: Stack, plan: Any) -> bool:
    with contextlib.suppress(MrasterError):
        return bool(await stack.bus.publish(plan))
    return False


async def _outcome(stack: Stack, decision_id: str) -> str | None:
    return (await stack.intents()).get(decision_id, {}).get("outcome")

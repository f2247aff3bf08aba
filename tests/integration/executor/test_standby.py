"""Two instances, one account: the standby takes over, the old one cannot act any more."""

import json
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from services.executor.steps import Moment
from tests.chaos.stack import Stack
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.integration

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


async def outcome(stack: Stack, decision_id: str) -> str | None:
    return (await stack.intents()).get(decision_id, {}).get("outcome")


def active_s(log: Path) -> float:
    """When an instance got the lease, in seconds of this machine's time."""
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return max(datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows if row.get("event") == "active")


async def test_the_standby_takes_over_in_time_and_a_thawed_zombie_sends_nothing() -> None:
    async with Stack(SYMBOLS) as stack:
        first, second = stack.executor("one"), stack.executor("two")
        await first.start()
        await second.start(ready=False)
        await second.until_ready(state="standby")
        plan = await stack.plan("BTCUSDT")
        await stack.bus.publish(plan)
        await eventually(lambda: outcome(stack, plan.decision_id), within_s=15)

        first.stop_at({"ETHUSDT": f"hold:{Moment.BEFORE_SEND.value}"})
        held = await stack.plan("ETHUSDT")
        await stack.bus.publish(held)

        async def sent() -> bool:
            return (await stack.intents()).get(held.decision_id, {}).get("step") == "sent"

        await eventually(sent, within_s=10)
        first.signal(signal.SIGSTOP)
        started, stopped_s = time.monotonic(), time.time_ns() / 1e9
        await second.until_ready(within_s=15)
        took_s = time.monotonic() - started
        assert await eventually(lambda: outcome(stack, held.decision_id), within_s=15) == "not_executed"
        first.signal(signal.SIGCONT)
        assert first.process is not None
        process = first.process
        await eventually(lambda: process.poll() is not None, within_s=15, what="the zombie ends")
        assert await stack.venue.entries("ETHUSDT") == []
        assert process.returncode == 1
        assert active_s(second.log) - stopped_s < 3.0, "the standby took over too late"
        assert took_s < 3.5, f"ready {took_s:.2f} s after the first stood still"

        assert set(await stack.venue.positions()) == {"BTCUSDT"}
        again = await stack.plan("SOLUSDT")
        await stack.bus.publish(again)
        assert await eventually(lambda: outcome(stack, again.decision_id), within_s=15) == "opened"
        assert len(await stack.venue.entries("SOLUSDT")) == 1

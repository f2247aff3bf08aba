"""Real money: no entry before the doctor's checks have passed for this account, venue and key. The venue is the paper one."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.control import Alert, Command
from tests.chaos.stack import ROOT, Stack
from tests.fakes.eventually import eventually
from tests.fakes.tape import read_tape

pytestmark = pytest.mark.integration

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
KEYS = {"ASTER_API_KEY": "paper-key", "ASTER_API_SECRET": "paper-secret"}


class LiveStack(Stack):
    """The paper venue under the address of a real one."""

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            **KEYS,
            "ASTER_PAPER": "false",
            "ASTER_EXCHANGE_BASE": self.proxy.url,
            "ASTER_VENUE_DIALECT": "binance",
        }


def mraster(home: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ASTER_")}  # noqa: TID251 - a child's environment
    return subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments, "--home", str(home)],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


async def refusal(stack: Stack, symbol: str) -> tuple[str, str, str]:
    """Outcome, reason and detail of a new plan."""
    plan = await stack.plan(symbol)
    await stack.bus.publish(plan)

    async def done() -> dict[str, Any] | None:
        found = (await stack.intents()).get(plan.decision_id, {})
        return found if found.get("outcome") else None

    found = await eventually(done, within_s=20)
    last = found["told"][-1]["event"]
    return found["outcome"], last["reason"], last["detail"]


async def test_entries_wait_for_the_doctor_and_end_with_what_it_finds_later(tmp_path: Path) -> None:
    async with LiveStack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        await stack.command(Command.START)
        outcome, reason, detail = await refusal(stack, "BTCUSDT")
        assert (outcome, reason) == ("refused", "doctor")
        assert "never made" in detail
        started = await asyncio.to_thread(mraster, tmp_path, stack.environment(), "start", "--reason", "test")
        assert "entries with real money stay refused" in started.stderr
        account = await stack.state.get(stack.keys.account_view, "now")
        assert account is not None
        assert account["live"]["allowed"] is False

        good = await asyncio.to_thread(mraster, tmp_path, stack.environment(), "doctor", "--json")
        report = json.loads(good.stdout)
        assert good.returncode == 0, good.stdout
        assert (report["ok"], report["paper"]) == (True, False)
        assert (report["live"]["needed"], report["live"]["allowed"], report["live"]["written"]) == (True, True, True)
        assert {c["check"]: c["status"] for c in report["checks"]}["order_round_trip"] == "skipped"
        assert (await refusal(stack, "BTCUSDT"))[0] == "opened"

        other = await asyncio.to_thread(mraster, tmp_path, stack.environment() | {"ASTER_API_KEY": "nobody"}, "doctor", "--json")
        assert other.returncode == 1
        outcome, reason, detail = await refusal(stack, "ETHUSDT")
        assert (outcome, reason) == ("refused", "doctor")
        assert "another account, venue or key" in detail
        assert set(await stack.venue.positions()) == {"BTCUSDT"}, "what is open stays open and protected"

        again = await asyncio.to_thread(mraster, tmp_path, stack.environment(), "doctor")
        assert "real money: entries are allowed" in again.stdout
        assert (await refusal(stack, "ETHUSDT"))[0] == "opened"
        alerts = [p for p, _ in (await read_tape(stack.nats.url)).messages["alert"] if isinstance(p, Alert) and p.code == "doctor_needed"]
        assert len(alerts) == 2


async def test_a_doctor_that_cannot_write_its_result_down_does_not_say_that_all_is_well(tmp_path: Path) -> None:
    async with LiveStack(SYMBOLS) as stack:
        stack.redis.kill()
        found = await asyncio.to_thread(mraster, tmp_path, stack.environment(), "doctor", "--json")
        report = json.loads(found.stdout)
        assert found.returncode == 1
        assert all(check["status"] != "failed" for check in report["checks"])
        assert (report["live"]["allowed"], report["live"]["written"]) == (False, False)

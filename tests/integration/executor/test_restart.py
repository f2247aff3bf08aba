"""A restart with open positions, and life without the user stream."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.control import Alert
from shared.contracts.order import ExitReason
from tests.chaos.stack import Stack
from tests.fakes.eventually import eventually
from tests.fakes.tape import read_tape

pytestmark = pytest.mark.integration

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


async def all_opened(stack: Stack, names: list[str]) -> bool:
    intents = await stack.intents()
    return all(intents.get(name, {}).get("outcome") == "opened" for name in names)


async def stops(stack: Stack) -> list[str]:
    rows: list[dict[str, Any]] = [row for symbol in SYMBOLS for row in await stack.venue.algos(symbol)]
    return sorted(row["symbol"] for row in rows if row["orderType"] == "STOP_MARKET" and row["algoStatus"] == "NEW")


async def enter(stack: Stack, *symbols: str) -> list[str]:
    plans = [await stack.plan(symbol) for symbol in symbols]
    for plan in plans:
        await stack.bus.publish(plan)
    names = [plan.decision_id for plan in plans]
    await eventually(lambda: all_opened(stack, names), within_s=30)
    return names


def seconds_to_ready(log: Path) -> float:
    """From the last start of the process, its imports done, to ready: what depends on us and not on a busy machine."""
    times = {"starting": 0.0, "ready": 0.0}
    for line in log.read_text().splitlines():
        found = json.loads(line) if line.startswith("{") else {}
        if found.get("event") in times:
            times[found["event"]] = datetime.fromisoformat(found["timestamp"]).timestamp()
    return times["ready"] - times["starting"]


async def test_open_positions_are_managed_again_in_seconds_and_the_restart_says_what_it_found() -> None:
    async with Stack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        await enter(stack, *SYMBOLS)
        before = await stops(stack)
        assert before == sorted(SYMBOLS)
        executor.kill()
        closed = SYMBOLS[0]
        held = await stack.venue.positions()
        await stack.venue.close(closed, held[closed])
        await executor.start()
        assert seconds_to_ready(executor.log) < 10

        async def two_left() -> bool:
            return set(await stack.state.get_all(stack.keys.positions)) == set(SYMBOLS[1:])

        await eventually(two_left, within_s=5)
        await eventually(lambda: _equal(stack, sorted(SYMBOLS[1:])), within_s=5, what="the stop of the closed position is gone")
        tape = await read_tape(stack.nats.url)
        (report,) = [p for p, _ in tape.messages["alert"] if isinstance(p, Alert) and p.code == "restart_report"]
        assert (report.params["positions"], report.params["closed"], report.params["stops_missing"]) == ("2", "1", "0")
        (trade,) = tape.trades
        assert (trade.symbol, trade.exit_reason) == (closed, ExitReason.EXTERNAL)


async def _equal(stack: Stack, wanted: list[str]) -> bool:
    return await stops(stack) == wanted


def logged(log: Path, event: str) -> float:
    """Second (of this machine) of the last log line of an event."""
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return max(datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows if row.get("event") == event)


async def test_plans_that_waited_for_a_start_are_judged_after_what_is_open_was_adopted() -> None:
    async with Stack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        (name,) = await enter(stack, "BTCUSDT")
        executor.kill()
        await stack.state.drop(stack.keys.positions, "BTCUSDT")
        await stack.state.exposure_release(name)
        again, other = await stack.plan("BTCUSDT"), await stack.plan("ETHUSDT")
        for plan in (again, other):
            await stack.bus.publish(plan)
        await executor.start()
        await eventually(lambda: all_opened(stack, [other.decision_id]), within_s=20)
        refused = (await stack.intents())[again.decision_id]
        assert (refused["outcome"], refused["told"][-1]["event"]["reason"]) == ("refused", "already_open")
        assert len(await stack.venue.entries("BTCUSDT")) == 1
        (entry,) = await stack.venue.entries("ETHUSDT")
        assert int(entry["time"]) / 1000 > logged(executor.log, "restart_report"), "entered before the account was known"
        record = await stack.state.get(stack.keys.positions, "BTCUSDT")
        assert record is not None
        assert (record["position_id"], record["owned"]) == (name, True)
        assert seconds_to_ready(executor.log) < 10


async def test_without_the_user_stream_entries_are_booked_and_a_close_by_hand_is_seen_after_the_reconnect() -> None:
    async with Stack(SYMBOLS) as stack:
        executor = stack.executor()
        await executor.start()
        stack.proxy.stream_down = True
        stack.proxy.cut_streams()
        (name,) = await enter(stack, "BTCUSDT")
        record = await stack.state.get(stack.keys.positions, "BTCUSDT")
        assert record is not None
        assert record["position_id"] == name
        assert [line["client_id"] for line in record["fills"]] == [f"mr-{name}-e"] * len(record["fills"])
        assert await stops(stack) == ["BTCUSDT"]
        await stack.venue.close("BTCUSDT", (await stack.venue.positions())["BTCUSDT"])
        stack.proxy.stream_down = False

        async def seen() -> bool:
            return not await stack.state.get_all(stack.keys.positions) and not await stack.state.exposure_entries()

        await eventually(seen, within_s=20, what="the close is seen")
        assert [trade.exit_reason for trade in (await read_tape(stack.nats.url)).trades] == [ExitReason.EXTERNAL]

"""Post-only entries: they rest, end with their time, follow a stop command, and what they buy is protected."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.control import Command
from tests.chaos.stack import Stack
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.integration

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


async def intent(stack: Stack, decision_id: str, *steps: str) -> dict[str, Any] | None:
    found = (await stack.intents()).get(decision_id)
    return found if found is not None and found["step"] in steps else None


def reasons(found: dict[str, Any]) -> list[str]:
    return [f"{told['event']['event']} {told['event']['reason']}".strip() for told in found["told"]]


async def far_plan(stack: Stack, symbol: str) -> Any:
    """A buy or sell well away from the market: it rests."""
    plan = await stack.plan(symbol)
    away = 0.98 if plan.payload.direction == "long" else 1.02  # type: ignore[attr-defined]
    payload = plan.payload.model_copy(update={"price": plan.payload.price * away})  # type: ignore[attr-defined]
    return type(plan)(payload, plan.ts_ms, plan.decision_id, plan.cause_id, plan.epoch)


async def test_a_resting_entry_ends_with_its_time_or_with_a_stop_and_survives_a_restart() -> None:
    async with Stack(SYMBOLS, ASTER_ENTRY_TYPE="limit", ASTER_ENTRY_LIMIT_SECONDS="6") as stack:
        executor = stack.executor()
        await executor.start()
        plan = await far_plan(stack, "BTCUSDT")
        await stack.bus.publish(plan)
        await eventually(lambda: intent(stack, plan.decision_id, "resting"), within_s=15)
        (order,) = await stack.venue.entries("BTCUSDT")
        assert (order["type"], order["timeInForce"], order["status"]) == ("LIMIT", "GTX", "NEW")
        executor.kill()
        await executor.start()
        found = await eventually(lambda: intent(stack, plan.decision_id, "done"), within_s=20)
        assert found["outcome"] == "not_executed"
        assert reasons(found)[-1] == "cancelled time_limit"
        assert await stack.state.exposure_entries() == {}

        other = await far_plan(stack, "ETHUSDT")
        await stack.bus.publish(other)
        await eventually(lambda: intent(stack, other.decision_id, "resting"), within_s=15)
        await stack.command(Command.PAUSE)
        found = await eventually(lambda: intent(stack, other.decision_id, "done"), within_s=5)
        assert reasons(found)[-1] == "cancelled paused"
        assert {row["status"] for row in await stack.venue.entries("ETHUSDT")} == {"CANCELED"}


async def test_a_filled_limit_entry_is_a_maker_and_has_its_stop() -> None:
    async with Stack(SYMBOLS, ASTER_ENTRY_TYPE="limit", ASTER_ENTRY_LIMIT_SECONDS="60") as stack:
        executor = stack.executor()
        await executor.start()
        plans = await asyncio.gather(*(stack.plan(symbol) for symbol in SYMBOLS))
        await asyncio.gather(*(stack.bus.publish(plan) for plan in plans))

        async def one_opened() -> str | None:
            done = [i["symbol"] for i in (await stack.intents()).values() if i["outcome"] == "opened"]
            return done[0] if done else None

        symbol = str(await eventually(one_opened, within_s=60, every_s=0.1))
        record = await stack.state.get(stack.keys.positions, symbol)
        assert record is not None
        (order,) = await stack.venue.entries(symbol)
        assert order["status"] == "FILLED"
        stops = [row for row in await stack.venue.algos(symbol) if row["orderType"] == "STOP_MARKET" and row["algoStatus"] == "NEW"]
        assert len(stops) == 1
        assert float(record["entry_price"]) == pytest.approx(float(order["price"]))


async def test_an_entry_larger_than_the_market_is_filled_in_parts_kept_protected_and_ended_by_its_time() -> None:
    """Post-only orders of hundreds of thousands: what trades at their price serves them bit by bit, until their time is over."""
    settings = {"ASTER_ENTRY_TYPE": "limit", "ASTER_ENTRY_LIMIT_SECONDS": "15", "ASTER_RISK_PER_TRADE": "0.02"}
    async with Stack(None, **settings) as stack:
        executor = stack.executor()
        await executor.start()
        plans = [await stack.plan(symbol) for symbol in stack.symbols]
        await asyncio.gather(*(stack.bus.publish(plan) for plan in plans))
        names = {plan.decision_id for plan in plans}

        async def over() -> list[dict[str, Any]]:
            found = [intent for name, intent in (await stack.intents()).items() if name in names]
            return found if len(found) == len(names) and all(intent["step"] == "done" for intent in found) else []

        ended = await eventually(over, within_s=60, every_s=0.2)
        cut = [intent for intent in ended if intent["outcome"] == "opened" and reasons(intent)[-1] == "cancelled time_limit"]
        assert cut, [(intent["symbol"], intent["outcome"], reasons(intent)[-1]) for intent in ended]
        positions = await stack.venue.positions()
        for intent in cut:
            symbol = intent["symbol"]
            (order,) = await stack.venue.entries(symbol)
            assert order["status"] == "CANCELED"
            assert 0 < float(order["executedQty"]) < float(order["origQty"])
            if symbol not in positions:
                continue  # its stop or target was reached meanwhile
            assert abs(positions[symbol]) == Decimal(order["executedQty"])
            record = await eventually(lambda s=symbol, q=order["executedQty"]: holds(stack, s, q), within_s=10)  # type: ignore[misc]
            assert record is not None
            rows = [row for row in await stack.venue.algos(symbol) if row["algoStatus"] == "NEW"]
            assert sorted(row["orderType"] for row in rows) == ["STOP_MARKET", "TAKE_PROFIT_MARKET"]
            assert all(row["closePosition"] for row in rows)
            risk = abs(Decimal(record["entry_price"]) - Decimal(record["stop_price"])) * Decimal(record["quantity"])
            assert float(record["initial_risk_usd"]) == pytest.approx(float(risk), rel=1e-9)
            assert float(risk) <= float(intent["risk"])


async def holds(stack: Stack, symbol: str, quantity: str) -> dict[str, Any] | None:
    """The record once it holds that quantity."""
    record = await stack.state.get(stack.keys.positions, symbol)
    return record if record is not None and Decimal(record["quantity"]) == Decimal(quantity) else None

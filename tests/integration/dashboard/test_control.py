"""Commands: Redis first, then the message, and an answer that is true."""

import asyncio
from typing import Any

import httpx
import pytest

from shared.contracts.control import ControlCommand
from shared.contracts.topic import CONTROL_COMMAND
from shared.domain.control import TradingState
from shared.domain.errors import BusUnavailable
from tests.fakes.eventually import eventually
from tests.integration.dashboard import facts, stage
from tests.integration.dashboard.rig import Rig


async def give(rig: Rig, **body: Any) -> httpx.Response:
    async with rig.client() as client:
        token = (await client.get("/api/session")).json()["csrf"]
        return await client.post("/api/control", json=body, headers={"x-csrf-token": token})


async def first_command(rig: Rig) -> ControlCommand:
    async with asyncio.timeout(10):
        async for payload, meta in rig.bus.tail([CONTROL_COMMAND.pattern], since="all"):
            if meta.account == rig.ctx.producer.account:
                assert isinstance(payload, ControlCommand)
                return payload
    raise AssertionError("no command came")


@pytest.mark.parametrize(
    ("command", "state"), [("pause", "paused"), ("stop", "stopped"), ("start", "running"), ("flatten", "paused"), ("relaunch", "running")]
)
async def test_a_command_changes_state_and_epoch_and_is_published(rig: Rig, command: str, state: str):
    await rig.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    answer = (await give(rig, command=command, reason="because", confirm=True)).json()
    assert (answer["state"], answer["epoch"], answer["published"]) == (state, 2, True)
    stored = await rig.state.control()
    assert stored is not None
    assert (stored.state.value, stored.epoch, stored.reason, stored.author) == (state, 2, "because", "dashboard")
    message = await first_command(rig)
    assert (message.command.value, message.command_id, message.reason) == (command, answer["command_id"], "because")
    async with rig.client() as client:
        assert (await client.get("/api/status")).json()["trading"]["state"] == state


async def test_without_confirmation_nothing_changes_and_numbers_are_told(rig: Rig):
    await stage.play(rig)

    async def known() -> bool:
        return (await give(rig, command="flatten")).json()["preview"]["closes"] == ["BTCUSDT", "DOGEUSDT", "ETHUSDT"]

    await eventually(known, what="positions in the preview")
    answer = await give(rig, command="flatten")
    assert answer.status_code == 409
    assert answer.json() | {"code": "confirmation_required"} == answer.json()
    assert answer.json()["preview"]["unrealised_usd"] == "21.77"
    stored = await rig.state.control()
    assert stored is not None
    assert stored.epoch == 1


async def test_a_single_position_can_be_closed_and_others_not(rig: Rig):
    await rig.state.put(rig.ctx.keys.positions, "BTCUSDT", facts.position("BTCUSDT", facts.MORNING_MS))

    async def accepted() -> httpx.Response | None:
        answer = await give(rig, command="close_position", symbol="BTCUSDT", confirm=True)
        return answer if answer.status_code == 200 else None

    await eventually(accepted, what="the position is known")
    message = await first_command(rig)
    position_id = facts.position("BTCUSDT", facts.MORNING_MS)["position_id"]
    assert (message.command.value, message.symbol, message.position_id) == ("close_position", "BTCUSDT", position_id)
    answer = await give(rig, command="close_position", symbol="BTCUSDT", position_id=position_id, confirm=True)
    assert answer.status_code == 200
    answer = await give(rig, command="close_position", symbol="BTCUSDT", position_id="the-one-before", confirm=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "other_position")
    answer = await give(rig, command="close_position", symbol="ETHUSDT", confirm=True)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_position")


@pytest.mark.parametrize(
    "body", [{"command": "explode"}, {}, {"command": "pause", "symbol": "a b"}, {"command": "pause", "reason": "x" * 300}]
)
async def test_nonsense_is_refused_without_being_repeated(rig: Rig, body: dict[str, Any]):
    answer = await give(rig, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "explode" not in answer.text


async def test_the_first_command_works_when_no_state_was_ever_set(rig: Rig):
    answer = (await give(rig, command="start", confirm=True)).json()
    assert (answer["state"], answer["epoch"]) == ("running", 2)


async def test_a_silent_bus_is_said(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    async def unavailable(_outgoing: object) -> None:
        raise BusUnavailable("no answer")

    monkeypatch.setattr(rig.ctx.bus, "publish", unavailable)
    await rig.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
    for command, state in [("pause", "paused"), ("relaunch", "running"), ("flatten", "paused")]:
        answer = await give(rig, command=command, confirm=True)
        assert (answer.status_code, answer.json()["published"], answer.json()["state"]) == (200, False, state)
    stored = await rig.state.control()
    assert stored is not None
    assert (stored.state, stored.flatten_epoch) == (TradingState.PAUSED, stored.epoch)
    await rig.state.put(rig.ctx.keys.positions, "BTCUSDT", facts.position("BTCUSDT", facts.MORNING_MS))

    async def refused() -> httpx.Response | None:
        answer = await give(rig, command="close_position", symbol="BTCUSDT", confirm=True)
        return answer if answer.status_code != 404 else None

    closing = await eventually(refused, what="the position is known")
    assert closing is not None
    assert (closing.status_code, closing.json()["code"]) == (503, "bus_unavailable")

"""Moving a stop: the command goes out, the guard's answer comes back as the answer to the request."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from services.dashboard.routes import stops
from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.contracts.control import StopMove
from shared.contracts.envelope import Outgoing
from shared.contracts.topic import STOP_MOVE
from shared.domain.errors import BusUnavailable
from shared.domain.units import Price
from tests.fakes.eventually import eventually
from tests.integration.dashboard import facts, stage
from tests.integration.dashboard.rig import Rig

Answer = Callable[[StopMove], BracketEvent]


def moved(command: StopMove) -> BracketEvent:
    return BracketEvent(
        event=BracketEventKind.MOVED,
        symbol=command.symbol,
        position_id=command.position_id,
        client_id="mr-abcdefghij-s1100",
        trigger_price=command.price or Price(Decimal("104696.9")),
        previous_price=Price(Decimal("103985.5")),
        command_id=command.command_id,
        serial="1",
    )


def refused(command: StopMove) -> BracketEvent:
    return BracketEvent(
        event=BracketEventKind.MOVE_REFUSED,
        symbol=command.symbol,
        position_id=command.position_id,
        reason=StopRefusal.LOOSER.value,
        command_id=command.command_id,
        serial=command.command_id,
    )


@contextlib.asynccontextmanager
async def guard(rig: Rig, answer: Answer) -> AsyncIterator[list[StopMove]]:
    """Answers as the guard would."""
    heard: list[StopMove] = []

    async def live() -> None:
        async for payload, _ in rig.bus.tail([STOP_MOVE.pattern], since="all"):
            assert isinstance(payload, StopMove)
            heard.append(payload)
            await rig.bus.publish(Outgoing(answer(payload), ts_ms=rig.ctx.clock.now_ms()))

    task = asyncio.create_task(live())
    try:
        yield heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ask(rig: Rig, **body: Any) -> httpx.Response:
    async with rig.client(timeout=30) as client:
        token = (await client.get("/api/session")).json()["csrf"]
        return await client.post("/api/stop", json={"confirm": True, **body}, headers={"x-csrf-token": token})


@pytest.fixture
async def held(rig: Rig) -> Rig:
    """Three positions are known."""
    await stage.play(rig)
    await eventually(lambda: rig.desk.view.position("BTCUSDT"), what="the position is known")
    return rig


async def test_the_answer_is_what_the_venue_has(held: Rig):
    async with guard(held, moved) as heard:
        answer = await ask(held, symbol="BTCUSDT", kind="price", price="104700.5", reason="news")
    assert answer.status_code == 200, answer.text
    (command,) = heard
    row = held.desk.view.position("BTCUSDT")
    assert row is not None
    assert (command.price, command.reason, command.author) == (Decimal("104700.5"), "news", "dashboard")
    assert command.position_id == row.position_id
    assert answer.json() | {"stop_price": "104700.5", "previous_price": "103985.5", "client_id": "mr-abcdefghij-s1100"} == answer.json()


async def test_a_refusal_is_a_code_with_plain_words(held: Rig):
    async with guard(held, refused):
        answer = await ask(held, symbol="BTCUSDT", kind="break_even")
    assert (answer.status_code, answer.json()["code"]) == (409, "looser")
    assert "never loosened" in answer.json()["message"]


async def test_without_confirmation_nothing_is_sent(held: Rig):
    async with guard(held, moved) as heard:
        answer = await ask(held, symbol="BTCUSDT", kind="break_even", confirm=False)
        assert answer.status_code == 409
        assert answer.json()["code"] == "confirmation_required"
        assert answer.json()["preview"]["stop_price"] == facts.position("BTCUSDT", 0)["stop_price"]
        assert (await ask(held, symbol="XRPUSDT", kind="break_even")).json()["code"] == "no_position"
    assert heard == []


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "price"},
        {"kind": "break_even", "price": "5"},
        {"kind": "price", "price": "0"},
        {"kind": "price", "price": "-3"},
        {"kind": "price", "price": "NaN"},
        {"kind": "price", "price": "1e300"},
        {"kind": "sideways"},
    ],
)
async def test_nonsense_is_refused(rig: Rig, body: dict[str, Any]):
    answer = await ask(rig, symbol="BTCUSDT", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_silence_is_said(held: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stops, "WAIT_S", 0.2)
    answer = await ask(held, symbol="BTCUSDT", kind="break_even")
    assert (answer.status_code, answer.json()["code"]) == (504, "unanswered")

    async def unavailable(_outgoing: object) -> None:
        raise BusUnavailable("no answer")

    monkeypatch.setattr(held.ctx.bus, "publish", unavailable)
    answer = await ask(held, symbol="BTCUSDT", kind="break_even")
    assert (answer.status_code, answer.json()["code"]) == (503, "bus_unavailable")


async def test_the_row_shows_where_the_stop_was_moved_to(held: Rig):
    row = held.desk.view.position("BTCUSDT")
    assert row is not None
    desired = {"position_id": row.position_id, "stop_price": "104700.5", "moves": 1, "moved_ms": 7}
    await held.state.put(held.ctx.keys.brackets, "BTCUSDT", {"desired": desired, "repairs": []})

    async def shown() -> bool:
        async with held.client() as client:
            rows = (await client.get("/api/positions")).json()["rows"]
        (one,) = [row for row in rows if row["symbol"] == "BTCUSDT"]
        return (one["stop_price"], one["stop_moves"]) == ("104700.5", 1) and one["planned_stop_price"] != one["stop_price"]

    await eventually(shown, what="the moved stop")

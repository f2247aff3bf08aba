"""A person moves a stop: at the venue first, then told; refused in a word when it may not be."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from shared.contracts.bracket import BracketEvent, BracketEventKind, StopRefusal
from shared.contracts.control import StopMove, StopMoveKind
from shared.contracts.envelope import Outgoing
from shared.contracts.topic import BRACKET_EVENT
from tests.chaos.guard_stack import GuardStack
from tests.chaos.stack import ROOT
from tests.fakes.eventually import eventually
from tests.integration.dashboard.rig import running

pytestmark = [pytest.mark.integration]

TAG = "abcdefghij"
SYMBOL = "BTCUSDT"


class Desk:
    """Asks, and listens to the answers."""

    def __init__(self, stack: GuardStack) -> None:
        self.stack = stack
        self._number = 0

    async def ask(self, kind: StopMoveKind, price: str | None = None, symbol: str = SYMBOL, position_id: str = TAG) -> BracketEvent:
        self._number += 1
        name = f"c{self._number}"
        wanted = None if price is None else Decimal(price)
        command = StopMove(
            kind=kind,
            command_id=name,
            author="anna",
            symbol=symbol,
            position_id=position_id,
            price=wanted,  # type: ignore[arg-type]
        )
        await self.stack.bus.publish(Outgoing(command, ts_ms=await self.stack.venue.time_ms()))

        async def answered() -> BracketEvent | None:
            async for payload, _ in self.stack.bus.tail([BRACKET_EVENT.pattern], since="all"):
                if isinstance(payload, BracketEvent) and payload.command_id == name:
                    return payload
            return None

        found = await eventually(answered, within_s=20, every_s=0.1, what=f"the answer to {name}")
        assert found is not None
        return found


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A long position of 0.1 with its planned stop ten percent below, guarded."""
    async with GuardStack([SYMBOL, "ETHUSDT"]) as stack:
        venue = stack.venue
        await venue.open_by_hand(SYMBOL, "0.1", GuardStack.entry_name(TAG))
        price = await venue.price(SYMBOL)
        stop, target = await venue.tick(SYMBOL, price * 0.9), await venue.tick(SYMBOL, price * 1.3)
        record = {"position_id": TAG, "direction": "long", "phase": "open", "owned": True, "opened_ms": await venue.time_ms()}
        planned = {"interval": "5m", "epoch": 1}
        await stack.state.put(stack.keys.positions, SYMBOL, {**record, "stop_price": stop, "target_price": target, "planned": planned})
        await stack.guard("guard-1").start()
        await eventually(lambda: venue.stops(SYMBOL), within_s=20, every_s=0.1, what="the planned stop")
        yield Desk(stack)


async def test_a_stop_is_moved_at_the_venue_and_never_back(desk: Desk) -> None:
    venue = desk.stack.venue
    price = await venue.price(SYMBOL)
    (before,) = await venue.stops(SYMBOL)
    closer = await venue.tick(SYMBOL, price * 0.95)
    done = await desk.ask(StopMoveKind.PRICE, closer)
    assert (done.event, done.trigger_price) == (BracketEventKind.MOVED, Decimal(closer)), done
    assert done.previous_price == Decimal(before["triggerPrice"])
    (after,) = await eventually(lambda: _one(desk), within_s=10, every_s=0.1, what="one stop")
    assert Decimal(after["triggerPrice"]) == Decimal(closer)
    assert (after["clientAlgoId"], after["closePosition"]) == (done.client_id, True)

    async def remembered() -> bool:
        document = await desk.stack.state.get(desk.stack.keys.brackets, SYMBOL)
        return document is not None and Decimal(document["desired"]["stop_price"]) == Decimal(closer)

    await eventually(remembered, within_s=10, every_s=0.1, what="the move is remembered")
    back = await desk.ask(StopMoveKind.PRICE, await venue.tick(SYMBOL, price * 0.92))
    assert (back.event, back.reason) == (BracketEventKind.MOVE_REFUSED, StopRefusal.LOOSER)
    (still,) = await venue.stops(SYMBOL)
    assert still["algoId"] == after["algoId"]


async def test_the_command_line_asks_and_tells(desk: Desk) -> None:
    venue, environment = desk.stack.venue, desk.stack.environment()
    wanted = await venue.tick(SYMBOL, await venue.price(SYMBOL) * 0.95)

    async def run(*arguments: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "services.cli", "move-stop", SYMBOL, *arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST"))}  # noqa: TID251 - a child's environment
        done = await asyncio.to_thread(
            subprocess.run, argv, cwd=ROOT, env={**clean, **environment}, check=False, capture_output=True, text=True, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    code, words = await run("--price", wanted, "--reason", "news")
    assert (code, f"the stop rests at {wanted}" in words) == (0, True), words
    assert await run("--price", "1") == (1, f"refused (looser); the stop stays at {wanted}\n")
    assert (await run("--price", "much"))[0] == (await run())[0] == (await run("--price", "5", "--break-even"))[0] == 2


async def test_the_dashboard_asks_the_guard_and_answers_with_what_the_venue_has(desk: Desk) -> None:
    stack, venue = desk.stack, desk.stack.venue
    wanted = await venue.tick(SYMBOL, await venue.price(SYMBOL) * 0.95)
    record = await stack.state.get(stack.keys.positions, SYMBOL)
    await stack.state.put(stack.keys.positions, SYMBOL, {**(record or {}), "symbol": SYMBOL, "quantity": "0.1"})
    async with running(stack.nats, stack.redis, now_ms=await venue.time_ms()) as rig:
        await eventually(lambda: rig.desk.view.position(SYMBOL), within_s=10, what="the position is known")
        async with rig.client(timeout=30) as client:
            headers = {"x-csrf-token": (await client.get("/api/session")).json()["csrf"]}
            body = {"symbol": SYMBOL, "kind": "price", "price": wanted, "confirm": True}
            moved = await client.post("/api/stop", json=body, headers=headers)
            assert (moved.status_code, Decimal(moved.json()["stop_price"])) == (200, Decimal(wanted)), moved.text
            (stop,) = [row for row in await venue.stops(SYMBOL) if row["closePosition"]]
            assert stop["clientAlgoId"] == moved.json()["client_id"]
            looser = await client.post("/api/stop", json={**body, "price": "1"}, headers=headers)
            assert (looser.status_code, looser.json()["code"]) == (409, "looser")
            even = await client.post("/api/stop", json={"symbol": SYMBOL, "kind": "break_even", "confirm": True}, headers=headers)
            assert even.status_code == 200 or even.json()["code"] in {"not_paid", "cooldown"}, even.text

            async def shown() -> bool:
                rows = (await client.get("/api/positions")).json()["rows"]
                return Decimal(rows[0]["stop_price"]) >= Decimal(wanted) and rows[0]["stop_moves"] >= 1

            await eventually(shown, within_s=10, every_s=0.1, what="the moved stop is shown")


async def test_what_may_not_be_is_refused_in_a_word(desk: Desk) -> None:
    venue = desk.stack.venue
    (before,) = await venue.stops(SYMBOL)
    cases = [
        (0.5, SYMBOL, TAG, StopRefusal.LOOSER),
        (1.5, SYMBOL, "", StopRefusal.BEYOND_PRICE),
        (0.95, SYMBOL, "zzzzzzzzzz", StopRefusal.OTHER_POSITION),
        (0.95, "ETHUSDT", "", StopRefusal.NO_POSITION),
    ]
    for share, symbol, position_id, why in cases:
        price = await venue.tick(symbol, await venue.price(symbol) * share)
        answer = await desk.ask(StopMoveKind.PRICE, price, symbol, position_id)
        assert (answer.event, answer.reason, answer.trigger_price) == (BracketEventKind.MOVE_REFUSED, why, None)
    assert [row["algoId"] for row in await venue.stops(SYMBOL)] == [before["algoId"]]


async def test_a_venue_that_takes_no_stop_keeps_the_old_one(desk: Desk) -> None:
    venue = desk.stack.venue
    (before,) = await venue.stops(SYMBOL)
    async with venue.fault(kind="reject_order", code=-2010, types=["STOP_MARKET"]):
        answer = await desk.ask(StopMoveKind.PRICE, await venue.tick(SYMBOL, await venue.price(SYMBOL) * 0.95))
    assert (answer.event, answer.reason) == (BracketEventKind.MOVE_REFUSED, StopRefusal.VENUE)
    assert [row["algoId"] for row in await venue.stops(SYMBOL)] == [before["algoId"]]


async def _one(desk: Desk) -> list[dict[str, object]]:
    found = await desk.stack.venue.stops(SYMBOL)
    return found if len(found) == 1 else []

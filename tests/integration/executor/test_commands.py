"""Commands that meet entries at bad moments: nothing of ours stays in the book, and no flatten is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.executor import control as control_module
from services.executor import opening, resting
from services.executor.closing import LATEST_MS
from services.executor.logic.intent import Step
from services.executor.steps import Moment
from shared.contracts.control import Alert, Command, ControlCommand
from shared.contracts.envelope import Meta
from shared.domain.errors import StoreUnavailable
from shared.domain.order import client_id
from shared.domain.position import VenuePosition
from shared.runtime import chores
from tests.fakes.eventually import eventually
from tests.integration.executor.world import Life, World, refusal, world

pytestmark = pytest.mark.integration

SYMBOL = "BTCUSDT"
LIMIT = {"ASTER_ENTRY_TYPE": "limit", "ASTER_ENTRY_LIMIT_SECONDS": "600", "ASTER_RECV_WINDOW": "100"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FILL_WAIT_S", 0.01)
    monkeypatch.setattr(control_module, "_AGAIN_S", 0.01)
    monkeypatch.setattr(resting, "AGAIN_S", 0.01)
    monkeypatch.setattr(chores, "TRIES", 2)
    monkeypatch.setattr(chores, "PAUSE_S", 0.01)


@dataclass
class Gate:
    """Holds entries of one symbol at a moment until it is opened."""

    symbol: str = SYMBOL
    moment: Moment = Moment.AFTER_SEND
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, moment: Moment, symbol: str, /) -> None:
        if moment is self.moment and symbol == self.symbol:
            self.reached.set()
            await self.open.wait()


@contextlib.asynccontextmanager
async def doing(*works: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks that are over at the end."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def far(w: World, life: Life, symbol: str = SYMBOL) -> str:
    """A buy below the market: it rests. Its decision id."""
    plan, meta = w.plan(symbol)
    await life.parts.entries.on_plan(plan.model_copy(update={"price": plan.price * 0.98}), meta)
    return meta.decision_id


async def give(life: Life, command: Command) -> int:
    return (await life.ctx.state.command(command, author="me", reason="", now_ms=5)).epoch


async def confirmed(life: Life) -> dict[str, Any]:
    found = await life.ctx.state.get(life.ctx.keys.account_view, "control")
    assert found is not None
    return found


def entry(w: World) -> str:
    account = next(iter(w.exchange.desk.accounts.values()))
    (order,) = (order for order in account.orders.values() if order.client_id.endswith("-e"))
    return str(order.status.value)


@pytest.mark.parametrize("command", [Command.PAUSE, Command.STOP, Command.FLATTEN])
async def test_an_entry_that_is_answered_after_the_command_does_not_rest(command: Command) -> None:
    gate = Gate()
    async with world(**LIMIT) as w, w.life(gate) as life, doing(far(w, life)) as (entering,):
        await gate.reached.wait()
        await give(life, command)
        async with doing(life.parts.control.look()) as (look,):
            await eventually(life.parts.control._lock.locked)
            gate.open.set()
            name = await entering
            await asyncio.wait_for(look, 5)
        assert entry(w) == "CANCELED"
        assert (await life.intent(name))["outcome"] == "not_executed"
        assert (await confirmed(life))["resting_entries"] == 0


async def test_a_permission_whose_answer_is_late_is_waited_for() -> None:
    asked, late = asyncio.Event(), asyncio.Event()
    async with world(**LIMIT) as w, w.life() as life:
        may_send = life.ctx.state.may_send

        async def slowly(*args: Any, **wishes: Any) -> Any:
            answer = await may_send(*args, **wishes)
            asked.set()
            await late.wait()
            return answer

        life.ctx.state.may_send = slowly  # type: ignore[method-assign]
        async with doing(far(w, life)) as (entering,):
            await asked.wait()
            await give(life, Command.STOP)
            async with doing(life.parts.control.look()) as (look,):
                await eventually(life.parts.control._lock.locked)
                late.set()
                await entering
                await asyncio.wait_for(look, 5)
        assert entry(w) == "CANCELED"
        assert (await confirmed(life))["resting_entries"] == 0


@pytest.mark.parametrize("answer", [refusal(-1000, 503), refusal(-2015, 401)], ids=["given up", "failed"])
async def test_a_cancel_that_did_not_work_is_tried_again_until_it_does(answer: httpx.Response) -> None:
    async with world(**LIMIT) as w, w.life() as life:
        name, failures = await far(w, life), iter(range(5))
        w.transport.hook = lambda request: answer if request.method == "DELETE" and next(failures, None) is not None else None
        await give(life, Command.STOP)
        await asyncio.wait_for(life.parts.control.look(), 10)
        assert entry(w) == "CANCELED"
        assert (await life.intent(name))["outcome"] == "not_executed"


async def test_an_entry_that_rests_although_the_stop_was_followed_is_cancelled_with_the_next_look() -> None:
    async with world(**LIMIT) as w, w.life() as life:
        await give(life, Command.STOP)
        await life.parts.control.look()
        await give(life, Command.START)
        name = await far_of(w, life, epoch=3)
        epoch = await give(life, Command.STOP)
        life.parts.control._followed = epoch
        await life.parts.control.look()
        await eventually(lambda: entry(w) == "CANCELED")
        await eventually(lambda: name not in life.parts.intents.unfinished)


async def far_of(w: World, life: Life, epoch: int) -> str:
    plan, meta = w.plan(epoch=epoch)
    await life.parts.entries.on_plan(plan.model_copy(update={"price": plan.price * 0.98}), meta)
    assert life.parts.intents.unfinished[meta.decision_id].step is Step.RESTING
    return meta.decision_id


async def test_a_flatten_does_not_wait_for_the_end_of_an_earlier_stop() -> None:
    gate = Gate("SOLUSDT")
    async with world() as w, w.life(gate) as life:
        await life.take("ETHUSDT")
        async with doing(life.take("SOLUSDT")) as (entering,):
            await gate.reached.wait()
            await give(life, Command.STOP)
            async with doing(life.parts.control.look()) as (stopping,):
                await eventually(life.parts.control._lock.locked)
                await give(life, Command.FLATTEN)
                async with doing(life.parts.control.look()) as (flattening,):
                    await eventually(lambda: gone(life, "ETHUSDT"), within_s=5)
                    assert not gate.open.is_set()
                    gate.open.set()
                    await entering
                    await asyncio.wait_for(asyncio.gather(stopping, flattening), 10)
        assert await life.positions() == {}
        assert (await confirmed(life))["command"] == "flatten"


async def gone(life: Life, symbol: str) -> bool:
    return symbol not in await life.positions()


@pytest.mark.parametrize("command", [Command.STOP, Command.PAUSE])
async def test_a_flatten_is_not_taken_back_by_a_stop_that_comes_before_anybody_acted(command: Command) -> None:
    async with world() as w, w.life() as life:
        await life.take()
        await give(life, Command.FLATTEN)
        epoch = await give(life, command)
        await life.parts.control.look()
        assert await life.positions() == {}
        found = await confirmed(life)
        assert (found["epoch"], found["command"], found["positions"]) == (epoch, command.value, 0)


async def test_a_start_takes_a_flatten_back_and_a_followed_one_closes_nothing_later() -> None:
    async with world() as w, w.life() as life:
        await life.take()
        for command in (Command.FLATTEN, Command.START, Command.PAUSE):
            await give(life, command)
        await life.parts.control.look()
        (seen,) = (await life.positions()).values()
        assert isinstance(seen, VenuePosition)
        await give(life, Command.FLATTEN)
        await life.parts.control.look()
        assert await life.positions() == {}
        epoch = await give(life, Command.START)
        await life.parts.control.look()
        await life.take("ETHUSDT", epoch=epoch)
        await give(life, Command.STOP)
        await life.parts.control.look()
        assert list(await life.positions()) == ["ETHUSDT"]


async def test_what_was_bought_before_the_answer_came_is_protected_at_once() -> None:
    gate = Gate()
    async with world(**LIMIT) as w, w.life(gate) as life, life.listening(), doing(far(w, life)) as (entering,):
        await gate.reached.wait()
        (intent,) = life.parts.intents.unfinished.values()
        w.serve(w.resting(client_id(intent.intent_id, "e")), "0.5")
        await eventually(lambda: life.parts.book.records[SYMBOL].entry_quantity > 0)
        assert life.parts.intents.unfinished[intent.intent_id].step is Step.SENT
        gate.open.set()
        await entering
        await eventually(life.stops, within_s=5, what="a stop without another event")


async def test_an_entry_that_ended_before_the_answer_came_is_over_at_once() -> None:
    gate = Gate()
    async with world(**LIMIT) as w, w.life(gate) as life, life.listening(), doing(far(w, life)) as (entering,):
        await gate.reached.wait()
        (intent,) = life.parts.intents.unfinished.values()
        order = await life.parts.private.query_order(SYMBOL, intent.client_id, conditional=False)
        assert order is not None
        await life.parts.private.cancel(SYMBOL, order=order)
        await eventually(lambda: life.ctx.activity.snapshot()["busy"] > 0, what="the event was heard")
        gate.open.set()
        await entering
        await eventually(lambda: intent.intent_id not in life.parts.intents.unfinished, within_s=5)
        assert (await life.intent(intent.intent_id))["outcome"] == "not_executed"
        assert await life.ctx.state.exposure_entries() == {}


def close_of(life: Life, *, age_ms: int = 0, command: Command = Command.CLOSE_POSITION, **wishes: Any) -> tuple[ControlCommand, Meta]:
    """A person's command about one symbol, published that long ago."""
    message = ControlCommand(command=command, command_id="c-1", author="me", symbol=SYMBOL, **wishes)
    now = life.ctx.clock.wall_ms()
    return message, Meta("m-1", "control.command", now - age_ms, now - age_ms, "dashboard/a", "", "", "main", 1)


async def test_a_close_is_for_the_position_that_was_meant() -> None:
    async with world() as w, w.life() as life:
        name, _ = await life.take()
        (alert,) = await life.parts.control.on_control(*close_of(life, position_id="x-another"))
        assert isinstance(alert.payload, Alert)
        assert (alert.payload.code, alert.payload.params["detail"]) == ("close_refused", "another position is open now")
        assert list(await life.positions()) == [SYMBOL]
        assert await life.stops() == 1
        assert await life.parts.control.on_control(*close_of(life, position_id=name)) == []
        assert await life.positions() == {}


@pytest.mark.parametrize("age_ms", [19_000, 25_000])
async def test_a_close_that_comes_late_closes_nothing_and_says_so(age_ms: int) -> None:
    async with world() as w, w.life() as life:
        await life.take()
        told = await life.parts.control.on_control(*close_of(life, age_ms=age_ms))
        late = age_ms > LATEST_MS
        assert [out.payload.topic.name for out in told] == (["alert"] if late else [])
        assert bool(await life.positions()) is late


async def test_a_close_of_another_position_and_a_late_cancel_leave_a_resting_entry_alone() -> None:
    async with world(**LIMIT) as w, w.life() as life:
        name = await far(w, life)
        await life.parts.control.on_control(*close_of(life, position_id="x-another"))
        await life.parts.control.on_control(*close_of(life, age_ms=25_000, command=Command.CANCEL))
        assert life.ctx.activity.snapshot()["busy"] == 0
        await life.parts.control.on_control(*close_of(life, position_id=name))
        await eventually(lambda: name not in life.parts.intents.unfinished)
        assert entry(w) == "CANCELED"


async def test_without_the_store_only_a_fresh_flatten_is_believed() -> None:
    async with world() as w, w.life() as life:
        await life.take()
        w.store.available = False
        with pytest.raises(StoreUnavailable):
            await life.parts.control.on_control(*close_of(life, age_ms=25_000, command=Command.FLATTEN))
        assert list(await life.positions()) == [SYMBOL]
        await life.parts.control.on_control(*close_of(life, command=Command.FLATTEN))
        assert await life.positions() == {}

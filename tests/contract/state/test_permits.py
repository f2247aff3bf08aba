import pytest

from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.state.port import Lease, Permit, State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract

BEFORE = {"step": "reserved", "n": 1}
AFTER = {"step": "sent", "n": 1}


async def ready(state: State, world: World) -> Lease:
    """Trading runs, the lease is held, the intent is written."""
    await state.init_control(TradingState.RUNNING, author="executor", now_ms=1)
    lease = await state.acquire("active-executor", "one", 60_000)
    assert lease is not None
    await state.put(world.keys.intents, "i", BEFORE)
    return lease


async def ask(state: State, lease: Lease, epoch: int = 1) -> Permit:
    return await state.may_send("i", before=BEFORE, after=AFTER, epoch=epoch, lease=lease)


async def test_a_permit_makes_the_intent_sent_and_may_be_asked_for_again(state: State, world: World) -> None:
    lease = await ready(state, world)
    assert await ask(state, lease) is Permit.OK
    assert await state.get(world.keys.intents, "i") == AFTER
    assert await ask(state, lease) is Permit.OK


async def test_there_is_none_before_a_trading_state(state: State, world: World) -> None:
    lease = await state.acquire("active-executor", "one", 60_000)
    assert lease is not None
    await state.put(world.keys.intents, "i", BEFORE)
    assert await ask(state, lease) is Permit.UNSET


@pytest.mark.parametrize("command", [Command.PAUSE, Command.STOP, Command.FLATTEN])
async def test_there_is_none_after_a_stop(state: State, world: World, command: Command) -> None:
    lease = await ready(state, world)
    await state.command(command, author="a", reason="", now_ms=2)
    for epoch in (1, 2):
        assert await ask(state, lease, epoch) is Permit.NOT_RUNNING
    assert await state.get(world.keys.intents, "i") == BEFORE


async def test_an_older_epoch_has_none_even_when_trading_runs_again(state: State, world: World) -> None:
    lease = await ready(state, world)
    await state.command(Command.PAUSE, author="a", reason="", now_ms=2)
    await state.command(Command.START, author="a", reason="", now_ms=3)
    assert await ask(state, lease, 1) is Permit.OLD_EPOCH
    assert await ask(state, lease, 3) is Permit.OK


async def test_who_lost_the_lease_has_none(state: State, world: World) -> None:
    lease = await ready(state, world)
    await state.release(lease)
    assert await state.acquire("active-executor", "two", 60_000) is not None
    assert await ask(state, lease) is Permit.FENCED
    assert await state.get(world.keys.intents, "i") == BEFORE


async def test_an_intent_that_somebody_went_on_with_has_none(state: State, world: World) -> None:
    lease = await ready(state, world)
    await state.put(world.keys.intents, "i", {"step": "done"})
    assert await ask(state, lease) is Permit.CHANGED
    await state.drop(world.keys.intents, "i")
    assert await ask(state, lease) is Permit.CHANGED

import asyncio

import pytest

from shared.contracts.control import Command
from shared.domain.control import TradingState
from shared.domain.errors import Permanent
from shared.state.port import Control, State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract


async def test_is_none_until_it_was_set_and_the_first_setting_stays(state: State) -> None:
    assert await state.control() is None
    first = await state.init_control(TradingState.PAUSED, author="executor", now_ms=5)
    assert first == Control(TradingState.PAUSED, 1, "", "executor", 5)
    assert await state.init_control(TradingState.RUNNING, author="late", now_ms=6) == first
    assert await state.control() == first


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (Command.START, TradingState.RUNNING),
        (Command.RELAUNCH, TradingState.RUNNING),
        (Command.PAUSE, TradingState.PAUSED),
        (Command.FLATTEN, TradingState.PAUSED),
        (Command.STOP, TradingState.STOPPED),
    ],
)
async def test_a_command_sets_its_state_and_raises_the_epoch(state: State, command: Command, expected: TradingState) -> None:
    await state.init_control(TradingState.RUNNING, author="executor", now_ms=1)
    after = await state.command(command, author="ünd", reason="why | not: 'so' 🟢", now_ms=9)
    assert after == Control(expected, 2, "why | not: 'so' 🟢", "ünd", 9, command, 2 if command is Command.FLATTEN else 0)
    assert await state.control() == after


@pytest.mark.parametrize("command", [Command.PAUSE, Command.STOP])
async def test_a_flatten_is_remembered_until_trading_starts_again(state: State, command: Command) -> None:
    await state.init_control(TradingState.RUNNING, author="executor", now_ms=1)
    await state.command(Command.FLATTEN, author="a", reason="", now_ms=2)
    after = await state.command(command, author="a", reason="", now_ms=3)
    assert (after.epoch, after.command, after.flatten_epoch) == (3, command, 2)
    assert await state.control() == after
    assert await state.init_control(TradingState.PAUSED, author="a", now_ms=4) == after
    assert (await state.command(Command.START, author="a", reason="", now_ms=5)).flatten_epoch == 0
    assert (await state.command(command, author="a", reason="", now_ms=6)).flatten_epoch == 0


@pytest.mark.parametrize("command", [Command.CLOSE_POSITION, Command.CANCEL])
async def test_commands_about_one_position_change_nothing(state: State, command: Command) -> None:
    with pytest.raises(Permanent, match="never set"):
        await state.command(command, author="a", reason="", now_ms=1)
    before = await state.init_control(TradingState.RUNNING, author="executor", now_ms=1)
    assert await state.command(command, author="a", reason="", now_ms=2) == before


async def test_a_stop_works_before_anything_was_set(state: State) -> None:
    after = await state.command(Command.STOP, author="a", reason="", now_ms=2)
    assert (after.state, after.epoch) == (TradingState.STOPPED, 1)


async def test_commands_at_once_each_get_their_own_epoch(world: World) -> None:
    clients = [world.client() for _ in range(4)]
    await clients[0].init_control(TradingState.RUNNING, author="executor", now_ms=1)
    commands = [Command.STOP, Command.START, Command.PAUSE]
    answers = await asyncio.gather(*(clients[i % 4].command(commands[i % 3], author=str(i), reason="", now_ms=i) for i in range(30)))
    assert sorted(answer.epoch for answer in answers) == list(range(2, 32))
    last = max(answers, key=lambda answer: answer.epoch)
    assert await clients[1].control() == last

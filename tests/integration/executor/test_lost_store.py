"""A Redis that comes back empty while the executor lives: its epochs begin anew, and a person's word still counts."""

import pytest

from shared.contracts.control import Command
from shared.domain.control import TradingState
from tests.integration.executor.world import world

pytestmark = pytest.mark.integration


async def test_a_flatten_after_the_loss_is_followed_although_its_epoch_is_lower() -> None:
    async with world() as place, place.life() as life:
        state, control = life.ctx.state, life.parts.control
        for number in range(5):
            await state.command(Command.PAUSE, author="me", reason="", now_ms=number)
            await state.command(Command.START, author="me", reason="", now_ms=number)
        await control.look()
        epoch = await state.control()
        assert epoch is not None
        assert epoch.epoch == 11
        _, told = await life.take(epoch=11)
        assert told[-1] == "accepted", told
        place.store.controls.clear()
        place.store.hashes.pop(life.ctx.keys.account_view, None)
        _, told = await life.take("ETHUSDT", epoch=11)
        assert told[-1].startswith("refused"), told
        await state.init_control(TradingState.PAUSED, author="page", now_ms=20)
        await state.command(Command.FLATTEN, author="me", reason="", now_ms=21)
        await control.look()
        assert await life.positions() == {}
        found = await state.get(life.ctx.keys.account_view, "control")
        assert found is not None
        assert (found["epoch"], found["command"]) == (2, "flatten")

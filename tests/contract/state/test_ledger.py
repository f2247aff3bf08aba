import asyncio

import pytest

from shared.state.ledger import BEGUN
from shared.state.port import State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract


async def test_first_begun_then_the_result(state: State) -> None:
    assert await state.ledger_begin("executor-plan", "plan:1", 60) is None
    assert await state.ledger_begin("executor-plan", "plan:1", 60) == BEGUN
    await state.ledger_finish("executor-plan", "plan:1", "sent:b:1", 60)
    assert await state.ledger_begin("executor-plan", "plan:1", 60) == "sent:b:1"
    assert await state.ledger_begin("executor-plan", "plan:2", 60) is None
    assert await state.ledger_begin("guard-plan", "plan:1", 60) is None


async def test_a_result_without_a_begin_counts(state: State) -> None:
    await state.ledger_finish("d", "m", "", 60)
    assert await state.ledger_begin("d", "m", 60) == ""


async def test_one_of_many_is_the_first(world: World) -> None:
    clients = [world.client() for _ in range(3)]
    seen = await asyncio.gather(*(clients[i % 3].ledger_begin("d", "m", 60) for i in range(12)))
    assert seen.count(None) == 1
    assert seen.count(BEGUN) == 11


async def test_entries_expire(world: World) -> None:
    client = world.client()
    assert await client.ledger_begin("d", "m", 1) is None

    async def first_again() -> bool:
        return await client.ledger_begin("d", "m", 60) is None

    await world.eventually(first_again)

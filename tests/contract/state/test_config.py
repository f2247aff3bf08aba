import asyncio

import pytest

from shared.state.port import ConfigRevision, State
from tests.contract.state.conftest import World

pytestmark = pytest.mark.contract


async def test_starts_at_nothing_and_keeps_history(state: State) -> None:
    assert await state.config() == ConfigRevision(0, {}, "", 0)
    assert await state.config_history() == []
    first = await state.config_apply({"ASTER_LEVERAGE": "5"}, expected_revision=0, author="me", now_ms=1)
    assert first == ConfigRevision(1, {"ASTER_LEVERAGE": "5"}, "me", 1)
    second = await state.config_apply({}, expected_revision=1, author="du: ä", now_ms=2)
    assert second == ConfigRevision(2, {}, "du: ä", 2)
    assert await state.config() == second
    assert await state.config_history() == [second, first]
    assert await state.config_history(1) == [second]
    assert await state.config_history(0) == []


@pytest.mark.parametrize("expected", [0, 2, 99, -1])
async def test_a_wrong_revision_changes_nothing(state: State, expected: int) -> None:
    first = await state.config_apply({"a": "1"}, expected_revision=0, author="me", now_ms=1)
    assert await state.config_apply({"a": "2"}, expected_revision=expected, author="me", now_ms=2) is None
    assert await state.config() == first
    assert await state.config_history() == [first]


async def test_exactly_one_of_many_wins(world: World) -> None:
    clients = [world.client() for _ in range(5)]
    made = await asyncio.gather(
        *(clients[i % 5].config_apply({"winner": str(i)}, expected_revision=0, author=str(i), now_ms=i) for i in range(20))
    )
    winners = [revision for revision in made if revision]
    assert len(winners) == 1
    assert await clients[0].config() == winners[0]
    assert await clients[0].config_history() == winners

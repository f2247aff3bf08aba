"""A read that failed: the news it was for and the wishes it was to carry out are not forgotten."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.bracket_guard.guard import Guard
from services.bracket_guard.logic.moves import Move, Mover
from shared.domain.errors import ExchangeUnavailable
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition
from tests.unit.bracket_guard.cases import POSITION, SYMBOL, position
from tests.unit.bracket_guard.test_notebook import context


class Broken:
    """A venue that tells positions, or not, and never orders."""

    def __init__(self, *, positions: bool) -> None:
        self._tells = positions

    async def positions(self) -> list[VenuePosition]:
        if not self._tells:
            raise ExchangeUnavailable("no positions")
        return [position()]

    async def open_orders(self, _symbol: str | None = None) -> list[VenueOrder]:
        raise ExchangeUnavailable("no orders")


def guard_of(tmp_path: Path, *, positions: bool) -> Any:
    guard: Any = Guard(context(tmp_path / "queue.json"))
    guard._private = Broken(positions=positions)
    return guard


@pytest.mark.parametrize("positions", [True, False])
@pytest.mark.parametrize("sweep", [True, False])
async def test_an_alarm_outlives_a_failed_read_and_the_next_look_comes_soon(tmp_path: Path, *, positions: bool, sweep: bool) -> None:
    guard = guard_of(tmp_path, positions=positions)
    guard._sweep_s = 0.0 if sweep else 1e9
    guard._hearing.hot, guard._hearing.alarm = {SYMBOL}, True
    await guard._guarded()
    assert (guard._hearing.hot, guard._hearing.alarm, guard._wake.is_set()) == ({SYMBOL}, True, True)


async def test_calm_is_not_disturbed_by_a_failed_read(tmp_path: Path) -> None:
    guard = guard_of(tmp_path, positions=False)
    await guard._guarded()
    assert not guard._wake.is_set()


@pytest.mark.parametrize("sweep", [True, False])
async def test_a_wish_outlives_a_failed_read(tmp_path: Path, *, sweep: bool) -> None:
    guard = guard_of(tmp_path, positions=True)
    guard._sweep_s = 0.0 if sweep else 1e9
    wish = Move(symbol=SYMBOL, position_id=POSITION, price=None, time_ms=1, reason="", by=Mover.PERSON, command_id="c")
    guard.propose(wish)
    await asyncio.wait_for(guard._guarded(), 5)
    assert guard._wishes.take() == {SYMBOL: wish}
    assert guard._wake.is_set()

"""Moves of stops: the one rule, the queue, and what a person is told."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bracket_guard.asked import LATEST_MS, move_of
from services.bracket_guard.logic.moves import Move, Mover, Stand, settled
from services.bracket_guard.wishes import MOST_S, Wishes
from shared.contracts.bracket import StopRefusal
from shared.contracts.control import StopMove, StopMoveKind
from shared.contracts.envelope import Meta
from shared.domain.clock import ManualClock
from shared.domain.order import Direction
from shared.domain.units import Price
from tests.unit.bracket_guard.cases import INSTRUMENT, POSITION, SYMBOL

LONG = Stand(
    direction=Direction.LONG,
    entry=Decimal(100),
    cost=Decimal("0.08"),
    stop=Decimal(90),
    mark=Decimal(110),
    moved_ms=None,
    cooldown_ms=15_000,
)
SHORT = replace(LONG, direction=Direction.SHORT, stop=Decimal(110), mark=Decimal(90))


def wish(price: str | None = None, by: Mover = Mover.PERSON, *, symbol: str = SYMBOL, time_ms: int = 60_000, command_id: str = "c") -> Move:
    aim = None if price is None else Decimal(price)
    return Move(symbol=symbol, position_id=POSITION, price=aim, time_ms=time_ms, reason="", by=by, command_id=command_id)


@pytest.mark.parametrize(
    ("stand", "price", "expected"),
    [
        (LONG, "95", "95"),
        (LONG, "95.01", "95.1"),
        (SHORT, "104.99", "104.9"),
        (LONG, None, "100.1"),
        (SHORT, None, "99.9"),
        (LONG, "90", StopRefusal.LOOSER),
        (LONG, "0.0001", StopRefusal.LOOSER),
        (SHORT, "111", StopRefusal.LOOSER),
        (LONG, "110", StopRefusal.BEYOND_PRICE),
        (LONG, "109.99", StopRefusal.BEYOND_PRICE),
        (LONG, "1e30", StopRefusal.BEYOND_PRICE),
        (SHORT, "0.0000001", StopRefusal.BEYOND_PRICE),
        (replace(LONG, mark=Decimal(100)), None, StopRefusal.NOT_PAID),
        (replace(LONG, stop=Decimal("100.1")), None, StopRefusal.LOOSER),
        (replace(LONG, stop=None), "95", StopRefusal.NO_STOP),
        (replace(LONG, moved_ms=59_000), "95", StopRefusal.COOLDOWN),
        (replace(LONG, moved_ms=58_000), "95", "95"),
    ],
)
def test_where_a_stop_goes_or_why_it_stays(stand: Stand, price: str | None, expected: str | StopRefusal) -> None:
    found = settled(wish(price), stand, INSTRUMENT)
    assert found == (expected if isinstance(expected, StopRefusal) else Price(Decimal(expected)))


def test_rules_wait_for_the_whole_cooldown() -> None:
    stand = replace(LONG, moved_ms=46_000)
    assert settled(wish("95", Mover.BREAK_EVEN), stand, INSTRUMENT) is StopRefusal.COOLDOWN
    assert settled(wish("95", Mover.FAST_TP, time_ms=61_000), stand, INSTRUMENT) == 95


@given(
    st.sampled_from(Direction),
    st.decimals("0.01", "300", places=3),
    st.decimals("50", "150", places=1),
    st.decimals("50", "150", places=2),
    st.booleans(),
)
def test_a_stop_is_never_loosened_and_never_beyond_the_price(
    direction: Direction,
    aim: Decimal,
    stop: Decimal,
    mark: Decimal,
    even: bool,  # noqa: FBT001 - a drawn value
) -> None:
    stand = replace(LONG, direction=direction, stop=stop, mark=mark)
    found = settled(replace(wish(), price=None if even else aim), stand, INSTRUMENT)
    if not isinstance(found, StopRefusal):
        assert (found - stop) * direction.sign > 0
        assert (mark - found) * direction.sign > 0
        assert found % INSTRUMENT.tick == 0
        again = replace(stand, stop=found)
        assert settled(replace(wish(), price=found), again, INSTRUMENT) is StopRefusal.LOOSER


def test_people_come_first_and_one_after_the_other() -> None:
    wishes = Wishes(lambda: 1.0)
    first, second = wish("95", command_id="c1"), wish("96", command_id="c2")
    rule, other = wish("97", Mover.FAST_TP, command_id=""), wish("9", Mover.FAST_TP, symbol="ETHUSDT", command_id="")
    for move in (rule, first, second, rule, other):
        wishes.put(move)
    assert wishes.take() == {SYMBOL: first, "ETHUSDT": other}
    wishes.back([first, other])
    assert wishes.take() == {SYMBOL: first}
    assert wishes.take() == {SYMBOL: second}
    assert not wishes


def test_a_wish_that_cannot_be_looked_at_ends_some_time() -> None:
    now = [1.0]
    wishes = Wishes(lambda: now[0])
    wishes.put(wish("95"))
    wishes.put(wish("96", Mover.BREAK_EVEN))
    wishes.back(wishes.take().values())
    now[0] += MOST_S
    assert wishes.expired() == []
    now[0] += 0.1
    assert wishes.expired() == [wish("95")]
    assert not wishes


def test_a_command_becomes_a_move_and_may_come_too_late() -> None:
    clock = ManualClock(500_000)
    meta = Meta("", "", 0, clock.wall_ms() - LATEST_MS, "", "", "", "main", 0)
    command = StopMove(kind=StopMoveKind.BREAK_EVEN, command_id="c9", author="anna", symbol=SYMBOL, price=Price(Decimal(5)))
    move, late = move_of(command, meta, clock)
    assert (move.price, move.by, move.command_id, move.position_id, late) == (None, Mover.PERSON, "c9", "", False)
    assert move.reason == "break_even asked by anna"
    assert move_of(command, replace(meta, produced_ms=meta.produced_ms - 1), clock)[1]

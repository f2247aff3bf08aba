"""Where the bracket of a position comes from: record, intent, memory, the orders themselves, or a default."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.bracket_guard.logic.desired import default_bracket, from_intent, from_record, with_memory, with_orders
from services.bracket_guard.logic.documents import desired_document, desired_from
from tests.unit.bracket_guard.cases import INSTRUMENT, POSITION, desired, order, position

RECORD: dict[str, Any] = {
    "position_id": POSITION,
    "direction": "long",
    "phase": "open",
    "opened_ms": 5,
    "owned": True,
    "stop_price": "90",
    "target_price": "116",
    "planned": {"stop_distance": "8", "target_distance": "12", "interval": "5m", "epoch": 3},
}


def test_the_record_says_it() -> None:
    found = from_record(RECORD, position(), INSTRUMENT)
    assert found is not None
    assert (found.stop_price, found.target_price, found.epoch, found.interval, found.opened_ms) == (90, 116, 3, "5m", 5)


def test_an_executor_that_died_before_the_bracket_left_the_distances() -> None:
    found = from_record({**RECORD, "phase": "opening", "stop_price": None, "target_price": None}, position(), INSTRUMENT)
    assert found is not None
    assert (found.stop_price, found.target_price) == (92, 112)


@pytest.mark.parametrize("change", [{"direction": "short"}, {"phase": "closed"}])
def test_a_record_of_another_position_says_nothing(change: dict[str, str]) -> None:
    assert from_record({**RECORD, **change}, position(), INSTRUMENT) is None


def test_an_intent_says_it_too() -> None:
    intent = {"intent_id": POSITION, "direction": "long", "stop_distance": "8", "target_distance": "12", "interval": "5m", "epoch": 3}
    found = from_intent(intent, position(), INSTRUMENT)
    assert found is not None
    assert (found.position_id, found.stop_price, found.target_price) == (POSITION, 92, 112)
    assert from_intent({**intent, "direction": "short"}, position(), INSTRUMENT) is None


def test_a_moved_stop_is_never_loosened() -> None:
    planned, moved = desired("90"), desired("97", moves=2)
    assert with_memory(planned, moved).stop_price == 97
    assert with_memory(planned, replace(moved, position_id="zzzzzzzzzz")) == planned
    assert with_memory(desired("98"), moved).stop_price == 98


def test_the_venue_remembers_moves_when_nobody_else_does() -> None:
    assert with_orders(desired("90"), [order(2100, trigger="97")]).stop_price == 97
    assert with_orders(desired("90"), [order(2100, trigger="97")]).moves == 2
    assert with_orders(desired("90"), [order(100, trigger="97")]).stop_price == 90
    assert with_orders(desired("90"), [order(2100, name="mr-zzzzzzzzzz-s2100", trigger="97")]).stop_price == 90


def test_a_default_takes_what_is_there_before_it_makes_something_up() -> None:
    assert default_bracket(position(), INSTRUMENT, [order(1, trigger="93")], POSITION, Decimal(4)).stop_price == 93
    assert default_bracket(position(), INSTRUMENT, [], POSITION, Decimal(4)).stop_price == 96
    assert default_bracket(position(), INSTRUMENT, [], POSITION, None).stop_price == 97
    assert default_bracket(position("-2", mark="99"), INSTRUMENT, [], POSITION, Decimal(4)).stop_price == 104


def test_a_default_does_not_close_a_position_that_has_run_beyond_it() -> None:
    assert default_bracket(position(mark="80"), INSTRUMENT, [], POSITION, Decimal(4)).stop_price == 76


def test_documents_come_back_as_they_were() -> None:
    assert desired_from({**desired_document(desired(moves=3)), "unknown": 1}) == desired(moves=3)

"""When candles at hand spare the venue work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.stored import Stored, price_of, weight
from shared.domain.candle import Candle
from shared.exchange.venues.shape import klines_weight
from tests.unit.scanner.samples import candle


def stretch(first: int, last: int) -> dict[int, Candle]:
    return {bar: candle("A", bar) for bar in range(first, last + 1)}


def test_the_newest_stretch_without_a_gap_counts() -> None:
    found = Stored.of(stretch(100, 150) | stretch(200, 700), 100, 700)
    assert found is not None
    assert (found.first, found.newest, len(found.candles)) == (200, 700, 501)
    assert [c.open_ms for c in found.candles] == sorted(c.open_ms for c in found.candles)


@pytest.mark.parametrize(
    "known",
    [{}, stretch(1, 50), stretch(690, 700), stretch(900, 950)],
    ids=["nothing", "too old", "too little to matter", "from the future"],
)
def test_what_saves_nothing_is_not_used(known: dict[int, Candle]) -> None:
    assert Stored.of(known, 100, 700) is None


def test_candles_beyond_the_wanted_ones_are_left_out() -> None:
    found = Stored.of(stretch(0, 800), 100, 700)
    assert found is not None
    assert (found.first, found.newest) == (100, 700)


@given(st.integers(1, 1500))
def test_a_page_costs_what_the_venue_says(candles: int) -> None:
    assert weight(candles) == klines_weight(candles)


def test_pages_add_up() -> None:
    assert (weight(0), weight(1500), weight(1501), weight(3100)) == (0, 10, 11, 21)


@given(first=st.integers(0, 700), last=st.integers(0, 700))
def test_it_is_only_used_where_it_is_cheaper(first: int, last: int) -> None:
    found = Stored.of(stretch(first, last), 0, 700)
    if found is not None:
        assert weight(found.first) + weight(700 - found.newest + 1) < weight(701)


def test_a_market_is_known_by_its_prices() -> None:
    assert price_of(candle("A", 1)) == price_of(candle("B", 2, volume=5.0))
    assert price_of(candle("A", 1)) != price_of(candle("A", 1, 100.1))

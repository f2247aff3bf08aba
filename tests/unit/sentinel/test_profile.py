import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentinel.logic.profile import DAY_MS, DAYS, LEAST_DAYS, Profile, by_name, due, listings, usual_volume
from services.sentinel.logic.score import score
from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.words import reasons
from tests.unit.sentinel.test_score import market, risk

NOW = 20_000 * DAY_MS


def test_the_usual_day_is_the_median_of_a_month() -> None:
    assert usual_volume([]) is None
    assert usual_volume([5.0] * (LEAST_DAYS - 1)) is None
    assert usual_volume([1000.0] + [5.0] * LEAST_DAYS) == 5.0
    assert usual_volume([1000.0] * 60 + [5.0] * DAYS) == 5.0
    assert usual_volume([0.0] * 30) is None


@given(st.lists(st.floats(0.001, 1e12), min_size=LEAST_DAYS, max_size=40))
def test_it_is_never_outside_of_what_was_seen(volumes: list[float]) -> None:
    found = usual_volume(volumes)
    assert found is not None
    assert min(volumes) <= found <= max(volumes)


def test_a_day_on_which_everything_began_is_no_listing() -> None:
    begun = {f"S{n}": 19_000 * DAY_MS + n for n in range(20)}
    assert listings({**begun, "NEW": NOW - DAY_MS, "NEVER": 0}) == {"NEW": NOW - DAY_MS}
    assert listings({"A": NOW, "B": NOW - 5 * DAY_MS}) == {"A": NOW, "B": NOW - 5 * DAY_MS}


def test_the_age_is_unknown_before_the_listing() -> None:
    profile = Profile(listed_ms={"A": NOW - 2 * DAY_MS, "LATER": NOW + 1})
    assert profile.age_days("A", NOW) == 2.0
    assert math.isnan(profile.age_days("LATER", NOW))
    assert math.isnan(profile.age_days("B", NOW))


def test_a_profile_is_read_once_per_day() -> None:
    assert not due(None, 0)
    assert due(None, NOW)
    assert not due(20_000, NOW + DAY_MS - 1)
    assert due(20_000, NOW + DAY_MS)
    assert by_name(["B", "A", "B"]) == ["A", "B"]


def test_a_young_symbol_is_no_warning_alone_but_makes_others_stronger() -> None:
    calm = {"log_range": 0.06, "change": 0.0, "move": 0.0, "move_sigma": 0.0, "surge": 1.0, "funding": 0.00005, "premium": -0.0005}
    assert risk(**calm, age_days=1.0) == pytest.approx(0.3)
    assert risk(**calm, age_days=31.0) == 0.0
    assert risk(**calm, age_days=math.nan) == 0.0
    wide = calm | {"log_range": 0.22}
    assert risk(**wide, age_days=2.0) > risk(**wide, age_days=400.0)
    scores = score(market(**calm, age_days=2.0))
    assert "listed 2 days ago" in reasons(scores, 0)


def test_the_table_measures_against_the_profile() -> None:
    table = Table()
    table.day("AUSDT", Day(NOW, 100, 101, 99, 0.0, 2e6))
    assert table.symbols == ["AUSDT"]
    measures = table.measure(Profile({"AUSDT": 1e6}, {"AUSDT": NOW - 10 * DAY_MS}))
    assert (measures.surge[0], measures.age_days[0]) == (2.0, 10.0)

"""Who leads: ten symbols of the whole universe, by the candle before, whoever scans them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.logic.trends import TOP, Trends, best, newest_bar

QUALITIES = st.dictionaries(st.text("abcdefghij", min_size=1, max_size=3), st.floats(0, 1), max_size=30)


def told(*rankings: tuple[int, dict[str, float]]) -> Trends:
    found = Trends()
    for bar, ranking in rankings:
        found.note(bar, list(ranking), np.array(list(ranking.values())))
    return found


def test_the_candle_before_says_who_leads() -> None:
    trends = told((7, {"A": 0.9, "B": 0.1, "C": -1.0}), (8, {"D": 0.9}))
    assert trends.leaders(8, ["D", "A", "B", "C"]).tolist() == [False, True, True, False]
    assert trends.leaders(9, ["D", "A"]).tolist() == [True, False]
    assert trends.leaders(10, ["D"]).tolist() == [False]


def test_only_the_best_ten_lead_and_equal_ones_go_by_name() -> None:
    trends = told((1, {f"S{n:02}": 0.5 if n < 15 else 0.9 for n in range(20)}))
    leaders = trends.leaders(2, [f"S{n:02}" for n in range(20)])
    assert np.flatnonzero(leaders).tolist() == [0, 1, 2, 3, 4, 15, 16, 17, 18, 19]


@pytest.mark.parametrize(("or_now", "leads"), [(True, True), (False, False)])
def test_the_very_first_scan_may_ask_its_own_candle(*, or_now: bool, leads: bool) -> None:
    assert told((5, {"A": 0.9})).leaders(5, ["A"], or_now=or_now).tolist() == [leads]


def test_what_a_candle_before_said_is_not_replaced_by_now() -> None:
    trends = told((4, {"B": 0.2}), (5, {"A": 0.9}))
    assert trends.leaders(5, ["A", "B"], or_now=True).tolist() == [False, True]


@given(whole=QUALITIES, cut=st.integers(0, 30))
def test_two_scanners_agree_with_a_single_one(whole: dict[str, float], cut: int) -> None:
    names = sorted(whole)
    single = told((1, whole))
    parts = [told((1, {name: whole[name] for name in part})) for part in (names[:cut], names[cut:])]
    documents = [part.document() for part in parts]
    for part in parts:
        part.hear(documents)
        assert part.leaders(2, names).tolist() == single.leaders(2, names).tolist()


def test_a_restarted_scanner_hears_what_it_told_before() -> None:
    before = told((1, {"A": 0.9}), (2, {"A": 0.8, "B": 0.7}))
    again = Trends()
    again.hear([before.document()])
    assert again.leaders(3, ["A", "B", "C"]).tolist() == [True, True, False]


def test_two_candles_are_kept_and_told() -> None:
    document = told((1, {"A": 0.1}), (2, {"A": 0.2}), (3, {f"S{n}": 0.5 for n in range(20)})).document()
    assert sorted(document["bars"]) == ["2", "3"]
    assert len(document["bars"]["3"]) == TOP
    assert newest_bar(document) == 3
    assert newest_bar({"bars": {}}) == -1


def test_the_last_ranking_wins_about_a_symbol() -> None:
    assert best([{"A": 0.9}, {"A": 0.1, "B": 0.5}], top=1) == {"B": 0.5}

"""The equity curve is honest about what it does not know, and bounded."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.dashboard.logic.answers import Unknown
from services.dashboard.logic.curve import Curve, Points


def test_realised_is_the_opening_balance_plus_the_trades():
    curve = Curve()
    curve.opening = Decimal(1000)
    curve.trade(5, 10, Decimal("12.5"))
    curve.trade(12, 20, Decimal(-4))
    found = curve.answer()
    assert [(point.ms, str(point.usd)) for point in found.realised] == [(5, "1000"), (10, "1012.5"), (20, "1008.5")]
    assert (found.trades, str(found.net_usd), found.unknown) == (2, "8.5", None)


def test_without_an_opening_balance_there_is_no_realised_curve():
    curve = Curve()
    curve.trade(5, 10, Decimal(1))
    found = curve.answer()
    assert found.realised == ()
    assert found.unknown is Unknown.NOT_REPORTED


def test_samples_that_did_not_move_are_left_out():
    curve = Curve()
    assert curve.sample(1, Decimal(10))
    assert not curve.sample(2, Decimal(10))
    assert curve.sample(3, Decimal(11))
    assert [point.ms for point in curve.answer().samples] == [1, 3]


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(-1000, 1000)), min_size=1, max_size=300), st.integers(4, 40))
def test_points_stay_bounded_sorted_and_keep_the_newest(rows: list[tuple[int, int]], limit: int):
    points = Points(limit)
    for ms, value in rows:
        points.add(ms, Decimal(value))
    kept = points.list()
    assert len(kept) <= limit + 1
    assert [ms for ms, _ in kept] == sorted(ms for ms, _ in kept)
    assert kept[-1][1] == Decimal(rows[-1][1])

"""Candle by candle equals all at once; a prefix's indicators are the prefix of the indicators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.indicators.aggregate import Ohlc
from shared.indicators.bank import HigherBank, IndicatorBank
from shared.indicators.live import Smoother, ordered_sum
from shared.indicators.series import WARM_BARS, Series, compute, higher_trend
from shared.indicators.types import Floats
from tests.unit.indicators.paths import column, head, late_start, random_candles

SEEDS = st.integers(0, 10_000)


def fed(candles: Ohlc, first_bar: int = 0, starts: list[int] | None = None) -> Floats:
    """The readings of a bank that saw the candles one bar at a time: [series, symbols, bars]."""
    symbols, bars = candles.close.shape
    bank = IndicatorBank(symbols)
    out = np.full((len(Series), symbols, bars), np.nan)
    for bar in range(bars):
        rows = np.array([row for row in range(symbols) if starts is None or starts[row] <= bar], dtype=np.intp)
        if len(rows) == symbols:
            out[:, :, bar] = bank.update(first_bar + bar, slice(None), column(candles, bar))
        elif len(rows):
            out[:, rows, bar] = bank.update(first_bar + bar, rows, column(candles, bar, rows))
    return out


def assert_same(ours: Floats, reference: Floats) -> None:
    for series in Series:
        np.testing.assert_allclose(ours[series], reference[series], rtol=1e-9, atol=1e-9, err_msg=series.name)


@settings(max_examples=12, deadline=None)
@given(seed=SEEDS, flat_share=st.sampled_from([0.0, 0.2, 0.9]), first_bar=st.integers(0, 5_000_000))
def test_updates_agree_with_recomputation(seed: int, flat_share: float, first_bar: int) -> None:
    candles = random_candles(3, 300, seed, flat_share=flat_share)
    assert_same(fed(candles, first_bar), compute(candles))


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS, starts=st.lists(st.integers(0, 200), min_size=4, max_size=4))
def test_symbols_that_start_later_agree_too(seed: int, starts: list[int]) -> None:
    candles = late_start(random_candles(4, 300, seed), starts)
    assert_same(fed(candles, 0, starts), compute(candles))


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, cut=st.integers(1, 299))
def test_no_indicator_looks_ahead(seed: int, cut: int) -> None:
    candles = random_candles(3, 300, seed)
    np.testing.assert_allclose(compute(head(candles, cut)), compute(candles)[:, :, :cut], rtol=1e-12, atol=1e-12)


def test_everything_has_a_value_after_the_stated_warm_up() -> None:
    result = compute(random_candles(3, WARM_BARS))
    assert not np.isnan(result[:, :, -1]).any()
    assert np.isnan(result[:, :, -2]).any()


def test_rows_may_be_updated_in_any_split_and_order() -> None:
    candles = random_candles(5, 260, seed=3)
    whole = fed(candles)
    bank = IndicatorBank(5)
    for bar in range(260):
        for rows in (np.array([3, 0]), np.array([4]), np.array([1, 2])):
            result = bank.update(bar, rows, column(candles, bar, rows))
            np.testing.assert_array_equal(result, whole[:, rows, bar])  # to the last digit: batches follow the network


def test_earlier_readings_are_kept() -> None:
    candles = random_candles(2, 240, seed=5)
    bank = IndicatorBank(2)
    kept = [bank.update(bar, slice(None), column(candles, bar)) for bar in range(240)]
    for lag in range(8):
        np.testing.assert_array_equal(bank.reading(239, slice(None), lag), kept[239 - lag])
    np.testing.assert_array_equal(
        np.sort(bank.recent(Series.RSI, slice(None)), axis=0), np.sort([k[Series.RSI] for k in kept[-8:]], axis=0)
    )


def test_adopted_state_goes_on_like_the_original() -> None:
    candles = random_candles(3, 300, seed=9)
    donor, other = IndicatorBank(3), IndicatorBank(5)
    for bar in range(250):
        donor.update(bar, slice(None), column(candles, bar))
    other.adopt(np.array([4, 1]), donor, np.array([0, 2]))
    for bar in range(250, 300):
        expected = donor.update(bar, slice(None), column(candles, bar))
        ours = other.update(bar, np.array([4, 1]), column(candles, bar, np.array([0, 2])))
        np.testing.assert_array_equal(ours, expected[:, [0, 2]])


def test_the_higher_trend_agrees_with_recomputation() -> None:
    candles = random_candles(3, 120, seed=2)
    reference = higher_trend(candles.close)
    bank = HigherBank(3)
    for bar in range(120):
        bank.update(bar + 7, slice(None), candles.close[:, bar])
        for ours, theirs in zip(bank.trend(slice(None)), reference, strict=True):
            np.testing.assert_allclose(ours, theirs[:, bar], rtol=1e-9)


@pytest.mark.parametrize("size", [1, 63, 64, 500])
@pytest.mark.parametrize("depth", [1, 3, 20, 288])
def test_a_sum_does_not_depend_on_who_else_is_in_the_batch(size: int, depth: int) -> None:
    window = np.random.default_rng(size * depth).lognormal(0, 8, (depth, size))
    whole = ordered_sum(window)
    assert whole.tolist() == [ordered_sum(window[:, [n]])[0] for n in range(size)]
    assert whole.tolist() == np.add.accumulate(window, axis=0)[-1].tolist()


def test_a_smoother_takes_the_short_way_to_the_same_digits() -> None:
    """Once all symbols are warm they share a shorter way; one that joins late must not change the others."""
    dice = np.random.default_rng(5)
    alone, together = Smoother(1, 14, 1 / 14), Smoother(2, 14, 1 / 14)
    both, first, second = slice(None), np.array([0]), np.array([1])
    for bar in range(80):
        value = dice.normal(100, 5, (1, 1))
        expected = alone.update(both, value)
        if bar < 40:
            found = together.update(first, value)
        else:
            found = together.update(both, np.concatenate([value, dice.normal(100, 5, (1, 1))], axis=1))[:, :1]
        assert np.array_equal(found, expected, equal_nan=True)
    assert together.seen(second)[0] == 15

import numpy as np
import pytest

from shared.indicators.aggregate import Ohlc, aggregate, bar_number, bar_open_ms, whole_ratio
from tests.unit.indicators.paths import random_candles

MIN, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def test_only_whole_ratios_count() -> None:
    assert whole_ratio(5 * MIN, 30 * MIN) == 6
    assert whole_ratio(8 * HOUR, 12 * HOUR) is None
    assert whole_ratio(30 * MIN, 30 * MIN) is None
    assert whole_ratio(3 * DAY, 7 * DAY) is None


def test_bars_are_numbered_by_their_opening() -> None:
    assert bar_number(1_764_547_200_000, 5 * MIN) == 1_764_547_200_000 // 300_000
    assert bar_number(1_764_547_200_000 + 299_999, 5 * MIN) == bar_number(1_764_547_200_000, 5 * MIN)


def test_weeks_begin_on_monday() -> None:
    monday = 1_764_547_200_000  # 2025-12-01 00:00 UTC
    assert bar_open_ms(bar_number(monday, 7 * DAY), 7 * DAY) == monday
    assert bar_number(monday - 1, 7 * DAY) == bar_number(monday, 7 * DAY) - 1


def test_partial_candles_at_both_ends_are_left_out() -> None:
    candles = random_candles(2, 20)
    longer = aggregate(candles, first_open_ms=10 * MIN, length_ms=5 * MIN, longer_ms=30 * MIN)  # bars 4-9 and 10-15 are whole
    assert longer.close.shape == (2, 2)
    np.testing.assert_array_equal(longer.open, candles.open[:, [4, 10]])
    np.testing.assert_array_equal(longer.close, candles.close[:, [9, 15]])
    np.testing.assert_array_equal(longer.high[:, 0], candles.high[:, 4:10].max(axis=1))
    np.testing.assert_array_equal(longer.low[:, 1], candles.low[:, 10:16].min(axis=1))


def test_too_few_candles_make_none() -> None:
    assert aggregate(random_candles(2, 3), 0, 5 * MIN, 30 * MIN).close.shape == (2, 0)


def test_a_ratio_that_is_not_whole_is_refused() -> None:
    empty = Ohlc(*(np.empty((1, 0)) for _ in range(4)))
    with pytest.raises(ValueError, match="whole candles"):
        aggregate(empty, 0, 8 * HOUR, 12 * HOUR)

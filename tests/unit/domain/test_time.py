import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.candle import INTERVALS, Candle, interval_ms
from shared.domain.clock import Clock, ManualClock


def test_intervals_grow_and_begin_at_a_minute() -> None:
    lengths = [interval_ms(interval) for interval in INTERVALS]
    assert lengths == sorted(set(lengths))
    assert lengths[0] == 60_000
    assert interval_ms("4h") == 4 * 3_600_000
    assert interval_ms("1w") == 7 * 86_400_000


@pytest.mark.parametrize("interval", ["", "1", "m", "2m", "5M", "1M", "05m", "5m ", "-5m", "1y"])
def test_other_intervals_are_refused(interval: str) -> None:
    with pytest.raises(ValueError, match="expected one of 1m, 3m"):
        interval_ms(interval)


@given(st.sampled_from(INTERVALS), st.integers(0, 2**41))
def test_a_candle_ends_one_millisecond_before_the_next(interval: str, open_ms: int) -> None:
    candle = Candle("BTCUSDT", interval, open_ms, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0)
    assert candle.close_ms + 1 == open_ms + interval_ms(interval)


def test_a_manual_clock_only_goes_forward() -> None:
    clock: Clock = (manual := ManualClock(1000))
    manual.advance_ms(500)
    manual.set_ms(1500)
    assert (clock.now_ms(), clock.wall_ms(), clock.monotonic_s(), clock.horizon_ms(7)) == (1500, 1500, 1.5, 7)
    with pytest.raises(ValueError, match="cannot go back"):
        manual.set_ms(1499)
    with pytest.raises(ValueError, match="cannot go back"):
        manual.advance_ms(-1)

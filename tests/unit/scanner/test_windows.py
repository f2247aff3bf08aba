"""Candles in arrays: history, epochs, and results that do not depend on when or in which company a symbol was loaded."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from services.scanner.logic.features import Features, observe
from services.scanner.logic.frame import Frame
from services.scanner.logic.windows import Windows, without_gap
from shared.domain.candle import Candle
from shared.domain.errors import ConfigError
from shared.indicators.aggregate import Ohlc, aggregate
from shared.indicators.series import compute, higher_trend
from tests.unit.indicators.paths import random_candles
from tests.unit.scanner.samples import LENGTH_MS, candle

DEFAULT = Frame.of("5m", "30m")
FRAME = replace(DEFAULT, warm_bars=240, epoch_bars=60)
"""A frame with short epochs, so that tests cross several of them; its candles still reach back 24 hours."""
BEGIN = 5_880_000  # a bar number at the start of an epoch
SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


@lru_cache
def recording(seed: int) -> Ohlc:
    """A long random path."""
    return random_candles(len(SYMBOLS), 3000, seed)


def history(first: int, count: int, seed: int = 4) -> dict[str, list[Candle]]:
    """Candles of three symbols from bar `first` on; the same bar always has the same candle."""
    whole = recording(seed)
    found: dict[str, list[Candle]] = {}
    for row, symbol in enumerate(SYMBOLS):
        bars = range(first - BEGIN + 1500, first - BEGIN + 1500 + count)
        found[symbol] = [made(symbol, bar - 1500 + BEGIN, whole, row, bar) for bar in bars]
    return found


def made(symbol: str, number: int, whole: Ohlc, row: int, column: int) -> Candle:
    o, h, lo, c = (float(part[row, column]) for part in whole)
    return Candle(symbol, "5m", number * LENGTH_MS, o, h, lo, c, 1.0, 1000.0 + column, 5)


def same(ours: Features, theirs: Features) -> None:
    for name in Features.__slots__:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)


def loaded(candles: dict[str, list[Candle]], frame: Frame = FRAME) -> Windows:
    windows = Windows(frame, candles)
    for symbol, rows in candles.items():
        windows.load(symbol, rows)
    windows.settle_all(ahead=False)
    return windows


def feed(windows: Windows, candles: dict[str, list[Candle]]) -> None:
    for column in zip(*candles.values(), strict=True):
        windows.append(FRAME.bar(column[0].open_ms), list(column))


def test_the_frame_of_the_defaults() -> None:
    assert (DEFAULT.ratio, DEFAULT.warm_bars, DEFAULT.needed_bars, DEFAULT.capacity) == (6, 720, 360, 960)
    assert DEFAULT.close_ms(DEFAULT.bar(LENGTH_MS * 7)) == LENGTH_MS * 8 - 1
    assert DEFAULT.day_bars == 288


def test_a_day_fits_into_every_frame() -> None:
    for interval, longer in (("1m", "5m"), ("1m", "30m"), ("3m", "15m"), ("5m", "30m"), ("1h", "4h"), ("1d", "1w")):
        frame = Frame.of(interval, longer)
        assert frame.day_bars <= frame.warm_bars
        assert frame.needed_bars <= frame.warm_bars


def test_intervals_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="whole multiple"):
        Frame.of("8h", "12h")


def test_longer_candles_end_where_the_venue_ends_them() -> None:
    assert [bar for bar in range(12) if FRAME.higher_bar(bar) is not None] == [5, 11]
    assert FRAME.higher_bar(11) == 1
    weekly = Frame.of("1d", "1w")
    monday = 20_423  # 2025-12-01, days since the epoch
    assert weekly.higher_bar(monday - 1) is not None
    assert weekly.higher_bar(monday) is None


def test_indicators_equal_a_recomputation_from_the_epochs_start() -> None:
    last = BEGIN + 40
    candles = history(BEGIN - 300, 341)
    windows = loaded(candles)
    found = observe(windows, windows.rows_of(SYMBOLS), last)
    start = FRAME.start(last)
    parts = [
        [[getattr(c, f) for c in candles[s] if FRAME.bar(c.open_ms) >= start] for s in SYMBOLS] for f in ("open", "high", "low", "close")
    ]
    whole = Ohlc(*(np.array(part) for part in parts))  # 281 candles: every series has a value
    np.testing.assert_allclose(found.now, compute(whole)[:, :, -1], rtol=1e-9, atol=1e-9)
    longer = higher_trend(aggregate(whole, FRAME.open_ms(start), LENGTH_MS, 6 * LENGTH_MS).close)
    np.testing.assert_allclose(found.higher_slope, longer.slope[:, -1] / found.now[1], rtol=1e-9)
    assert found.bars.tolist() == [281.0] * 3


@pytest.mark.parametrize("parting", [BEGIN - 50, BEGIN - 1, BEGIN, BEGIN + 30])
def test_it_does_not_matter_when_a_scanner_was_started(parting: int) -> None:
    last = BEGIN + 70
    early = loaded(history(BEGIN - 500, 350))
    feed(early, history(BEGIN - 150, 221))
    late = loaded(history(FRAME.start(parting), parting - FRAME.start(parting) + 1))
    feed(late, history(parting + 1, last - parting))
    rows = early.rows_of(SYMBOLS)
    same(observe(early, rows, last), observe(late, rows, last))
    np.testing.assert_array_equal(early.day_volume(rows), late.day_volume(rows))


def test_settling_ahead_changes_nothing_but_the_moment_of_the_work() -> None:
    candles, more = history(BEGIN - 300, 300), history(BEGIN, 3)
    lazy, eager = loaded(candles), loaded(candles)
    assert eager.settle_all(ahead=True) == 3
    assert eager.settle_all(ahead=True) == 0
    feed(lazy, more)
    feed(eager, more)
    same(observe(lazy, lazy.rows_of(SYMBOLS), BEGIN + 2), observe(eager, eager.rows_of(SYMBOLS), BEGIN + 2))


def test_symbols_may_come_in_any_company() -> None:
    candles, more = history(BEGIN - 300, 300), history(BEGIN, 40)
    together, apart = loaded(candles), loaded(candles)
    feed(together, more)
    for place in range(40):
        apart.append(BEGIN + place, [more["CUSDT"][place]])
        apart.append(BEGIN + place, [more["BUSDT"][place], more["AUSDT"][place]])
    same(observe(together, together.rows_of(SYMBOLS), BEGIN + 39), observe(apart, apart.rows_of(SYMBOLS), BEGIN + 39))


def test_a_new_symbol_does_not_disturb_the_others() -> None:
    candles = history(BEGIN - 300, 320)
    small = loaded({symbol: candles[symbol] for symbol in SYMBOLS[:2]})
    before = observe(small, small.rows_of(SYMBOLS[:2]), BEGIN + 19)
    assert small.admit(SYMBOLS) == ["CUSDT"]
    same(observe(small, small.rows_of(SYMBOLS[:2]), BEGIN + 19), before)
    small.load("CUSDT", candles["CUSDT"])
    small.settle_all(ahead=False)
    whole = loaded(candles)
    same(observe(small, small.rows_of(SYMBOLS), BEGIN + 19), observe(whole, whole.rows_of(SYMBOLS), BEGIN + 19))


def test_a_candle_out_of_turn_is_refused() -> None:
    windows = loaded(history(BEGIN - 10, 10))
    with pytest.raises(ValueError, match="expected candle"):
        windows.append(BEGIN + 1, [candle("AUSDT", BEGIN + 1)])


def test_a_listing_that_is_too_young_has_few_bars_and_no_day_volume() -> None:
    windows = loaded({"AUSDT": [candle("AUSDT", BEGIN + i) for i in range(100)]})
    row = windows.rows_of(["AUSDT"])
    assert windows.bars(row).tolist() == [100]
    assert np.isnan(windows.day_volume(row)).all()
    assert np.isnan(observe(windows, row, BEGIN + 99).higher_side).all()


def test_the_first_candle_of_all_may_be_any() -> None:
    windows = Windows(FRAME, ["NEWUSDT"])
    windows.append(BEGIN + 3, [candle("NEWUSDT", BEGIN + 3)])
    assert windows.bars(windows.rows_of(["NEWUSDT"])).tolist() == [1]


def test_the_days_volume_is_the_sum_of_its_candles() -> None:
    windows = loaded({"AUSDT": [candle("AUSDT", BEGIN + i, volume=float(i)) for i in range(300)]})
    assert windows.day_volume(windows.rows_of(["AUSDT"]))[0] == sum(range(12, 300))


def test_closes_are_those_up_to_a_bar() -> None:
    windows = loaded({"AUSDT": [candle("AUSDT", BEGIN + i, 100.0 + i) for i in range(5)]})
    row = windows.rows_of(["AUSDT"])
    assert windows.closes(row, 3, BEGIN + 3).tolist() == [[101.0, 102.0, 103.0]]
    assert np.isnan(windows.closes(row, 3, BEGIN + 5)[0]).tolist() == [False, False, True]
    assert np.isnan(windows.closes(row, 3, BEGIN + 1)[0]).tolist() == [True, False, False]


def test_what_lies_before_a_gap_is_left_out() -> None:
    candles = [candle("AUSDT", bar) for bar in (1, 2, 4, 5)]
    assert [c.open_ms // LENGTH_MS for c in without_gap(candles, FRAME)] == [4, 5]
    assert without_gap([], FRAME) == []


def test_a_price_that_never_moves_breaks_nothing() -> None:
    still = [Candle("AUSDT", "5m", (BEGIN + i) * LENGTH_MS, 5.0, 5.0, 5.0, 5.0, 0.0, 0.0, 0) for i in range(400)]
    windows = loaded({"AUSDT": still}, DEFAULT)
    found = observe(windows, windows.rows_of(["AUSDT"]), BEGIN + 399)
    assert found.higher_side.tolist() == [0.0]
    assert not any(np.isinf(value).any() for value in found.published(np.array([0])).values())

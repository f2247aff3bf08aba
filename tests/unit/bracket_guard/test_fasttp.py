"""FastTP: each decision against a slow implementation, on random paths and on recorded candles."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fasttp_replay import Bar, Entry, Outcome, Setting, mean_range, replay
from services.bracket_guard.logic.fasttp import Marks, Rules, Trade, Turn, break_even, snapped, watch
from shared.domain.order import Direction
from tests.unit.bracket_guard.cases import INSTRUMENT
from tests.unit.bracket_guard.slow_fasttp import slow_stop

RULES = Rules(
    enabled=True, min_r=Decimal("0.30"), ret1=Decimal("-0.0010"), ret3=Decimal("-0.0020"), snap_atr=Decimal("0.25"), cooldown_s=15.0
)
FEE = Decimal("0.0004")
SLOW = {"min_r": RULES.min_r, "ret1": RULES.ret1, "ret3": RULES.ret3, "snap_atr": RULES.snap_atr, "cooldown_s": Decimal(15), "fee": FEE}
MINUTE = 60_000
SYMBOLS = 8


def trade(direction: Direction = Direction.LONG, **changes: object) -> Trade:
    sign = direction.sign
    made = Trade(
        direction=direction,
        entry=Decimal(1000),
        risk=Decimal(10),
        cost=Decimal(2000) * FEE,
        stop=Decimal(1000 - 10 * sign),
        target=Decimal(1000 + 30 * sign),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def marks(*points: tuple[int, str]) -> Marks:
    found = Marks()
    for time_ms, mark in points:
        found.add(time_ms, Decimal(mark))
    return found


def test_a_turn_of_a_winner_is_seen() -> None:
    signal = watch(trade(), RULES, marks((0, "1008"), (MINUTE, "1006")), MINUTE, Decimal(1006))
    assert signal is not None
    assert signal.turn is Turn.ONE_MINUTE
    assert snapped(trade(), RULES, Decimal(1006), Decimal(4), INSTRUMENT) == Decimal(1005)


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({"moved_ms": MINUTE - 14_000}, "1006"),
        ({}, "1002.9"),
        ({"stop": Decimal(1006)}, "1006"),
        ({"target": Decimal(1006)}, "1006"),
        ({"risk": Decimal(0)}, "1006"),
    ],
)
def test_when_nothing_is_done(change: dict[str, object], mark: str) -> None:
    assert watch(trade(**change), RULES, marks((0, "1008"), (MINUTE, mark)), MINUTE, Decimal(mark)) is None
    assert watch(trade(), replace(RULES, enabled=False), marks((0, "1008"), (MINUTE, mark)), MINUTE, Decimal(mark)) is None


def test_an_old_mark_says_nothing() -> None:
    assert marks((0, "1008")).back(121_000, 1) is None
    assert marks((0, "1008")).back(120_000, 1) == 1008


def test_never_worse_than_entry_and_costs() -> None:
    assert snapped(trade(), RULES, Decimal(1004), Decimal(40), INSTRUMENT) == Decimal("1000.8")


@pytest.mark.parametrize(
    ("made", "mark", "expected"),
    [
        (trade(), "1005", "1000.8"),
        (trade(), "1004.9", None),
        (trade(Direction.SHORT), "995", "999.2"),
        (trade(Direction.SHORT), "995.1", None),
        (trade(stop=Decimal("1000.8")), "1005", None),
        (trade(cost=Decimal(6)), "1005", None),
        (trade(risk=Decimal(0)), "1005", None),
        (trade(moved_ms=6_000), "1005", None),
        (trade(moved_ms=5_000), "1005", "1000.8"),
    ],
)
def test_break_even_moves_to_entry_and_costs_once_the_profit_is_there(made: Trade, mark: str, expected: str | None) -> None:
    rules = replace(RULES, enabled=False, break_even_r=Decimal("0.5"))
    wanted = None if expected is None else Decimal(expected)
    assert break_even(made, rules, 20_000, Decimal(mark), INSTRUMENT) == wanted
    assert break_even(made, RULES, 20_000, Decimal(mark), INSTRUMENT) is None, "off unless it is asked for"


moves = st.lists(st.tuples(st.integers(1, 90), st.integers(-60, 70)), min_size=2, max_size=30)


@settings(max_examples=300)
@given(moves, st.sampled_from(Direction), st.decimals("0.5", "30", places=2))
def test_each_step_agrees_with_the_slow_rule_and_only_tightens(steps: list[tuple[int, int]], direction: Direction, atr: Decimal) -> None:
    watched, path, known = trade(direction), [(0, Decimal(1000))], Marks()
    known.add(*path[0])
    for seconds, tenths in steps:
        now, mark = path[-1][0] + seconds * 1000, path[-1][1] + Decimal(tenths * direction.sign) / 10
        path.append((now, mark))
        known.add(now, mark)
        signal = watch(watched, RULES, known, now, mark)
        price = None if signal is None else snapped(watched, RULES, mark, atr, INSTRUMENT)
        assert watched.target is not None
        expected = slow_stop(
            long=direction is Direction.LONG,
            entry=watched.entry,
            planned=watched.entry - watched.risk * direction.sign,
            stop=watched.stop,
            target=watched.target,
            path=path,
            last_move_ms=watched.moved_ms,
            atr=atr,
            tick=INSTRUMENT.tick,
            settings=SLOW,
        )
        assert price == expected
        if price is not None:
            assert (price - watched.stop) * direction.sign > 0
            watched = replace(watched, stop=price, moved_ms=now)


def recorded_bars(path: Path, symbol: str, most: int) -> list[Bar]:
    table = pq.read_table(path, columns=["symbol", "open_time", "open", "high", "low", "close"], filters=[("symbol", "=", symbol)])
    columns = [table.column(name).to_pylist()[:most] for name in ("open_time", "open", "high", "low", "close")]
    return [Bar(*row) for row in zip(*columns, strict=True)]


@pytest.mark.recorded
@pytest.mark.parametrize(("name", "minutes"), [("klines_1m", 1), ("klines_5m", 5)])
def test_each_snap_on_recorded_candles_is_that_of_the_slow_rule(recordings: Path, name: str, minutes: int) -> None:
    path = recordings / "data" / f"{name}.parquet"
    symbols = pq.read_table(path, columns=["symbol"]).column("symbol").unique().to_pylist()[:SYMBOLS]
    snaps = 0
    for symbol in symbols:
        bars = recorded_bars(path, symbol, 3000)
        tick = Decimal(1).scaleb(int(np.floor(np.log10(bars[0].open))) - 5)
        instrument = replace(INSTRUMENT, symbol=symbol, tick=tick)
        setting = Setting(minutes * MINUTE, FEE, RULES)
        for start in range(20, len(bars) - 200, 37):
            direction = Direction.LONG if start % 2 else Direction.SHORT
            atr = mean_range(bars, start)
            outcome = replay(bars, Entry(start, direction, atr, 3 * atr), instrument, setting)
            snaps += check(outcome, direction, tick)
    assert snaps > 20


def check(outcome: Outcome, direction: Direction, tick: Decimal) -> int:
    """Each point of the path: a snap exactly where the slow rule has one, and the same."""
    by_time = {snap.time_ms: snap for snap in outcome.snaps}
    stop, last = outcome.planned, None
    for n, (now, _) in enumerate(outcome.path):
        expected = slow_stop(
            long=direction is Direction.LONG,
            entry=outcome.entry,
            planned=outcome.planned,
            stop=stop,
            target=outcome.target,
            path=outcome.path[: n + 1],
            last_move_ms=last,
            atr=outcome.atr_at[n],
            tick=tick,
            settings=SLOW,
        )
        snap = by_time.get(now)
        assert (None if snap is None else snap.price) == expected
        if expected is not None:
            stop, last = expected, now
    return len(outcome.snaps)

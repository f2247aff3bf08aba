"""FastTP on and off, and break-even instead, over the recorded two months of five-minute candles. Hypothetical, with costs.

Entries are the candidates of the scanner (signals that pass its filters); all sides take the same ones. Each snap of FastTP is
compared with the slow implementation of the tests. Needs the folder of recordings in MRASTER_TEST_DATA; `--every N` takes every
n-th symbol by name (16 unless told).
"""

import argparse
import os
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks.fasttp_replay import Bar, Entry, Outcome, Setting, replay
from benchmarks.recorded_signals import FRAME, SLIPPAGE, SPREAD, TAKER, Case, Recording, cases, read
from services.bracket_guard.logic.fasttp import Rules
from shared.config.sections.exits import Exits
from shared.contracts.signal import Candidate
from shared.domain.instrument import Instrument
from shared.domain.order import Direction
from shared.domain.units import Price, Qty
from tests.unit.bracket_guard.slow_fasttp import slow_stop

MOST_BARS = 288
BREAK_EVEN_R = Decimal(1)
"""The usual choice of those who use the rule; it is off unless asked for."""


def rules_of(exits: Exits) -> Rules:
    """The settings as they come."""
    return Rules(
        enabled=True,
        min_r=exits.fast_tp_min_r,
        ret1=exits.fast_tp_ret1,
        ret3=exits.fast_tp_ret3,
        snap_atr=exits.fast_tp_snap_atr,
        cooldown_s=exits.fast_tp_cooldown_s,
    )


def instrument_of(symbol: str, price: float) -> Instrument:
    """A contract with a tick of about a hundredth of a percent of a percent: the recording does not tell the real one."""
    tick = Decimal(1).scaleb(int(np.floor(np.log10(price))) - 5)
    wide = Price(Decimal(10) ** 9)
    size = Qty(Decimal("0.001"))
    return Instrument(
        symbol=symbol, base="", quote="", status="TRADING", tick=tick, step=size, min_price=Price(tick), max_price=wide, min_qty=size,
        max_qty=Qty(wide), market_step=size, market_min_qty=size, market_max_qty=Qty(wide), min_notional=Decimal(0),
        percent_up=Decimal(2), percent_down=Decimal(0),
    )  # fmt: skip


def bars_of(recording: Recording, symbol: str) -> tuple[list[Bar], dict[int, int]]:
    """Candles without the gaps, and the place of each bar number."""
    row = recording.symbols.index(symbol)
    known = np.flatnonzero(~np.isnan(recording.values["close"][row]))
    columns = [recording.values[name][row, known].tolist() for name in ("open", "high", "low", "close")]
    opened = [FRAME.open_ms(recording.first_bar + int(at)) for at in known]
    bars = [Bar(ms, *prices) for ms, *prices in zip(opened, *columns, strict=True)]
    return bars, {ms: place for place, ms in enumerate(opened)}


@dataclass(frozen=True, slots=True)
class Compared:
    """One signal three times."""

    off: Outcome
    on: Outcome
    even: Outcome


def compare(recording: Recording, found: list[Case], setting: Setting) -> tuple[list[Compared], int]:
    """Each signal without anything, with FastTP and with break-even; and how many snaps the slow rule confirmed."""
    compared, confirmed = [], 0
    off = replace(setting, rules=replace(setting.rules, enabled=False))
    even = replace(setting, rules=replace(off.rules, break_even_r=BREAK_EVEN_R))
    for symbol in sorted({case.followed.symbol for case in found}):
        bars, places = bars_of(recording, symbol)
        instrument = instrument_of(symbol, bars[0].open)
        for case in (c for c in found if c.followed.symbol == symbol):
            followed = case.followed
            start = places.get(followed.close_ms + 1)
            if start is None or start < 20:
                continue
            direction = Direction.LONG if followed.sign > 0 else Direction.SHORT
            distances = (Decimal(repr(float(followed.stop_distance))), Decimal(repr(float(followed.target_distance))))
            entry = Entry(start, direction, *distances, most=MOST_BARS)
            one = Compared(*(replay(bars, entry, instrument, rules) for rules in (off, setting, even)))
            compared.append(one)
            confirmed += confirm(one.on, entry, instrument, setting)
    return compared, confirmed


def confirm(outcome: Outcome, entry: Entry, instrument: Instrument, setting: Setting) -> int:
    """Compare each snap with the slow rule; how many there were.

    Raises:
        ValueError: they differ.
    """
    rules, stop, last = setting.rules, Decimal(outcome.planned), None
    numbers = {name: getattr(rules, name) for name in ("min_r", "ret1", "ret3", "snap_atr")}
    places = {time_ms: at for at, (time_ms, _) in enumerate(outcome.path)}
    for snap in outcome.snaps:
        at = places[snap.time_ms]
        expected = slow_stop(
            long=entry.direction is Direction.LONG,
            entry=outcome.entry,
            planned=outcome.planned,
            stop=stop,
            target=outcome.target,
            path=outcome.path[: at + 1],
            last_move_ms=last,
            atr=outcome.atr_at[at],
            tick=instrument.tick,
            settings={**numbers, "cooldown_s": Decimal(rules.cooldown_s), "fee": setting.fee},
        )
        if expected != snap.price:
            raise ValueError(f"{instrument.symbol} at {snap.time_ms}: expected a stop at {expected}, got {snap.price}")
        stop, last = expected, snap.time_ms
    return len(outcome.snaps)


def figures(name: str, outcomes: list[Outcome]) -> None:
    """Lines for one side."""
    results = [float(o.result_r) for o in outcomes]
    print(f"bench fasttp_{name}_mean_r {fmean(results):.4f} R")
    print(f"bench fasttp_{name}_total_r {sum(results):.1f} R")
    print(f"bench fasttp_{name}_winners {100 * fmean([r > 0 for r in results]):.1f} %")
    print(f"bench fasttp_{name}_worst_run {_worst_run(results):.1f} R")


def _worst_run(results: list[float]) -> float:
    """The deepest fall of the sum from a peak."""
    total = np.concatenate(([0.0], np.cumsum(results)))
    return float(np.max(np.maximum.accumulate(total) - total))


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=16)
    arguments = parser.parse_args()
    where = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - a benchmark's own switch
    if not where:
        print("fasttp: left out, MRASTER_TEST_DATA is not set")
        return
    recording = read(Path(where) / "data", arguments.every)
    exits = Exits()
    crossing = Decimal(str(SPREAD / 2 + SLIPPAGE))
    setting = Setting(FRAME.length_ms, Decimal(str(TAKER)), rules_of(exits), crossing)
    offered = [case for case in cases(recording) if isinstance(case.signal, Candidate)]
    compared, confirmed = compare(recording, offered, setting)
    print(f"hypothetical: {len(compared)} candidates of {len(recording.symbols)} symbols, fees and crossing of the book included")
    print(f"bench fasttp_trades {len(compared)} count")
    print(f"bench fasttp_snaps {sum(len(one.on.snaps) for one in compared)} count")
    print(f"bench fasttp_snaps_confirmed_by_the_slow_rule {confirmed} count")
    figures("off", [one.off for one in compared])
    figures("on", [one.on for one in compared])
    figures("break_even_instead", [one.even for one in compared])
    gain("snapped", [one.on.result_r - one.off.result_r for one in compared if one.on.snaps])
    gain("break_even", [one.even.result_r - one.off.result_r for one in compared if one.even.snaps])


def gain(name: str, changes: list[Decimal]) -> None:
    """What the moves changed, per trade whose stop was moved."""
    if changes:
        found = [float(change) for change in changes]
        deviation = float(np.std(found, ddof=1)) / len(found) ** 0.5 if len(found) > 1 else 0.0
        print(f"bench fasttp_gain_per_{name}_trade {fmean(found):.4f} R")
        print(f"bench fasttp_gain_per_{name}_trade_standard_error {deviation:.4f} R")


if __name__ == "__main__":
    main()

"""FastTP on and off over the recorded two months of five-minute candles. Hypothetical, with costs: not a forecast.

Entries are the candidates of the scanner (signals that pass its filters); both sides take the same ones. Needs the folder of
recordings in MRASTER_TEST_DATA; `--every N` takes every n-th symbol by name (8 unless told).
"""

import argparse
import os
from dataclasses import replace
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

MOST_BARS = 288


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


def compare(recording: Recording, found: list[Case], setting: Setting) -> list[tuple[Outcome, Outcome]]:
    """Each signal without and with FastTP."""
    pairs = []
    off = replace(setting, rules=replace(setting.rules, enabled=False))
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
            pairs.append((replay(bars, entry, instrument, off), replay(bars, entry, instrument, setting)))
    return pairs


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
    parser.add_argument("--every", type=int, default=8)
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
    pairs = compare(recording, offered, setting)
    print(f"hypothetical: {len(pairs)} candidates of {len(recording.symbols)} symbols, fees and crossing of the book included")
    print(f"bench fasttp_trades {len(pairs)} count")
    print(f"bench fasttp_snaps {sum(len(on.snaps) for _, on in pairs)} count")
    figures("off", [off for off, _ in pairs])
    figures("on", [on for _, on in pairs])
    changed = [float(on.result_r - off.result_r) for off, on in pairs if on.snaps]
    if changed:
        deviation = float(np.std(changed, ddof=1)) / len(changed) ** 0.5 if len(changed) > 1 else 0.0
        print(f"bench fasttp_gain_per_snapped_trade {fmean(changed):.4f} R")
        print(f"bench fasttp_gain_standard_error {deviation:.4f} R")


if __name__ == "__main__":
    main()

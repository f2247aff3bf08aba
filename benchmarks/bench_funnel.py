"""What the filters do to two recorded months of the whole market: signals by the first filter that stops them, default settings.

`python benchmarks/bench_funnel.py FOLDER` reads FOLDER/klines_5m.parquet; without a folder, the data under MRASTER_TEST_DATA.
"""

import os
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.funnel import FRAME, Player, count, default_rules, stages
from benchmarks.recorded_signals import TAKER, put_facts, read


def main(arguments: list[str]) -> None:
    """Print the funnel, or say what is missing."""
    data = os.environ.get("MRASTER_TEST_DATA", "")  # noqa: TID251 - the benchmarks' own switch
    folder = Path(arguments[0]) if arguments else Path(data) / "data" if data else None
    if folder is None:
        print("bench_funnel: no recording; name a folder with klines_5m.parquet, or set MRASTER_TEST_DATA")
        return
    recording = read(folder)
    player = Player(recording.symbols, default_rules(TAKER))
    player.board.set_funding_intervals(intervals_ms(folder))
    counts: Counter[tuple[str, str]] = Counter()
    candles, seconds = 0, 0.0
    for bar in recording.bars:
        arrived = recording.candles(bar)
        facts = partial(put_facts, player.board, recording, FRAME.close_ms(bar))
        begin = time.perf_counter()
        counts += count(player.bar(bar, arrived, facts))
        seconds += time.perf_counter() - begin
        candles += len(arrived)
    report(counts, len(recording.symbols), candles)
    print(f"bench funnel_core {candles / seconds:.0f} candles/s")


def intervals_ms(folder: Path) -> dict[str, int]:
    """How often contracts pay funding, where that was recorded."""
    path = folder / "funding.parquet"
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=["symbol", "interval_hours"])
    pairs = zip(table["symbol"].to_pylist(), table["interval_hours"].to_pylist(), strict=True)
    return {symbol: int(hours) * 3_600_000 for symbol, hours in pairs if hours}


def report(counts: Counter[tuple[str, str]], symbols: int, candles: int) -> None:
    """The funnel as lines of figures, and as a picture."""
    total = sum(counts.values())
    print(f"bench funnel_symbols {symbols} count")
    print(f"bench funnel_candles {candles} count")
    print(f"bench funnel_signals {total} count")
    for setup in sorted({setup for setup, _ in counts}):
        print(f"bench funnel_setup_{setup} {sum(n for (s, _), n in counts.items() if s == setup)} count")
    for reason, number, left in stages(counts):
        print(f"bench funnel_skip_{reason} {number} count")
        print(f"  {reason:<20} stops {number:>7} ({number / total:6.1%})  {left:>7} left  {'#' * round(40 * left / total)}")
    for setup in sorted({setup for setup, outcome in counts if outcome == "candidate"}):
        print(f"bench funnel_candidates_{setup} {counts[setup, 'candidate']} count")
    print(f"bench funnel_candidates {sum(n for (_, outcome), n in counts.items() if outcome == 'candidate')} count")


if __name__ == "__main__":
    main(sys.argv[1:])

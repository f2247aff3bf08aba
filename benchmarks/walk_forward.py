"""Walk-forward evaluation of the policy on a recording, printed as tables; `--write FILE` puts them between the marks of a document.

The folder holds `klines_5m.parquet` and, if there is one, `funding.parquet`. Every decision uses only lessons that had ended before
the hour of the decision, as in the product. The second half is the test. 80 symbols over two months take some minutes.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.recorded_signals import SLIPPAGE, SPREAD, TAKER, Case, Recording, cases, read
from benchmarks.walk_runs import VARIANTS, Run, Trade, Variant
from services.advisor.logic.report import Interval, bootstrap
from services.advisor.logic.shadow import End

DAY_MS = 86_400_000
MONTH_DAYS = 30
SEED = 17
START, END = "<!-- tables -->", "<!-- end of tables -->"
HEAD = (
    "| who decides | trades | hits | net R per trade | 90 % interval | net R per month | 90 % interval | sized, per month | drawdown R |",
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
)


def drawdown(results: Sequence[float]) -> float:
    """The largest fall of the running sum, in R."""
    if not results:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(results)])
    return float(np.max(np.maximum.accumulate(total) - total))


def per_month(trades: Sequence[Trade], days: range) -> Interval:
    """Sum of R in 30 days, with the 90 % interval over whole days drawn with replacement; a day without trades counts as 0."""
    sums = np.zeros(len(days))
    for trade in trades:
        sums[trade.opened_ms // DAY_MS - days.start] += trade.net_r
    daily = bootstrap(sums.tolist(), [day * DAY_MS for day in days], np.random.default_rng(SEED), DAY_MS)
    low, high = (None if bound is None else bound * MONTH_DAYS for bound in (daily.low, daily.high))
    return Interval(daily.mean * MONTH_DAYS, low, high)


def bounds(interval: Interval, digits: int = 3) -> str:
    """An interval in words; a dash when there is none."""
    if interval.low is None or interval.high is None:
        return "-"
    return f"{interval.low:+.{digits}f} to {interval.high:+.{digits}f}"


def row(variant: Variant, trades: Sequence[Trade], days: range) -> str:
    """One line of a table."""
    results = [trade.net_r for trade in trades]
    each = bootstrap(results, [trade.opened_ms for trade in trades], np.random.default_rng(SEED), DAY_MS)
    month = per_month(trades, days)
    sized = sum(trade.net_r * trade.size for trade in trades) / len(days) * MONTH_DAYS
    hits = sum(result > 0 for result in results) / len(results) if results else 0.0
    return (
        f"| {variant.name} | {len(trades)} | {hits:.1%} | {each.mean:+.3f} | {bounds(each)} |"
        f" {month.mean:+.1f} | {bounds(month, 1)} | {sized:+.1f} | {drawdown(results):.1f} |"
    )


def month_of(time_ms: int) -> str:
    """Calendar month, UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m")


def months(runs: Sequence[tuple[Variant, list[Trade]]]) -> list[str]:
    """Sum of R at size 1 by calendar month, the number of trades in brackets."""
    names = sorted({month_of(trade.opened_ms) for _, trades in runs for trade in trades})
    lines = [f"| who decides | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    for variant, trades in runs:
        cells = []
        for name in names:
            found = [trade.net_r for trade in trades if month_of(trade.opened_ms) == name]
            cells.append(f"{sum(found):+.1f} ({len(found)})")
        lines.append(f"| {variant.name} | {' | '.join(cells)} |")
    return lines


def tables(recording: Recording, material: Sequence[Case], tell: Callable[[str], None]) -> list[str]:
    """Both halves for every variant, and every calendar month."""
    first, last = material[0].followed.close_ms // DAY_MS, material[-1].followed.close_ms // DAY_MS
    split = (material[0].followed.close_ms + material[-1].followed.close_ms) // 2 // DAY_MS
    runs = []
    for number, variant in enumerate(VARIANTS, 1):
        tell(f"{number} of {len(VARIANTS)}: {variant.name}")
        runs.append((variant, Run(variant, recording).go(material)))
    lines: list[str] = []
    halves = (("Second half: the test", range(split, last + 1)), ("First half: learning from nothing", range(first, split)))
    for title, days in halves:
        chosen = [(variant, [trade for trade in trades if trade.opened_ms // DAY_MS in days]) for variant, trades in runs]
        lines += [f"### {title}, {len(days)} days", "", *HEAD, *(row(variant, trades, days) for variant, trades in chosen), ""]
    return [*lines, "### By calendar month: sum of net R at size 1 (trades)", "", *months(runs), ""]


def overview(material: Sequence[Case]) -> list[str]:
    """What the rules found, and how it ended when nobody chose."""
    reasons = sorted({case.followed.reason for case in material})
    lines = ["| signal | count | won | net R each | 90 % interval |", "|---|---:|---:|---:|---:|"]
    for reason in reasons:
        chosen = [c for c in material if c.followed.reason == reason and c.outcome.end is not End.GAP]
        found = bootstrap([c.outcome.net_r for c in chosen], [c.followed.close_ms for c in chosen], np.random.default_rng(SEED), DAY_MS)
        won = sum(c.outcome.net_r > 0 for c in chosen) / max(1, len(chosen))
        lines.append(f"| {reason} | {len(chosen)} | {won:.1%} | {found.mean:+.3f} | {bounds(found)} |")
    return lines


def put_into(target: Path, lines: Sequence[str]) -> None:
    """Replace what stands between the marks of a document.

    Raises:
        ValueError: the marks are not there.
    """
    text = target.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"{target}: expected one {START} and one {END}")
    head, _, rest = text.partition(START)
    tail = rest.partition(END)[2]
    target.write_text(f"{head}{START}\n\n" + "\n".join(lines) + f"\n{END}{tail}", encoding="utf-8")


def asked(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walk_forward", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=Path, help="holds klines_5m.parquet, and funding.parquet if there is one")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th symbol by name, for a quick look")
    parser.add_argument("--write", type=Path, metavar="FILE", help=f"put the tables between {START} and {END} of FILE")
    found = parser.parse_args(arguments)
    if not (found.folder / "klines_5m.parquet").is_file():
        parser.error(f"{found.folder}: expected a folder with klines_5m.parquet")
    if found.every < 1:
        parser.error(f"--every: expected 1 or more, got {found.every}")
    return found


def main(arguments: Sequence[str]) -> None:
    """Print the tables, and write them when asked to."""
    wanted = asked(arguments)
    begun = time.monotonic()

    def tell(words: str) -> None:
        sys.stderr.write(f"{time.monotonic() - begun:6.0f} s  {words}\n")

    recording = read(wanted.folder, every=wanted.every)
    tell(f"{len(recording.symbols)} symbols, {len(recording.bars)} candles each")
    material = cases(recording, tell)
    costs = f"taker fee {TAKER:.2%} per side, spread {SPREAD:.2%}, slippage {SLIPPAGE:.2%} per side, expected funding"
    lines = [
        f"Recording: {len(recording.symbols)} symbols, {len(recording.bars)} five-minute candles, {len(material)} signals. Costs: {costs}.",
        "", "### Every signal, followed to its end", "", *overview(material), "", *tables(recording, material, tell),
    ]  # fmt: skip
    tell("done")
    print("\n".join(lines))
    if wanted.write:
        put_into(wanted.write, lines)


if __name__ == "__main__":
    main(sys.argv[1:])

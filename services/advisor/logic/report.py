"""What the filters were worth: per reason, the net result of the trades that did not happen. Hypothetical, and labelled so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from services.advisor.logic.shadow import End, Outcome
from shared.contracts.learning import Worth

LEAST_SAMPLE = 30
RESAMPLES = 1000
BLOCK_MS = 4 * 3_600_000
"""Signals of the same hours rise and fall together; whole blocks are drawn, so that they do not count as many."""
KEPT = 3000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 90 % interval; the bounds are None with fewer than two blocks."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class FilterRow:
    """One reason. `net_r` is the sum that the trades would have made: negative = the filter saved it, positive = it was missed."""

    reason: str
    trades: int
    wins: int
    net_r: float
    interval: Interval
    worth: Worth


def bootstrap(values: Sequence[float], times_ms: Sequence[int], dice: Generator, block_ms: int = BLOCK_MS) -> Interval:
    """Mean of the values and the 5 % and 95 % quantiles of means of blocks drawn with replacement."""
    if not values:
        return Interval(0.0, None, None)
    sums, counts = _blocks(values, times_ms, block_ms)
    mean = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        return Interval(mean, None, None)
    drawn = dice.integers(0, len(sums), size=(RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.05, 0.95])
    return Interval(mean, float(low), float(high))


def _blocks(values: Sequence[float], times_ms: Sequence[int], block_ms: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of values per block of time."""
    blocks: dict[int, list[float]] = {}
    for value, time_ms in zip(values, times_ms, strict=True):
        total = blocks.setdefault(time_ms // block_ms, [0.0, 0.0])
        total[0] += value
        total[1] += 1.0
    rows = np.array([blocks[key] for key in sorted(blocks)], dtype=np.float64)
    return rows[:, 0], rows[:, 1]


class FilterBook:
    """Results by reason: totals for ever, the last 3000 of each for the intervals."""

    def __init__(self) -> None:
        self._results: dict[str, list[tuple[int, float]]] = {}
        self._totals: dict[str, tuple[int, int, float]] = {}

    def note(self, outcome: Outcome) -> None:
        """Take in an outcome; one with a gap is not a result."""
        if outcome.end is End.GAP:
            return
        reason = outcome.followed.reason
        results = self._results.setdefault(reason, [])
        results.append((outcome.followed.close_ms, outcome.net_r))
        del results[:-KEPT]
        trades, wins, total = self._totals.get(reason, (0, 0, 0.0))
        self._totals[reason] = (trades + 1, wins + (outcome.net_r > 0), total + outcome.net_r)

    def rows(self, dice: Generator) -> list[FilterRow]:
        """The report, by reason. The same dice give the same report."""
        return [self._row(reason, dice) for reason in sorted(self._totals)]

    def _row(self, reason: str, dice: Generator) -> FilterRow:
        trades, wins, total = self._totals[reason]
        results = self._results[reason]
        interval = bootstrap([r for _, r in results], [t for t, _ in results], dice)
        return FilterRow(reason, trades, wins, total, interval, _worth(len(results), interval))

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {
            "kind": "filters",
            "version": 1,
            "results": {reason: [[t, r] for t, r in rows] for reason, rows in self._results.items()},
            "totals": {reason: list(total) for reason, total in self._totals.items()},
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "FilterBook":
        """The book of a document.

        Raises:
            ValueError: it is not one.
        """
        if (document.get("kind"), document.get("version")) != ("filters", 1):
            raise ValueError(f"expected kind 'filters' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        book = cls()
        try:
            book._results = {str(k): [(int(t), float(r)) for t, r in rows] for k, rows in document["results"].items()}
            book._totals = {str(k): (int(n), int(w), float(r)) for k, (n, w, r) in document["totals"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected results and totals by reason: {error}") from error
        return book


def _worth(sample: int, interval: Interval) -> Worth:
    if sample < LEAST_SAMPLE or interval.low is None or interval.high is None:
        return Worth.TOO_FEW
    if interval.high < 0:
        return Worth.SAVES
    return Worth.COSTS if interval.low > 0 else Worth.UNCLEAR

"""What past trades of a kind say about stop, target and size: statistics per setup, side and volatility tercile.

Everything is shrunk towards 1 by n / (n + 30) and kept within [0.7, 1.4]: few trades say little, and no number of them much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

LOW, HIGH = 0.7, 1.4
SHRINK = 30.0
KEPT = 300
ONE_SIDED_90, TWO_SIDED_90 = 1.2816, 1.6449
LEAST_FOR_HELP, LEAST_T = 30, 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished trade: net R, and its worst and best excursion in ATR (both from zero up)."""

    net_r: float
    mae_atr: float
    mfe_atr: float
    stop_atr: float
    target_atr: float


@dataclass(frozen=True, slots=True)
class Advice:
    """Factors for a bucket, with the numbers behind them.

    `t` is the t statistic of the mean; `low_r` to `high_r` its 90 % interval (None with fewer than two); `ask` = worth a second opinion.
    """

    trades: int
    mean_r: float
    hit_ratio: float
    t: float
    stop_factor: float
    target_factor: float
    size_factor: float
    ask: bool
    low_r: float | None = None
    high_r: float | None = None


NO_ADVICE = Advice(0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, ask=False)


def bucket_of(setup: str, sign: int, volatility_rank: float | None) -> str:
    """The name of a bucket: setup, side, and volatility tercile (middle when it is not known)."""
    rank = 0.5 if volatility_rank is None else volatility_rank
    tercile = "calm" if rank < 1 / 3 else "wild" if rank >= 2 / 3 else "usual"
    return f"{setup}-{'long' if sign > 0 else 'short'}-{tercile}"


def advise(samples: list[Sample]) -> Advice:
    """Advice from the trades of one bucket.

    Stop: the 80th percentile of the winners' adverse excursion against the stop distance (winners need no more room).
    Target: the median favourable excursion against the target distance. Size: 1 + lower 90 % bound of the mean R.
    """
    count = len(samples)
    if count == 0:
        return NO_ADVICE
    results = np.array([sample.net_r for sample in samples])
    mean = float(results.mean())
    error = float(results.std(ddof=1)) / sqrt(count) if count > 1 else 0.0
    winners = [sample for sample in samples if sample.net_r > 0]
    room = float(np.percentile([s.mae_atr / s.stop_atr for s in winners], 80)) if winners else 1.0
    reach = float(np.median([s.mfe_atr / s.target_atr for s in samples]))
    lower = mean - ONE_SIDED_90 * error if count > 1 else min(0.0, mean)
    t = mean / error if error > 0 else 0.0
    return Advice(
        trades=count,
        mean_r=mean,
        hit_ratio=len(winners) / count,
        t=t,
        stop_factor=_shrunk(room, count),
        target_factor=_shrunk(reach, count),
        size_factor=_shrunk(1.0 + lower, count),
        ask=count >= LEAST_FOR_HELP and abs(t) >= LEAST_T,
        low_r=mean - TWO_SIDED_90 * error if count > 1 else None,
        high_r=mean + TWO_SIDED_90 * error if count > 1 else None,
    )


def _shrunk(factor: float, count: int) -> float:
    """Within the bounds, then towards 1."""
    return 1.0 + (min(HIGH, max(LOW, factor)) - 1.0) * count / (count + SHRINK)


class Tuner:
    """The last 300 trades of each bucket."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = {}
        self._advice: dict[str, Advice] = {}

    def note(self, bucket: str, sample: Sample) -> None:
        """Take in a finished trade."""
        rows = self._samples.setdefault(bucket, [])
        rows.append(sample)
        del rows[:-KEPT]
        self._advice.pop(bucket, None)

    def advice(self, bucket: str) -> Advice:
        """What is known about a bucket."""
        if bucket not in self._advice:
            self._advice[bucket] = advise(self._samples.get(bucket, []))
        return self._advice[bucket]

    @property
    def buckets(self) -> list[str]:
        """Buckets with trades, by name."""
        return sorted(self._samples)

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        rows = {
            bucket: [[s.net_r, s.mae_atr, s.mfe_atr, s.stop_atr, s.target_atr] for s in samples]
            for bucket, samples in self._samples.items()
        }
        return {"kind": "tuner", "version": 1, "samples": rows}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Tuner":
        """The tuner of a document.

        Raises:
            ValueError: it is not one.
        """
        if (document.get("kind"), document.get("version")) != ("tuner", 1):
            raise ValueError(f"expected kind 'tuner' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        tuner = cls()
        try:
            tuner._samples = {str(b): [Sample(*(float(v) for v in row)) for row in rows] for b, rows in document["samples"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"expected rows of five numbers by bucket: {error}") from error
        return tuner

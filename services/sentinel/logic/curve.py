"""The two curves that every score is made of: a ramp, and a distance from the market that outliers cannot bend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MAD_TO_SIGMA = 1.4826
"""Of a normal distribution."""


def ramp(values: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high` on, linear between; unknown (NaN) counts as 0: only known facts warn."""
    return np.nan_to_num(np.clip((values - low) / (high - low), 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Norm:
    """What is usual: the middle and the spread of a value over the market, and how many symbols that belief is worth."""

    middle: float
    spread: float
    symbols: float = 30.0
    least_spread: float = 0.0


def distance(values: Floats, norm: Norm) -> Floats:
    """Standard scores over symbols from median and MAD, pulled towards `norm` when there are few symbols.

    NaN stays NaN. With n known values the market's own numbers weigh n / (n + norm.symbols), so that a universe of ten symbols
    is judged mostly by what is usual, and one of hundreds by itself.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return np.full(values.shape, np.nan)
    weight = known.size / (known.size + norm.symbols)
    median = float(np.median(known))
    spread = float(np.median(np.abs(known - median))) * _MAD_TO_SIGMA
    middle = weight * median + (1 - weight) * norm.middle
    width = max(weight * spread + (1 - weight) * norm.spread, norm.least_spread)
    return np.asarray((values - middle) / width, dtype=np.float64)

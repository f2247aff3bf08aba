"""The rules that find an entry, and how strong each finding is.

A strength is the weighted mean of parts that each rise from 0 to 1 along a straight ramp; docs/strategy.md shows them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scanner.logic.features import Features
from shared.contracts.signal import Setup
from shared.indicators.series import Series
from shared.indicators.types import Floats

Flags = NDArray[np.bool_]

RULES = (Setup.TREND_CROSS, Setup.BREAKOUT_RETEST, Setup.RANGE_REVERSION)
"""In order of precedence when strengths are equal; `trend_scan` is not a rule but an offer where none fired."""

STRETCHED = (65.0, 35.0)
_SQUEEZED, _EXPANDING, _RETEST_ATR = 0.65, 1.15, 1.0
_RANGE_ADX, _BAND_EDGE, _EXHAUSTED = 20.0, 0.1, 20.0


@dataclass(frozen=True, slots=True)
class RuleBook:
    """What settings say about the rules."""

    rsi_buy_min: float = 51.0
    rsi_sell_max: float = 49.0
    align: bool = False
    against: bool = False
    enabled: tuple[Setup, ...] = RULES
    trend_scan: bool = False


class Part(NamedTuple):
    """One ramp of a strength: 0 at `low`, 1 at `high`, with its weight. `high` may be the smaller one."""

    weight: float
    low: float
    high: float

    def score(self, value: Floats) -> Floats:
        """The weighted ramp; an unknown value scores nothing."""
        place = np.clip((value - self.low) / (self.high - self.low), 0.0, 1.0)
        return self.weight * np.where(np.isnan(place), 0.0, place)


CURVES: dict[Setup, dict[str, Part]] = {
    Setup.TREND_CROSS: {
        "rsi_distance": Part(0.30, 0.0, 15.0),
        "adx": Part(0.25, 15.0, 35.0),
        "higher_slope": Part(0.30, 0.0, 2.0),
        "volume_rank": Part(0.15, 0.0, 1.0),
    },
    Setup.BREAKOUT_RETEST: {
        "squeeze_low": Part(0.30, _SQUEEZED, 0.30),
        "expansion": Part(0.25, _EXPANDING, 2.0),
        "higher_slope": Part(0.30, 0.0, 2.0),
        "volume_rank": Part(0.15, 0.0, 1.0),
    },
    Setup.RANGE_REVERSION: {
        "band_position": Part(0.35, _BAND_EDGE, -0.20),
        "adx": Part(0.25, _RANGE_ADX, 10.0),
        "stochastic": Part(0.25, _EXHAUSTED, 0.0),
        "volume_rank": Part(0.15, 0.0, 1.0),
    },
    Setup.TREND_SCAN: {
        "adx": Part(0.40, 15.0, 45.0),
        "higher_slope": Part(0.40, 0.0, 3.0),
        "volume_rank": Part(0.20, 0.0, 1.0),
    },
}
"""Weights of a setup add up to 1."""


class Fired(NamedTuple):
    """Findings of one pass: place in the batch, direction (+1 or -1), setup, strength 0-1. One per place at most."""

    place: NDArray[np.intp]
    sign: Floats
    setup: list[Setup]
    strength: Floats


def strength(setup: Setup, parts: dict[str, Floats]) -> Floats:
    """Weighted mean of the parts' ramps, 0-1.

    Raises:
        KeyError: a part is missing or unknown.
    """
    curve = CURVES[setup]
    if parts.keys() != curve.keys():
        raise KeyError(f"{setup}: expected parts {sorted(curve)}, got {sorted(parts)}")
    scores = [curve[name].score(parts[name]) for name in curve]
    total: Floats = np.clip(np.add.accumulate(np.stack(scores), axis=0)[-1], 0.0, 1.0)
    return total


def find(features: Features, volume_rank: Floats, book: RuleBook) -> Fired:
    """Apply the enabled rules to every symbol; the strongest finding of each counts."""
    size = len(features.close)
    best = np.full(size, -1.0)
    sign = np.zeros(size)
    setup = np.zeros(size, dtype=np.intp)
    for number, rule in enumerate(RULES):
        if rule not in book.enabled:
            continue
        for side in (1.0, -1.0):
            fires, score = _APPLY[rule](features, volume_rank, side, book)
            better = fires & (score > best)
            best = np.where(better, score, best)
            sign = np.where(better, -side if book.against and rule is Setup.TREND_CROSS else side, sign)
            setup = np.where(better, number, setup)
    place = np.flatnonzero(best >= 0)
    return Fired(place, sign[place], [RULES[number] for number in setup[place]], best[place])


def trend_cross(features: Features, volume_rank: Floats, side: float, book: RuleBook) -> tuple[Flags, Floats]:
    """EMA21 crosses EMA55, or RSI crosses its bound while the averages agree; not against the longer trend.

    With `against` RSI must be stretched, and the caller turns the side around.
    """
    rsi, rsi_before = features.value(Series.RSI), features.before[Series.RSI]
    gap = side * (features.value(Series.EMA_FAST) - features.value(Series.EMA_SLOW))
    gap_before = side * (features.before[Series.EMA_FAST] - features.before[Series.EMA_SLOW])
    bound = book.rsi_buy_min if side > 0 else book.rsi_sell_max
    crossed = (gap > 0) & (gap_before <= 0)
    rsi_crossed = (side * (rsi - bound) >= 0) & (side * (rsi_before - bound) < 0) & (gap > 0)
    floor = (STRETCHED[0] if side > 0 else STRETCHED[1]) if book.against else bound
    allowed = ~(side * features.higher_side < 0)
    if book.align:
        allowed = (side * features.higher_side > 0) & (side * features.value(Series.SUPERTREND_SIDE) > 0)
    fires = (crossed | rsi_crossed) & (side * (rsi - floor) >= 0) & allowed
    parts = {
        "rsi_distance": side * (rsi - floor),
        "adx": features.value(Series.ADX),
        "higher_slope": side * features.higher_slope,
        "volume_rank": volume_rank,
    }
    return fires, strength(Setup.TREND_CROSS, parts)


def breakout_retest(features: Features, volume_rank: Floats, side: float, _book: RuleBook) -> tuple[Flags, Floats]:
    """A narrow band opens up after the price came back to the Supertrend line, along the longer trend."""
    fires = (
        (features.squeeze_low <= _SQUEEZED)
        & (features.expansion >= _EXPANDING)
        & (features.retest_gap <= _RETEST_ATR)
        & (side * features.value(Series.SUPERTREND_SIDE) > 0)
        & (side * features.higher_side > 0)
    )
    parts = {
        "squeeze_low": features.squeeze_low,
        "expansion": features.expansion,
        "higher_slope": side * features.higher_slope,
        "volume_rank": volume_rank,
    }
    return fires, strength(Setup.BREAKOUT_RETEST, parts)


def range_reversion(features: Features, volume_rank: Floats, side: float, _book: RuleBook) -> tuple[Flags, Floats]:
    """The edge of the band in a market without a trend, with an exhausted stochastic."""
    position = features.value(Series.BB_POSITION)
    stochastic = features.value(Series.STOCH_D)
    outward = position if side > 0 else 1.0 - position
    exhausted = stochastic if side > 0 else 100.0 - stochastic
    adx = features.value(Series.ADX)
    flat = ~(np.abs(features.higher_side) > 0)
    fires = (adx <= _RANGE_ADX) & (outward <= _BAND_EDGE) & (exhausted <= _EXHAUSTED) & flat
    parts = {"band_position": outward, "adx": adx, "stochastic": exhausted, "volume_rank": volume_rank}
    return fires, strength(Setup.RANGE_REVERSION, parts)


_APPLY = {
    Setup.TREND_CROSS: trend_cross,
    Setup.BREAKOUT_RETEST: breakout_retest,
    Setup.RANGE_REVERSION: range_reversion,
}


def trend_quality(features: Features, volume_rank: Floats) -> Floats:
    """How good a trend each symbol has along its longer candles; -1 where it has none."""
    side = np.where(np.isnan(features.higher_side), 0.0, features.higher_side)
    quality = strength(
        Setup.TREND_SCAN,
        {"adx": features.value(Series.ADX), "higher_slope": side * features.higher_slope, "volume_rank": volume_rank},
    )
    return np.where(side == 0, -1.0, quality)


def scan(features: Features, volume_rank: Floats, fired: Fired, leaders: Flags) -> Fired:
    """Offers where no rule fired: `leaders` that still have a trend, in the direction of the longer candles."""
    quality = trend_quality(features, volume_rank)
    offered = np.flatnonzero(leaders & (quality >= 0))
    offered = offered[~np.isin(offered, fired.place)]
    return Fired(offered, features.higher_side[offered], [Setup.TREND_SCAN] * len(offered), quality[offered])

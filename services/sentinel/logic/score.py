"""Event risk and hype from measures: parts in [0, 1], each monotone, joined so that any one of them can warn alone.

Numbers are set so that on an ordinary day about one symbol in twenty is yellow at some time and very few are red; they
were checked on two months of recorded markets (tests marked `recorded`).
"""

from dataclasses import dataclass

import numpy as np

from services.sentinel.logic.curve import Floats, Norm, distance, ramp
from services.sentinel.logic.table import Measures

RANGE_NORM = Norm(middle=float(np.log(0.075)), spread=0.45, least_spread=0.3)
CHANGE_NORM = Norm(middle=0.0, spread=0.03, least_spread=0.015)
FUNDING_NORM = Norm(middle=0.00005, spread=0.0001, least_spread=0.0001)
PREMIUM_NORM = Norm(middle=-0.0005, spread=0.0015, least_spread=0.0015)

WEIGHTS = {"range": 1.0, "change": 1.0, "move": 1.0, "volume": 0.35, "funding": 0.85, "premium": 0.7, "listing": 0.3}
MARKET_WEIGHTS = {"range": 1.0, "move": 1.0, "breadth": 0.8}


@dataclass(frozen=True, slots=True)
class Scores:
    """Per symbol of the measures: `risk` and `hype` in [0, 1]; `parts` before weights; `inputs` what they came from."""

    symbols: tuple[str, ...]
    risk: Floats
    hype: Floats
    parts: dict[str, Floats]
    inputs: dict[str, Floats]


def score(measures: Measures) -> Scores:
    """Every symbol against the market and against fixed bounds: a large move in a calm market, not a usual one in a wild market."""
    with np.errstate(divide="ignore"):
        range_z = distance(np.log(measures.log_range), RANGE_NORM)
    change_z = distance(measures.change, CHANGE_NORM)
    funding_z = distance(measures.funding, FUNDING_NORM)
    premium_z = distance(measures.premium, PREMIUM_NORM)
    with np.errstate(divide="ignore"):
        doublings = np.log2(measures.surge)
    parts = {
        "range": ramp(range_z, 1.5, 4.5) * ramp(measures.log_range, 0.12, 0.40),
        "change": ramp(np.abs(change_z), 3.0, 10.0) * ramp(np.abs(measures.change), 0.10, 0.35),
        "move": ramp(np.abs(measures.move_sigma), 6.0, 16.0) * ramp(np.abs(measures.move), 0.015, 0.05),
        "volume": ramp(doublings, 1.5, 4.0),
        "funding": ramp(np.abs(funding_z), 8.0, 30.0),
        "premium": ramp(np.abs(premium_z), 4.0, 12.0),
        "listing": ramp(-measures.age_days, -30.0, -3.0),
    }
    rising = ramp(change_z, 2.0, 8.0) * ramp(measures.change, 0.05, 0.25)
    spurt = ramp(measures.move_sigma, 5.0, 14.0) * ramp(measures.move, 0.01, 0.04)
    return Scores(
        symbols=measures.symbols,
        risk=joined(parts, WEIGHTS),
        hype=joined({"rising": rising, "spurt": spurt, "volume": parts["volume"]}, {"rising": 0.9, "spurt": 0.8, "volume": 0.6}),
        parts=parts,
        inputs={
            "range_ratio": np.expm1(measures.log_range),
            "range_z": range_z,
            "change_ratio": np.expm1(measures.change),
            "change_z": change_z,
            "move_5m_ratio": np.expm1(measures.move),
            "move_sigma": measures.move_sigma,
            "volume_ratio": measures.surge,
            "funding_ratio": measures.funding,
            "funding_z": funding_z,
            "premium_ratio": measures.premium,
            "premium_z": premium_z,
            "listing_age_days": measures.age_days,
        },
    )


def score_market(measures: Measures, scores: Scores) -> Scores:
    """The market as one symbol: its median range and move, and how many symbols are in trouble at once. No symbols, no score."""
    if not measures.symbols:
        return Scores((), _one(), _one(), {}, {})
    median_range = _one(float(np.median(measures.log_range)))
    median_move = _one(float(np.median(measures.move)))
    share = _one(float(np.mean(scores.risk >= 0.45)))
    parts = {
        "range": ramp(median_range, 0.12, 0.30),
        "move": ramp(np.abs(median_move), 0.012, 0.04),
        "breadth": ramp(share, 0.15, 0.50),
    }
    inputs = {
        "median_range_ratio": np.expm1(median_range),
        "median_move_5m_ratio": np.expm1(median_move),
        "troubled_ratio": share,
    }
    rising = ramp(_one(float(np.median(measures.change))), 0.05, 0.20)
    return Scores(("MARKET",), joined(parts, MARKET_WEIGHTS), rising, parts, inputs)


def joined(parts: dict[str, Floats], weights: dict[str, float]) -> Floats:
    """1 - product of (1 - weight * part): grows with each part, and never beyond 1."""
    calm = np.ones_like(next(iter(parts.values())))
    for name, part in parts.items():
        calm = calm * (1.0 - weights[name] * part)
    return np.clip(1.0 - calm, 0.0, 1.0)


def _one(*values: float) -> Floats:
    return np.array(values, dtype=np.float64)

"""What the policy sees of a signal: named features with fixed scales, about -1 to 1.

A name stands for one meaning and one scale for ever; when either changes, the name gets a new number behind the `@`. Models keep
their weights by name, so a feature that is added, removed or reordered never shifts another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from shared.policy.stored import Floats

BIAS = "bias"
SETUPS = ("trend_cross", "breakout_retest", "range_reversion", "trend_scan")


@dataclass(frozen=True, slots=True)
class Feature:
    """(raw - middle) / scale, clipped to [-1, 1]. A `signed` one is turned around for shorts: + always favours the trade's side."""

    name: str
    source: str
    middle: float
    scale: float
    signed: bool = False

    def scaled(self, raw: float, sign: int) -> float:
        """The feature; a raw value that is not finite counts as unknown, which is 0, the middle."""
        if not isfinite(raw):
            return 0.0
        value = (raw - self.middle) / self.scale
        return min(1.0, max(-1.0, value * sign if self.signed else value))


def _signed(source: str, middle: float, scale: float) -> Feature:
    return Feature(f"{source}@1", source, middle, scale, signed=True)


def _plain(source: str, middle: float, scale: float) -> Feature:
    return Feature(f"{source}@1", source, middle, scale)


FEATURES: tuple[Feature, ...] = (
    _signed("rsi", 50.0, 25.0),
    _signed("ema_gap_atr", 0.0, 3.0),
    _signed("higher_side", 0.0, 1.0),
    _signed("higher_slope_atr", 0.0, 2.0),
    _signed("supertrend_side", 0.0, 1.0),
    _signed("momentum", 0.0, 0.04),
    _signed("bb_position", 0.5, 0.6),
    _signed("stoch_rsi_k", 50.0, 50.0),
    _signed("stoch_rsi_d", 50.0, 50.0),
    _signed("funding_rate_8h", 0.0, 0.0005),
    _signed("funding_edge", 0.0, 0.0003),
    _signed("oracle_gap", 0.0, 0.001),
    _signed("playbook_side_bias", 0.0, 0.3),
    _signed("long", 0.0, 1.0),
    _plain("adx", 25.0, 20.0),
    _plain("adx_change", 0.0, 2.0),
    _plain("bb_width", 0.025, 0.025),
    _plain("bb_squeeze", 1.0, 0.7),
    _plain("volatility_rank", 0.5, 0.5),
    _plain("wickiness", 0.5, 0.4),
    _plain("atr_ratio", 0.004, 0.004),
    _plain("spread_ratio", 0.0004, 0.0006),
    _plain("volume_rank", 0.5, 0.5),
    _plain("strength", 0.5, 0.5),
    _plain("edge_r", 0.05, 0.3),
    _plain("cost_r", 0.15, 0.15),
    _plain("sentinel_risk", 0.0, 0.75),
    _plain("sentinel_hype", 0.0, 0.75),
    _plain("playbook_size", 1.0, 0.4),
    _plain("tuner_size", 1.0, 0.3),
    _plain("postmortem_stop_too_tight", 0.0, 0.5),
    _plain("postmortem_late_entry", 0.0, 0.5),
    _plain("postmortem_volatility_shock", 0.0, 0.5),
    _plain("postmortem_trend_break", 0.0, 0.5),
    *(_plain(f"setup_{setup}", 0.0, 1.0) for setup in SETUPS),
)

NAMES: tuple[str, ...] = (BIAS, *(feature.name for feature in FEATURES))


@dataclass(frozen=True, slots=True)
class Vector:
    """Features of one signal; `values` in the order of `names`. `unknown` are the sources that nobody supplied."""

    names: tuple[str, ...]
    values: Floats
    unknown: tuple[str, ...] = ()


def vector(raw: Mapping[str, float], *, sign: int, setup: str, features: Sequence[Feature] = FEATURES) -> Vector:
    """Scale the raw values of a signal: `sign` +1 long, -1 short; `setup` fills the one-hot features.

    A source that is missing is 0 (its middle) and listed: one silent input must not stop trading, and it must not be invisible.
    """
    known = {**raw, "long": 1.0, **{f"setup_{name}": float(name == setup) for name in SETUPS}}
    values = [1.0]
    unknown: list[str] = []
    for feature in features:
        found = known.get(feature.source)
        if found is None or not isfinite(found):
            unknown.append(feature.source)
            found = feature.middle
        values.append(feature.scaled(found, sign))
    return Vector((BIAS, *(feature.name for feature in features)), np.array(values, dtype=np.float64), tuple(unknown))

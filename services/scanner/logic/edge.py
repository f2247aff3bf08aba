"""What a trade is expected to earn, in multiples of what it risks, after its costs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.contracts.signal import Setup
from shared.indicators.types import Floats

STRENGTH_GAIN = 0.20
KAPPA = 50.0
BINS = 5
_RANGE_PER_SIGMA = 1.6
"""Mean range of a random walk over one bar in its standard deviations: sqrt(8 / pi)."""


def _no_outcomes() -> Floats:
    return np.zeros((len(Setup), BINS))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Outcomes seen so far by setup (in the order of `Setup`) and strength bin (five of equal width): how many, and how many won."""

    trades: Floats = field(default_factory=_no_outcomes)
    wins: Floats = field(default_factory=_no_outcomes)

    def corrected(self, setups: list[Setup], strength: Floats, prior: Floats) -> Floats:
        """Win probability drawn from the prior towards the outcomes: (kappa * prior + wins) / (kappa + trades).

        Written so that without outcomes it is exactly the prior.
        """
        rows = np.array([_ORDER[setup] for setup in setups], dtype=np.intp)
        bins = strength_bin(strength)
        wins, trades = self.wins[rows, bins], self.trades[rows, bins]
        corrected: Floats = prior + (wins - trades * prior) / (KAPPA + trades)
        return corrected


_ORDER = {setup: number for number, setup in enumerate(Setup)}


def strength_bin(strength: Floats) -> NDArray[np.intp]:
    """Number of the strength bin, 0-4; 1.0 belongs to the last."""
    return np.minimum((strength * BINS).astype(np.intp), BINS - 1)


@dataclass(frozen=True, slots=True)
class EdgeTerms:
    """Distances in ATR and rates as fractions. `enforce`: the calibrated probability decides, else the prior does."""

    stop_atr: float
    target_atr: float
    taker_ratio: float
    min_edge_r: float
    interval_ms: int
    enforce: bool = False

    @property
    def payoff(self) -> float:
        """b: target distance over stop distance."""
        return self.target_atr / self.stop_atr

    @property
    def holding_ms(self) -> float:
        """Time until a random walk hits stop or target: stop * target / sigma^2 bars, with sigma = ATR / 1.6.

        The median is shorter; taking the mean errs on the side of more funding.
        """
        return self.stop_atr * self.target_atr * _RANGE_PER_SIGMA**2 * self.interval_ms


@dataclass(frozen=True, slots=True)
class Edge:
    """Numbers of an edge, one per signal; NaN without an ATR. `decisive` is the one that MIN_EDGE_R is held against."""

    stop_distance: Floats
    target_distance: Floats
    cost_r: Floats
    p_prior: Floats
    p: Floats
    prior_r: Floats
    calibrated_r: Floats
    decisive: Floats


@dataclass(frozen=True, slots=True)
class Offer:
    """What the edge is computed from, one value per signal. `funding` is the rate per funding interval, `spread` a fraction."""

    setups: list[Setup]
    sign: Floats
    strength: Floats
    price: Floats
    atr: Floats
    spread: Floats
    funding: Floats
    funding_interval_ms: Floats


def edge_of(offer: Offer, terms: EdgeTerms, calibration: Calibration) -> Edge:
    """Edge of each signal.

    Without information a random walk reaches a target b times as far as the stop with probability 1 / (1 + b); strength adds up
    to 0.20. cost = (two taker fees + spread + expected funding, if it is to be paid) over the stop distance.
    """
    atr = np.where(offer.atr > 0, offer.atr, np.nan)
    stop = terms.stop_atr * atr
    spread = np.where(np.isnan(offer.spread), 0.0, offer.spread)
    rate = np.where(np.isnan(offer.funding), 0.0, offer.funding) * offer.sign
    paid = np.maximum(0.0, rate) * terms.holding_ms / offer.funding_interval_ms
    cost_r = (2.0 * terms.taker_ratio + spread + paid) * offer.price / stop
    prior = np.minimum(1.0, 1.0 / (1.0 + terms.payoff) + STRENGTH_GAIN * offer.strength)
    calibrated = calibration.corrected(offer.setups, offer.strength, prior)
    prior_r = expectation(prior, terms.payoff) - cost_r
    calibrated_r = expectation(calibrated, terms.payoff) - cost_r
    decisive = calibrated_r if terms.enforce else prior_r
    return Edge(stop, terms.target_atr * atr, cost_r, prior, calibrated, prior_r, calibrated_r, decisive)


def expectation(p: Floats, payoff: float) -> Floats:
    """Mean result in R of winning `payoff` with probability p and losing 1 otherwise."""
    return p * payoff - (1.0 - p)

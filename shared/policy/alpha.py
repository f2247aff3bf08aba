"""How likely is a net win? Logistic regression, one outcome at a time, and what its probability is worth as confidence.

The regression corrects the probability that the signal came with: logit p = logit(prior) + w·z + bias, so that without a
lesson it says the same as the edge. z are the features standardised by their own running moments; steps are AdaGrad's
(Duchi, Hazan, Singer 2011), with an L2 pull on all weights but the bias.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np

from shared.policy.features import BIAS
from shared.policy.stored import Floats, Restored, Unreadable, array, check_kind, differences, names, number, places

KIND, VERSION = "alpha", 1
READY_OUTCOMES = 40
STEP = 0.05
PULL = 0.01
LONGEST_Z = 4.0
CURVE_BINS = 10
NEUTRAL = 0.5
_EDGE_OF_P = 0.01


@dataclass(frozen=True, slots=True)
class Reliability:
    """One bin of the reliability curve of predictions made before their outcome was known."""

    low: float
    high: float
    outcomes: float
    predicted: float
    observed: float


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + exp(-x))
    return exp(x) / (1.0 + exp(x))


def logit(p: float) -> float:
    """The inverse; probabilities are kept a hundredth away from 0 and 1, where no estimate of ours belongs."""
    inside = min(1.0 - _EDGE_OF_P, max(_EDGE_OF_P, p))
    return log(inside / (1.0 - inside))


def break_even(cost_r: float, payoff: float) -> float:
    """The win probability at which a trade that wins `payoff` R or loses 1 R, and costs `cost_r`, earns nothing."""
    return (1.0 + cost_r) / (1.0 + payoff)


def confidence(p: float, cost_r: float, payoff: float) -> float:
    """A probability as confidence: 0.5 is break-even after costs, higher is better."""
    return sigmoid(logit(p) - logit(break_even(cost_r, payoff)))


class AlphaModel:
    """One model; `outcomes` counts what it learned from."""

    def __init__(self, feature_names: Sequence[str]) -> None:
        self.names = tuple(feature_names)
        size = len(self.names)
        self._free: Floats = np.array([float(name == BIAS) for name in self.names])
        self._weights: Floats = np.zeros(size)
        self._steps: Floats = np.zeros(size)
        self._mean: Floats = np.zeros(size)
        self._spread: Floats = np.zeros(size)
        self._seen: Floats = np.zeros(size)
        self.outcomes = 0
        self._squared = 0.0
        self._curve: Floats = np.zeros((3, CURVE_BINS))

    @property
    def ready(self) -> bool:
        """Whether it has learned enough to have a say."""
        return self.outcomes >= READY_OUTCOMES

    @property
    def weights(self) -> dict[str, float]:
        """Log-odds per standard deviation of each feature, by name."""
        return dict(zip(self.names, self._weights.tolist(), strict=True))

    def probability(self, values: Floats, prior: float) -> float:
        """P(net result above zero) of features in the order of `names`."""
        return sigmoid(logit(prior) + float(self._weights @ self._standard(values)))

    def confidence(self, values: Floats, prior: float, *, cost_r: float, payoff: float) -> float:
        """Neutral (0.5) until it is ready, then the probability against break-even."""
        if not self.ready:
            return NEUTRAL
        return confidence(self.probability(values, prior), cost_r, payoff)

    def learn(self, values: Floats, prior: float, *, won: bool, weight: float = 1.0) -> None:
        """Take in an outcome; the prediction made before it goes into the Brier score and the reliability curve.

        Raises:
            ValueError: features that are not finite, or a weight outside (0, 1].
        """
        if not np.all(np.isfinite(values)) or not 0 < weight <= 1:
            raise ValueError(f"expected finite features and a weight in (0, 1], got weight {weight}")
        predicted = self.probability(values, prior)
        self._score(predicted, won=won)
        self._moments(values)
        z = self._standard(values)
        pull = PULL * self._weights * (1.0 - self._free)
        slope = weight * ((predicted - float(won)) * z + pull)
        self._steps = self._steps + slope**2
        self._weights = self._weights - STEP * np.divide(slope, np.sqrt(self._steps), out=np.zeros_like(slope), where=self._steps > 0)
        self.outcomes += 1

    def brier(self) -> float | None:
        """Mean squared error of the predictions; None without outcomes. 0.25 is a coin."""
        total = float(self._curve[0].sum())
        return self._squared / total if total else None

    def reliability(self) -> list[Reliability]:
        """Bins with outcomes: mean prediction against the share that won."""
        return [
            Reliability(i / CURVE_BINS, (i + 1) / CURVE_BINS, float(n), float(p / n), float(w / n))
            for i, (n, p, w) in enumerate(self._curve.T)
            if n
        ]

    def _standard(self, values: Floats) -> Floats:
        """Features in their own standard deviations, the bias as it is; 0 where two different values were not seen yet."""
        if values.shape != self._mean.shape:
            raise ValueError(f"expected {len(self.names)} features, got {values.shape}")
        variance = np.divide(self._spread, self._seen - 1, out=np.zeros_like(self._spread), where=self._seen > 1)
        # Rounding gives a constant feature a tiny variance: dividing by that would make noise of it.
        z = np.divide(values - self._mean, np.sqrt(variance), out=np.zeros_like(values), where=variance > 1e-12)
        clipped: Floats = np.clip(z, -LONGEST_Z, LONGEST_Z) * (1.0 - self._free) + values * self._free
        return clipped

    def _moments(self, values: Floats) -> None:
        """Running mean and sum of squares. Source: Welford 1962."""
        self._seen = self._seen + 1
        away = values - self._mean
        self._mean = self._mean + away / self._seen
        self._spread = self._spread + away * (values - self._mean)

    def _score(self, predicted: float, *, won: bool) -> None:
        place = min(int(predicted * CURVE_BINS), CURVE_BINS - 1)
        self._curve[:, place] += (1.0, predicted, float(won))
        self._squared += (predicted - float(won)) ** 2

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {
            "kind": KIND,
            "version": VERSION,
            "names": list(self.names),
            **{key: getattr(self, f"_{key}").tolist() for key in _COLUMNS},
            "curve": self._curve.tolist(),
            "squared": self._squared,
            "outcomes": self.outcomes,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], feature_names: Sequence[str]) -> "Restored[AlphaModel]":
        """The model of a document, moved to `feature_names` by name; a neutral one, with the problem, when it cannot be read."""
        model = cls(feature_names)
        try:
            check_kind(document, KIND, VERSION)
            known = names(document)
            here, there = places(model.names, known)
            for key in _COLUMNS:
                getattr(model, f"_{key}")[here] = _column(document, key, len(known))[there]
            model._curve = array(document, "curve", (3, CURVE_BINS))
            model._squared = number(document, "squared", 0.0)
            model.outcomes = int(number(document, "outcomes", 0.0))
        except Unreadable as error:
            return Restored(cls(feature_names), problem=f"alpha model starts neutral: {error}")
        return Restored(model, "", *differences(model.names, known))


_COLUMNS = ("weights", "steps", "mean", "spread", "seen")
_POSITIVE = {"steps", "spread", "seen"}


def _column(document: Mapping[str, Any], key: str, size: int) -> Floats:
    """One number per feature."""
    column = array(document, key, (size,))
    if key in _POSITIVE and float(column.min(initial=0.0)) < 0:
        raise Unreadable(f"{key}: expected numbers from 0 up")
    return column

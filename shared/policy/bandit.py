"""LinUCB: is this signal worth taking, and how big? Learns the net result in R as a linear function of the features.

Ridge regression with forgetting, its inverse matrix kept by Sherman-Morrison. Source: Li, Chu, Langford, Schapire 2010, "A
contextual-bandit approach to personalized news article recommendation", algorithm 1 with one arm, since the result of SKIP is 0.

Three additions:

- The matrix forgets its ridge with everything else, and directions that are not seen for long would become arbitrarily uncertain
  (and be taken for that). So each update also gives one coordinate, in turn, its share of the ridge back: a second rank-one step.
- All features but the bias are divided by `SHRINK`, which is the same as a ridge of `SHRINK`² on them: results scatter by more
  than 1 R, effects of a feature are hundredths of it.
- What was learned counts n / (50 + n) and the edge 50 / (50 + n), exploration included: without outcomes the edge alone decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any, Self

import numpy as np

from shared.policy.features import BIAS
from shared.policy.stored import Floats, Restored, Unreadable, array, check_kind, differences, names, number, places

KIND, VERSION = "bandit", 1
RIDGE = 1.0
FORGETTING = 0.999
SHRINK = 6.0
PRIOR_OUTCOMES = 50.0
ALPHA_FIRST, ALPHA_LAST = 0.6, 0.15
REWARD_LIMIT = 3.0
LARGE_FROM_R, MEDIUM_FROM_R = 0.25, 0.05


class Size(StrEnum):
    """Size bucket."""

    S = "S"
    M = "M"
    L = "L"


@dataclass(frozen=True, slots=True)
class Opinion:
    """About one signal, in R. `take` iff `score` > 0; `size` from `lower`, what is left of the mean after the doubt.

    `mean` and `sigma` are what was learned; `weight` its share against the edge (0 without outcomes).
    """

    take: bool
    size: Size
    score: float
    mean: float
    sigma: float
    lower: float
    alpha: float
    weight: float


class BanditPolicy:
    """One model. `outcomes` is the sum of the weights that it learned from."""

    def __init__(self, feature_names: Sequence[str]) -> None:
        self.names = tuple(feature_names)
        size = len(self.names)
        self._inverse: Floats = np.eye(size) / RIDGE
        self._theta: Floats = np.zeros(size)
        self._shrink: Floats = np.array([1.0 if name == BIAS else 1.0 / SHRINK for name in self.names])
        self._turn = 0
        self.outcomes = 0.0

    @property
    def weights(self) -> dict[str, float]:
        """R per unit of each feature, by name."""
        return dict(zip(self.names, (self._theta * self._shrink).tolist(), strict=True))

    def judge(self, values: Floats, edge_r: float) -> Opinion:
        """The opinion about features (in the order of `names`) whose edge is `edge_r`."""
        x = self._shrunk(values)
        mean, sigma = float(self._theta @ x), sqrt(max(0.0, float(x @ self._inverse @ x)))
        prior = PRIOR_OUTCOMES / (PRIOR_OUTCOMES + self.outcomes)
        alpha = ALPHA_LAST + (ALPHA_FIRST - ALPHA_LAST) * prior
        score = prior * edge_r + (1.0 - prior) * (mean + alpha * sigma)
        lower = (1.0 - prior) * mean - alpha * sigma
        return Opinion(score > 0, bucket(lower), score, mean, sigma, lower, alpha, 1.0 - prior)

    def learn(self, values: Floats, reward_r: float, weight: float = 1.0) -> None:
        """Take in an outcome in R (clipped to +-3): weight 1 for a trade, 0.5 for one that was only followed.

        Raises:
            ValueError: a number that is not finite, or a weight outside (0, 1].
        """
        if not np.isfinite(reward_r) or not np.all(np.isfinite(values)) or not 0 < weight <= 1:
            raise ValueError(f"expected finite features and reward and a weight in (0, 1], got {reward_r} with weight {weight}")
        x = self._shrunk(values)
        reward = min(REWARD_LIMIT, max(-REWARD_LIMIT, reward_r))
        self._inverse /= FORGETTING
        self._add(x, weight, reward)
        unit = np.zeros(len(self.names))
        unit[self._turn] = 1.0
        self._add(unit, (1.0 - FORGETTING) * RIDGE * len(self.names), 0.0)
        self._turn = (self._turn + 1) % len(self.names)
        self.outcomes += weight

    def _add(self, x: Floats, weight: float, target: float) -> None:
        """A += weight·x·xᵀ and b += weight·target·x, as a step of the inverse and of θ = A⁻¹b.

        Sherman-Morrison: A⁻¹ -= (A⁻¹x)(A⁻¹x)ᵀ / (1/weight + xᵀA⁻¹x).
        """
        reach = self._inverse @ x
        gain = reach / (1.0 / weight + float(x @ reach))
        self._theta = self._theta + gain * (target - float(self._theta @ x))
        self._inverse = self._inverse - np.outer(gain, reach)
        self._inverse = (self._inverse + self._inverse.T) / 2.0

    def _shrunk(self, values: Floats) -> Floats:
        if values.shape != self._shrink.shape:
            raise ValueError(f"expected {len(self.names)} features, got {values.shape}")
        return values * self._shrink

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {
            "kind": KIND,
            "version": VERSION,
            "names": list(self.names),
            "theta": self._theta.tolist(),
            "inverse": self._inverse.tolist(),
            "turn": self._turn,
            "outcomes": self.outcomes,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], feature_names: Sequence[str]) -> "Restored[BanditPolicy]":
        """The model of a document, moved to `feature_names`; a neutral one, with the problem, when it cannot be read.

        Known names keep weight and doubt; new ones begin at zero with full doubt; a dropped one is left out of the joint
        distribution, which keeps what is known about the others.
        """
        try:
            return cls._read(document, feature_names)
        except Unreadable as error:
            return Restored(cls(feature_names), problem=f"bandit starts neutral: {error}")

    @classmethod
    def _read(cls, document: Mapping[str, Any], feature_names: Sequence[str]) -> "Restored[Self]":
        check_kind(document, KIND, VERSION)
        known = names(document)
        theta = array(document, "theta", (len(known),))
        inverse = array(document, "inverse", (len(known), len(known)))
        if not np.array_equal(inverse, inverse.T) or len(known) == 0 or float(np.linalg.eigvalsh(inverse)[0]) <= 0:
            raise Unreadable("inverse: expected a symmetric positive definite matrix")
        model = cls(feature_names)
        here, there = places(model.names, known)
        model._theta[here] = theta[there]
        model._inverse[np.ix_(here, here)] = inverse[np.ix_(there, there)]
        model.outcomes = number(document, "outcomes", 0.0)
        model._turn = int(number(document, "turn", 0.0)) % len(model.names)
        return Restored(model, "", *differences(model.names, known))


def bucket(lower_r: float) -> Size:
    """L above 0.25 R, M above 0.05 R, else S."""
    if lower_r > LARGE_FROM_R:
        return Size.L
    return Size.M if lower_r > MEDIUM_FROM_R else Size.S

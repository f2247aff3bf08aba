"""What playbook and tuner change about a trade: size, stop and target, each within bounds, each by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

from services.advisor.logic.playbook import Adjustments
from services.advisor.logic.tuner import Advice

REACH_LOW, REACH_HIGH = 0.6, 1.6
LEAST_PAYOFF = 1.05
SIZE_LOW, SIZE_HIGH = 0.5, 1.4
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Distances in quote units, factors of the size by name, and what was changed in words."""

    stop_distance: float
    target_distance: float
    raising: Mapping[str, Decimal] = field(default_factory=dict)
    reducing: Mapping[str, Decimal] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def playbook_size(adjustments: Adjustments, setup: str, sign: int) -> float:
    """The playbook's factor for one setup and side."""
    factor = adjustments.size * adjustments.focus.get(setup, 1.0) * (1.0 + adjustments.side_bias * sign)
    return min(SIZE_HIGH, max(SIZE_LOW, factor))


def adjust(distances: tuple[float, float], sizes: Mapping[str, float], playbook: Adjustments, advice: Advice) -> Adjusted:
    """Scale stop and target by playbook and tuner, within [0.6, 1.6] of the offer, the target at least 1.05 stops away.

    `sizes` are size factors by name: below 1 they reduce (after the floor), above 1 they raise (before it).
    """
    stop, target = distances
    stop_factor = _within(advice.stop_factor * playbook.stop)
    target_factor = _within(advice.target_factor * playbook.target)
    new_stop = stop * stop_factor
    new_target = max(target * target_factor, LEAST_PAYOFF * new_stop)
    exact = {name: _decimal(factor) for name, factor in sizes.items()}
    words = [f"{name} size x{factor.normalize():f}" for name, factor in exact.items() if factor != _ONE]
    words += [f"stop x{stop_factor:.2f}"] if abs(stop_factor - 1) >= 0.005 else []
    words += [f"target x{new_target / target:.2f}"] if abs(new_target / target - 1) >= 0.005 else []
    return Adjusted(
        stop_distance=new_stop,
        target_distance=new_target,
        raising={name: factor for name, factor in exact.items() if factor > _ONE},
        reducing={name: factor for name, factor in exact.items() if factor < _ONE},
        words=tuple(words),
    )


def _within(factor: float) -> float:
    return min(REACH_HIGH, max(REACH_LOW, factor))


def _decimal(factor: float) -> Decimal:
    return Decimal(repr(factor)).quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN)

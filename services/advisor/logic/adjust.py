"""What playbook and tuner change about a trade: size, stop and target, each within bounds, each by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from math import prod

from services.advisor.logic.playbook import Adjustments

REACH_LOW, REACH_HIGH = 0.6, 1.6
LEAST_PAYOFF = 1.05
SIZE_LOW, SIZE_HIGH = 0.5, 1.4
LEAST_MOVE = 0.005
"""A factor nearer to 1 is not worth a word."""
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Distances in quote units, factors of size, stop and target by name, and what was changed in words."""

    stop_distance: float
    target_distance: float
    raising: Mapping[str, Decimal] = field(default_factory=dict)
    reducing: Mapping[str, Decimal] = field(default_factory=dict)
    stops: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[str, float] = field(default_factory=dict)
    words: tuple[str, ...] = ()


def playbook_size(adjustments: Adjustments, setup: str, sign: int) -> float:
    """The playbook's factor for one setup and side."""
    factor = adjustments.size * adjustments.focus.get(setup, 1.0) * (1.0 + adjustments.side_bias * sign)
    return min(SIZE_HIGH, max(SIZE_LOW, factor))


def adjust(
    distances: tuple[float, float], sizes: Mapping[str, float], stops: Mapping[str, float], targets: Mapping[str, float]
) -> Adjusted:
    """Scale stop and target by the factors of each name, together within [0.6, 1.6] of the offer, the target at least 1.05 stops away.

    `sizes`, `stops`, `targets` are factors by name. Sizes below 1 reduce (after the floor), above 1 they raise (before it).
    """
    stop, target = distances
    new_stop = stop * _within(prod(stops.values()))
    wanted = target * _within(prod(targets.values()))
    new_target = max(wanted, LEAST_PAYOFF * new_stop)
    exact = {name: _decimal(factor) for name, factor in sizes.items()}
    moved_stops, moved_targets = _moved(stops), _moved(targets)
    words = [f"{name} size x{factor.normalize():f}" for name, factor in exact.items() if factor != _ONE]
    words += [f"{name} stop x{factor:.2f}" for name, factor in moved_stops.items()]
    words += [f"{name} target x{factor:.2f}" for name, factor in moved_targets.items()]
    words += [f"target kept at {LEAST_PAYOFF} stops"] if new_target > wanted else []
    return Adjusted(
        stop_distance=new_stop,
        target_distance=new_target,
        raising={name: factor for name, factor in exact.items() if factor > _ONE},
        reducing={name: factor for name, factor in exact.items() if factor < _ONE},
        stops=moved_stops,
        targets=moved_targets,
        words=tuple(words),
    )


def _moved(factors: Mapping[str, float]) -> dict[str, float]:
    """Those that change something."""
    return {name: round(factor, 4) for name, factor in factors.items() if abs(factor - 1) >= LEAST_MOVE}


def _within(factor: float) -> float:
    return min(REACH_HIGH, max(REACH_LOW, factor))


def _decimal(factor: float) -> Decimal:
    return Decimal(repr(factor)).quantize(Decimal("0.001"), rounding=ROUND_HALF_EVEN)

"""How fast the guard may read: the venue's weight is shared, and what is used up in a burst is missing for the next stop."""

from dataclasses import dataclass

PER_S = 8.0
MOST = 360.0
LONGEST_S = 2.0
URGENT_PER_S = 60.0
POSITIONS_COST = 5
SYMBOL_COST = 2
SWEEP_COST = 80
"""Weights of the reads on the dearest of the venues."""


@dataclass(slots=True)
class Pace:
    """A bucket of weight: about a fifth of a minute's limit in a row, and a seventh of it at once."""

    _left: float = MOST
    _at_s: float = 0.0
    _last: float = 0.0

    def spend(self, cost: float, now_s: float) -> None:
        """A look was made."""
        self._left = min(MOST, self._left + (now_s - self._at_s) * PER_S) - cost
        self._at_s, self._last = now_s, cost

    def wait_s(self, now_s: float, *, urgent: bool) -> float:
        """How long to wait before the next look; a moment only when a position may be without a stop."""
        passed_s = now_s - self._at_s
        most_s = self._last / URGENT_PER_S if urgent else LONGEST_S
        return max(0.0, min(most_s - passed_s, -self._left / PER_S - passed_s))

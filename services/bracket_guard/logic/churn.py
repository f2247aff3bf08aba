"""A limit on how often orders of one symbol are placed and cancelled: a mistake must not become a flood."""

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 60.0
MOST = 12
MOST_NAKED = 40
"""A position without a stop may use more: each attempt may be the one that protects it."""


@dataclass(slots=True)
class Churn:
    """Counts steps per symbol."""

    _steps: dict[str, deque[float]] = field(default_factory=dict)

    def allows(self, symbol: str, now_s: float, *, naked: bool) -> bool:
        """Whether a job of this symbol may be begun now."""
        steps = self._steps.get(symbol)
        if steps is None:
            return True
        while steps and now_s - steps[0] > WINDOW_S:
            steps.popleft()
        if not steps:
            del self._steps[symbol]
            return True
        return len(steps) < (MOST_NAKED if naked else MOST)

    def count(self, symbol: str, now_s: float) -> None:
        """A step was sent."""
        self._steps.setdefault(symbol, deque()).append(now_s)

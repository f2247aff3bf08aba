"""When a stop that the venue does not take becomes a market exit."""

from dataclasses import dataclass, field

TRIES = 3
MOST_S = 5.0


@dataclass(slots=True)
class Attempts:
    """Refusals of a stop while its position has none, per symbol. What is `unknown` (no answer) counts in time, not in tries."""

    _first_s: dict[str, float] = field(default_factory=dict)
    _refused: dict[str, int] = field(default_factory=dict)

    def failed(self, symbol: str, now_s: float, *, refused: bool) -> None:
        """One attempt came to nothing."""
        self._first_s.setdefault(symbol, now_s)
        self._refused[symbol] = self._refused.get(symbol, 0) + refused

    def clear(self, symbol: str) -> None:
        """A stop rests, or the position is gone."""
        self._first_s.pop(symbol, None)
        self._refused.pop(symbol, None)

    def hopeless(self, symbol: str, now_s: float) -> bool:
        """Whether to leave the position: refused three times, or five seconds gone with at least one refusal."""
        refused = self._refused.get(symbol, 0)
        return refused >= TRIES or (refused > 0 and now_s - self._first_s.get(symbol, now_s) >= MOST_S)

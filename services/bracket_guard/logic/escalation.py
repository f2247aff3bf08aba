"""When a stop that the venue does not take becomes a market exit."""

from dataclasses import dataclass, field

TRIES = 3
MOST_S = 5.0
SILENT_TRIES = 5
SILENT_S = 7.0


@dataclass(slots=True)
class Attempts:
    """Failed attempts to place a stop while a position has none, per symbol.

    What had no usable answer may have been executed, so it counts less: but each attempt follows a complete read that shows no stop,
    and after enough of them it is plain that none of them placed one.
    """

    _first_s: dict[str, float] = field(default_factory=dict)
    _tries: dict[str, int] = field(default_factory=dict)
    _refused: dict[str, int] = field(default_factory=dict)

    def failed(self, symbol: str, now_s: float, *, refused: bool) -> None:
        """One attempt came to nothing."""
        self._first_s.setdefault(symbol, now_s)
        self._tries[symbol] = self._tries.get(symbol, 0) + 1
        self._refused[symbol] = self._refused.get(symbol, 0) + refused

    def clear(self, symbol: str) -> None:
        """A stop rests, or the position is gone."""
        for kept in (self._first_s, self._tries, self._refused):
            kept.pop(symbol, None)

    def hopeless(self, symbol: str, now_s: float) -> bool:
        """Whether to leave the position: refused three times, or once five seconds ago; unanswered five times over seven seconds."""
        refused, tried_s = self._refused.get(symbol, 0), now_s - self._first_s.get(symbol, now_s)
        if refused:
            return refused >= TRIES or tried_s >= MOST_S
        return self._tries.get(symbol, 0) >= SILENT_TRIES and tried_s >= SILENT_S

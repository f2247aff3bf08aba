"""Moves of stops that wait for the guard's next look: of the rules the newest per symbol, of people each one in its turn."""

from collections.abc import Callable, Iterable

from services.bracket_guard.logic.moves import Move, Mover

MOST_S = 20.0
"""How long a person's wish may wait for a complete read; the rules decide anew with the next mark."""


class Wishes:
    """A queue. What is taken and could not be looked at comes `back`."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._waiting: list[tuple[float, Move]] = []
        self._taken: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, move: Move) -> None:
        """Wait for the next look."""
        self._waiting.append((self._now_s(), move))

    def expired(self) -> list[Move]:
        """Wishes of people that have waited too long; they are gone."""
        late = [(since, move) for since, move in self._waiting if self._now_s() - since > MOST_S]
        self._waiting = [item for item in self._waiting if item not in late]
        return [move for _, move in late if move.by is Mover.PERSON]

    def take(self) -> dict[str, Move]:
        """One move for each symbol, a person's before those of the rules; further ones of people stay."""
        chosen: dict[str, tuple[float, Move]] = {}
        for item in self._waiting:
            known = chosen.get(item[1].symbol)
            if known is None or known[1].by is not Mover.PERSON:
                chosen[item[1].symbol] = item
        taken = list(chosen.values())
        self._waiting = [item for item in self._waiting if item[1].by is Mover.PERSON and item not in taken]
        self._taken = {move.symbol: since for since, move in taken}
        return {move.symbol: move for _, move in taken}

    def back(self, moves: Iterable[Move]) -> None:
        """These were not looked at; people's wishes keep their age and their place."""
        again = [(self._taken[move.symbol], move) for move in moves if move.by is Mover.PERSON]
        self._waiting = [*again, *self._waiting]

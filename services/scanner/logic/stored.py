"""Whether candles that are at hand spare the venue work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.domain.candle import Candle

_PAGE = 1500
_STEPS = ((100, 1), (500, 2), (1000, 5), (_PAGE, 10))
"""Weight of a request for so many candles (the same on all venues)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Candles without a gap, oldest first; `first` and `newest` are the numbers of the outer ones."""

    first: int
    newest: int
    candles: list[Candle]

    @classmethod
    def of(cls, known: Mapping[int, Candle], start: int, last: int) -> Self | None:
        """The newest stretch of `known` within `start` to `last`, None when asking for everything costs no more.

        The venue is asked for what lies before the stretch, and from its last candle on.
        """
        bars = [bar for bar in known if start <= bar <= last]
        if not bars:
            return None
        newest = first = max(bars)
        while first - 1 >= start and first - 1 in known:
            first -= 1
        if weight(first - start) + weight(last - newest + 1) >= weight(last - start + 1):
            return None
        return cls(first, newest, [known[bar] for bar in range(first, newest + 1)])


def weight(candles: int) -> int:
    """What so many candles of one symbol cost at the venue, in request weight."""
    pages, rest = divmod(candles, _PAGE)
    return pages * _STEPS[-1][1] + (next(cost for most, cost in _STEPS if rest <= most) if rest else 0)


def price_of(candle: Candle) -> tuple[float, float, float, float]:
    """What tells one market from another (volumes may be corrected a little afterwards)."""
    return (candle.open, candle.high, candle.low, candle.close)

"""The best trends of the whole universe: whom `trend_scan` offers when no rule fired.

Which symbols lead is decided by the candle before: by then every scanner has told its own, so an offer depends neither on who
scans a symbol nor on whose candle came first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.indicators.types import Floats

TOP = 10
_KEPT = 2
"""Candles that rankings are kept of: the one being decided about, and the one before it that says who leads."""

Ranking = Mapping[str, float]


def best(rankings: Sequence[Ranking], *, top: int = TOP) -> dict[str, float]:
    """The `top` symbols by trend quality over several rankings, the best first; equal ones by name."""
    merged = {symbol: quality for ranking in rankings for symbol, quality in ranking.items()}
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0]))[:top])


class Trends:
    """Trend qualities by candle: this scanner's own, and the best of the others."""

    def __init__(self) -> None:
        self._own: dict[int, dict[str, float]] = {}
        self._others: dict[int, list[Ranking]] = {}

    def note(self, bar: int, symbols: Sequence[str], quality: Floats) -> None:
        """Take the qualities of some symbols at a candle; a negative one is no trend."""
        row = self._own.setdefault(bar, {})
        row.update((symbol, value) for symbol, value in zip(symbols, quality.tolist(), strict=True) if value >= 0)
        for old in sorted(self._own)[:-_KEPT]:
            del self._own[old]

    def hear(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """What the scanners told, this one included: it may have been told before a restart."""
        self._others = {}
        for document in documents:
            for bar, ranking in document["bars"].items():
                self._others.setdefault(int(bar), []).append({str(s): float(q) for s, q in ranking.items()})

    def leaders(self, bar: int, symbols: Sequence[str], *, or_now: bool = False) -> NDArray[np.bool_]:
        """Who of `symbols` led when the candle before `bar` closed.

        `or_now`: when nothing at all is known about that candle (the very first scan), `bar` itself says who leads.
        """
        known = self._ranking(bar - 1)
        if not known and or_now:
            known = self._ranking(bar)
        return np.array([symbol in known for symbol in symbols], dtype=np.bool_)

    def _ranking(self, bar: int) -> dict[str, float]:
        """The leaders at a candle. Own numbers come last: they replace what was told about the same symbols."""
        return best([*self._others.get(bar, ()), self._own.get(bar, {})])

    def document(self) -> dict[str, Any]:
        """What the others must know: the own leaders of the kept candles."""
        return {"bars": {str(bar): best([row]) for bar, row in self._own.items()}}


def newest_bar(document: Mapping[str, Any]) -> int:
    """The last candle that a told document is about, -1 when it is empty."""
    return max((int(bar) for bar in document["bars"]), default=-1)

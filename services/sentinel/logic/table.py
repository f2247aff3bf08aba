"""The newest statistics of every symbol, and what is measured from them."""

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from services.sentinel.logic.curve import Floats
from services.sentinel.logic.profile import Profile

WINDOW_MS = 300_000
"""Over which a move counts as a jump."""
SPACING_MS = 15_000
STALE_MS = 3_600_000
"""A symbol without statistics for so long takes no part in the market."""
_RANGE_TO_SIGMA = 2 * math.sqrt(math.log(2))
"""Expected log range of a random walk in its standard deviations. Source: Parkinson 1980, the range as an estimate of variance."""


@dataclass(slots=True)
class Row:
    """One symbol. NaN = not heard of yet. `trail` holds (time, price) of the last minutes, at most one per spacing."""

    time_ms: int = 0
    last: float = math.nan
    high: float = math.nan
    low: float = math.nan
    change: float = math.nan
    quote_volume: float = math.nan
    funding: float = math.nan
    premium: float = math.nan
    trail: deque[tuple[int, float]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Day:
    """24 h statistics of one symbol as a frame tells them; `change_ratio` 0.01 is one percent."""

    time_ms: int
    last: float
    high: float
    low: float
    change_ratio: float
    quote_volume: float


@dataclass(frozen=True, slots=True)
class Measures:
    """One number per symbol, NaN where unknown.

    `log_range` ln(high / low) and `change` ln(last / open) of 24 h; `move` the largest signed log move of the last five
    minutes up to now, `move_sigma` the same in the symbol's own five-minute deviations; `surge` 24 h quote volume over its
    usual day; `funding` per interval; `premium` (mark - index) / index; `age_days` since the listing.
    """

    symbols: tuple[str, ...]
    log_range: Floats
    change: Floats
    move: Floats
    move_sigma: Floats
    surge: Floats
    funding: Floats
    premium: Floats
    age_days: Floats


class Table:
    """Takes frames in any order; older news about a symbol is ignored. The same frames give the same measures."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self.now_ms = 0

    def day(self, symbol: str, day: Day) -> None:
        """Take 24 h statistics; numbers that are not positive prices are left out."""
        row = self._rows.setdefault(symbol, Row())
        if day.time_ms < row.time_ms or min(day.last, day.high, day.low) <= 0 or day.change_ratio <= -1:
            return
        self.now_ms = max(self.now_ms, day.time_ms)
        row.time_ms, row.last, row.high, row.low = day.time_ms, day.last, day.high, day.low
        row.change, row.quote_volume = math.log1p(day.change_ratio), day.quote_volume
        self._follow(row)

    def mark(self, symbol: str, mark: float, index: float, funding_rate: float) -> None:
        """Take mark and index price and the predicted funding."""
        row = self._rows.setdefault(symbol, Row())
        row.funding = funding_rate
        row.premium = (mark - index) / index if index > 0 else math.nan

    @staticmethod
    def _follow(row: Row) -> None:
        """Remember the price for the coming minutes."""
        trail = row.trail
        if not trail or row.time_ms - trail[-1][0] >= SPACING_MS:
            trail.append((row.time_ms, row.last))
        while trail[0][0] < row.time_ms - WINDOW_MS:
            trail.popleft()

    @property
    def symbols(self) -> list[str]:
        """All that were heard of."""
        return list(self._rows)

    def measure(self, profile: Profile) -> Measures:
        """All symbols that are alive, sorted by name, against what is usual for them."""
        usual = profile.usual
        rows = sorted((s, r) for s, r in self._rows.items() if r.time_ms > self.now_ms - STALE_MS)
        symbols = tuple(symbol for symbol, _ in rows)
        log_range = _array([math.log(max(row.high, row.last) / min(row.low, row.last)) for _, row in rows])
        move = _array([_move(row) for _, row in rows])
        deviation = log_range / _RANGE_TO_SIGMA * math.sqrt(WINDOW_MS / 86_400_000)
        return Measures(
            symbols=symbols,
            log_range=log_range,
            change=_array([row.change for _, row in rows]),
            move=move,
            move_sigma=np.divide(move, deviation, out=np.zeros_like(move), where=deviation > 0),
            surge=_array([row.quote_volume / usual[symbol] if usual.get(symbol, 0) > 0 else math.nan for symbol, row in rows]),
            funding=_array([row.funding for _, row in rows]),
            premium=_array([row.premium for _, row in rows]),
            age_days=_array([profile.age_days(symbol, self.now_ms) for symbol in symbols]),
        )


def _array(values: list[float]) -> Floats:
    return np.array(values, dtype=np.float64)


def _move(row: Row) -> float:
    """The largest log move from any price of the last minutes to the present one."""
    prices = [price for _, price in row.trail]
    up, down = math.log(row.last / min(prices)), math.log(row.last / max(prices))
    return up if up >= -down else down

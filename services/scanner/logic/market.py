"""What is known about the markets besides candles: as it was when a candle closed."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from shared.indicators.types import Floats

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Book:
    """Best bid and ask."""

    bid: float
    ask: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Mark and index price, funding rate of the interval, and when it is paid (0 = not scheduled)."""

    mark: float
    index: float
    funding: float
    next_funding_ms: int


class Dated(NamedTuple, Generic[T]):
    """A value with the venue time at which it was true."""

    value: T
    time_ms: int


class Latest(Generic[T]):
    """The newest value of each symbol, and the last one of the candle before it.

    A decision about a candle uses what was known when it closed, whatever arrived since; so it does not depend on how fast
    messages travel. Time is cut where candles are (`length_ms`).
    """

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._now: dict[str, Dated[T]] = {}
        self._before: dict[str, Dated[T]] = {}

    def put(self, symbol: str, value: T, time_ms: int) -> None:
        """Take a value; one that is older than what is known is left out."""
        known = self._now.get(symbol)
        if known is not None:
            if time_ms < known.time_ms:
                return
            if time_ms // self._length_ms > known.time_ms // self._length_ms:
                self._before[symbol] = known
        self._now[symbol] = Dated(value, time_ms)

    def newest(self, symbol: str) -> Dated[T] | None:
        """The newest value."""
        return self._now.get(symbol)

    def at(self, symbol: str, close_ms: int, *, or_later: bool = False) -> Dated[T] | None:
        """The last value not after `close_ms`; `or_later` takes a later one when there was none before (first scan after a start)."""
        now, before = self._now.get(symbol), self._before.get(symbol)
        if now is not None and now.time_ms <= close_ms:
            return now
        if before is not None and before.time_ms <= close_ms:
            return before
        return now if or_later else None

    def forget(self, symbol: str) -> None:
        """Drop a symbol."""
        self._now.pop(symbol, None)
        self._before.pop(symbol, None)


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Facts about some symbols at one candle's close; one value per symbol, NaN = not known.

    `*_age_ms` are measured from the close (negative when the value is later). `volume_rank` 0-1, 1 = most traded.
    `peers_long` / `peers_short`: open positions of that side that move together with the symbol; `unseen_long` / `unseen_short`:
    those of which nobody here can say. `bars_since_loss`: candles since
    the symbol was closed at a loss, infinite when it was not.
    """

    bid: Floats
    ask: Floats
    book_age_ms: Floats
    mark: Floats
    index: Floats
    funding: Floats
    funding_interval_ms: Floats
    mark_age_ms: Floats
    quote_volume: Floats
    volume_rank: Floats
    peers_long: Floats
    peers_short: Floats
    unseen_long: Floats
    unseen_short: Floats
    bars_since_loss: Floats

    def pick(self, place: NDArray[np.intp]) -> "MarketSnapshot":
        """The facts of some of the symbols."""
        return MarketSnapshot(**{name: getattr(self, name)[place] for name in MarketSnapshot.__slots__})

    @property
    def spread(self) -> Floats:
        """(ask - bid) / mid; NaN when either is missing or not positive, or the book is crossed."""
        good = (self.bid > 0) & (self.ask >= self.bid)
        return np.where(good, (self.ask - self.bid) / np.where(good, (self.ask + self.bid) / 2.0, 1.0), np.nan)

    @property
    def gap(self) -> Floats:
        """(mark - index) / index."""
        return np.where(self.index > 0, (self.mark - self.index) / np.where(self.index > 0, self.index, 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class Reference:
    """Quote volumes of the universe on a day (UTC day number), sorted; in force from candle `from_bar` on."""

    day: int
    from_bar: int
    volumes: Floats


def volume_rank(quote_volume: Floats, reference: Floats) -> Floats:
    """Place of 24-hour quote volumes in the sorted volumes of the universe: 0 the least traded, 1 the most.

    A symbol's rank depends on its own volume and a fixed reference, so it is the same whoever computes it. NaN when unknown.
    """
    if not len(reference):
        return np.full(len(quote_volume), np.nan)
    below = np.searchsorted(reference, quote_volume, side="left") / max(len(reference) - 1, 1)
    return np.where(np.isnan(quote_volume), np.nan, np.minimum(below, 1.0))


def correlated_peers(own: Floats, others: Floats, *, at_least: float = 0.8) -> Floats:
    """How many of the `others` move with each symbol of `own`: [symbols, returns] and [positions, returns] of the same bars.

    Histories with a gap (see `unseen`) or without movement correlate with nothing.
    """
    if not len(others) or not len(own):
        return np.zeros(len(own))
    together = _standardised(own) @ _standardised(others).T >= at_least - 1e-12
    count: Floats = together.sum(axis=1, dtype=np.float64)
    return count


def unseen(others: Floats) -> int:
    """How many of the `others` have a gap in their returns."""
    return int((~np.isfinite(others)).any(axis=1).sum())


def _standardised(returns: Floats) -> Floats:
    """Rows with mean 0 and length 1; zero rows where that is not possible."""
    centred = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    good = np.isfinite(length) & (length > 0)
    return np.where(good, centred / np.where(good, length, 1.0), 0.0)

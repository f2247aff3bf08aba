"""Funding rates: recorded ones where there are any, else a constant."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_RATE = 0.0001
"""The interest part of the venue's formula: 0.01 % per 8 hours."""
DEFAULT_HOURS = 8
_DEFAULTS_MOST = 10_000
"""Fundings that are made up at most, about nine years of them."""
CLAMP = 0.0005
"""How far the formula lets the rate follow the interest part instead of the premium."""


def implied_premium(rate: float) -> float:
    """The premium (mark - index) / index that explains a funding rate where no index price was recorded.

    The venue's formula rate = P + clamp(I - P, +-0.05 %) solved for P. A rate equal to the interest part leaves P open; the
    interest part itself is taken. Source: the venue's description of funding rates.
    """
    if rate == DEFAULT_RATE:
        return DEFAULT_RATE
    return rate + CLAMP if rate > DEFAULT_RATE else rate - CLAMP


@dataclass(frozen=True, slots=True)
class FundingTrack:
    """Recorded fundings of one contract, oldest first. `hours` is the interval that the recording names."""

    times_ms: list[int]
    rates: list[float]
    marks: list[float | None]
    hours: int


@dataclass(slots=True)
class Fundings:
    """Fundings of all contracts. Contracts without a track pay `DEFAULT_RATE` at 00, 08 and 16 UTC."""

    clock: Any
    tracks: Mapping[str, FundingTrack] = field(default_factory=dict)

    def hours(self, symbol: str) -> int:
        """Hours between two fundings."""
        track = self.tracks.get(symbol)
        return track.hours if track is not None else DEFAULT_HOURS

    def current(self, symbol: str) -> tuple[float, int]:
        """(rate of the coming funding, its time)."""
        now = self.clock.time_ms
        track = self.tracks.get(symbol)
        if track is not None:
            place = bisect_right(track.times_ms, now)
            if place < len(track.times_ms):
                return track.rates[place], track.times_ms[place]
        length = self.hours(symbol) * 3_600_000
        return DEFAULT_RATE, (now // length + 1) * length

    def due(self, symbol: str, span_ms: tuple[int, int]) -> tuple[float, int] | None:
        """The (rate, time) of a funding with span[0] < time <= span[1]."""
        after, until = span_ms
        track = self.tracks.get(symbol)
        if track is not None:
            place = bisect_right(track.times_ms, after)
            if place < len(track.times_ms) and track.times_ms[place] <= until:
                return track.rates[place], track.times_ms[place]
            if track.times_ms and until <= track.times_ms[-1]:
                return None
        length = self.hours(symbol) * 3_600_000
        moment = until // length * length
        return (DEFAULT_RATE, moment) if moment > after else None

    def past(self, symbol: str | None, span: tuple[int | None, int | None], limit: int) -> list[dict[str, Any]]:
        """Rows of `fundingRate`, ascending; without a start the newest ones."""
        now = self.clock.time_ms
        start, end = span
        names = self.tracks if symbol is None else [symbol]
        rows = [row for name in names for row in self._rows(name, start, min(now, now if end is None else end), limit)]
        rows.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
        return rows[:limit] if start is not None else rows[-limit:]

    def _rows(self, symbol: str, start: int | None, end: int, limit: int) -> list[dict[str, Any]]:
        track = self.tracks.get(symbol)
        if track is None:
            length = DEFAULT_HOURS * 3_600_000
            newest = end // length * length
            oldest = newest - (limit - 1) * length if start is None else max(-(-start // length) * length, newest - _DEFAULTS_MOST * length)
            moments = range(oldest, newest + 1, length)[:limit]
            return [_row(symbol, moment, DEFAULT_RATE, None) for moment in moments]
        span = range(bisect_left(track.times_ms, start or 0), bisect_right(track.times_ms, end))
        return [_row(symbol, track.times_ms[n], track.rates[n], track.marks[n]) for n in span]


def _row(symbol: str, time_ms: int, rate: float, mark: float | None) -> dict[str, Any]:
    shown = "" if mark is None else f"{mark:.8f}"
    return {"symbol": symbol, "fundingTime": time_ms, "fundingRate": f"{rate:.8f}", "markPrice": shown, "rateType": "Regular"}

"""Candle intervals of the venue and the moments at which their candles open."""

from shared.domain.candle import INTERVALS, interval_ms

_WEEK_MS = 604_800_000
_MONDAY_MS = 4 * 86_400_000
"""The epoch was a Thursday; weekly candles open on Monday."""


def bucket(time_ms: int, length_ms: int) -> int:
    """Opening time of the candle of a length that contains a time."""
    offset = _MONDAY_MS if length_ms == _WEEK_MS else 0
    return (time_ms - offset) // length_ms * length_ms + offset


def served(base_ms: int) -> dict[str, int]:
    """The intervals that candles of `base_ms` can be added up to, shortest first."""
    return {name: interval_ms(name) for name in INTERVALS if interval_ms(name) % base_ms == 0}

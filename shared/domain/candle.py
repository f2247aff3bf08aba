"""Closed candles and their intervals."""

from dataclasses import dataclass

_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
"""Intervals that a Binance-compatible venue serves (the calendar month is left out: it has no fixed length)."""


def interval_ms(interval: str) -> int:
    """Length of a candle in milliseconds.

    Raises:
        ValueError: the interval is not one of `INTERVALS`.
    """
    if interval not in INTERVALS:
        raise ValueError(f"unknown interval {interval!r}: expected one of {', '.join(INTERVALS)}")
    return int(interval[:-1]) * _UNITS_MS[interval[-1]]


@dataclass(frozen=True, slots=True)
class Candle:
    """One closed candle. Prices in quote units, `volume` in base units, `quote_volume` in quote units."""

    symbol: str
    interval: str
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int

    @property
    def close_ms(self) -> int:
        """Last millisecond of the candle (open + interval - 1), as the venue gives it."""
        return self.open_ms + interval_ms(self.interval) - 1

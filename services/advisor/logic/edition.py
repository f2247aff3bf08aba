"""Which edition of the brain decides: a new one per hour of venue time, ready well before it is used.

Edition n holds every lesson that ended before hour n. It is made when the first candle after that hour's first one is heard, and
decides from three candles into the hour on. So no replica has to hurry, and a replay decides with the same brain each time.
"""

HOUR_MS = 3_600_000
SLACK_CANDLES = 3


def wanted(close_ms: int, interval_ms: int) -> int:
    """The edition that decides about a signal of a candle that closes at `close_ms` (its last millisecond)."""
    return max(0, close_ms + 1 - SLACK_CANDLES * interval_ms) // HOUR_MS


def due(before_ms: int, now_ms: int, interval_ms: int) -> int | None:
    """The edition that is due when candle time moves from one close to the next, None when none is.

    The newest one, if several hours passed at once.
    """
    first, last = (max(0, close_ms + 1 - interval_ms) // HOUR_MS for close_ms in (before_ms, now_ms))
    return last if last > first else None

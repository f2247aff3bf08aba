"""What is usual for a symbol: its daily volume over a month, and how long it has been listed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

DAY_MS = 86_400_000
DAYS = 30
LEAST_DAYS = 7
"""Fewer full days say nothing about what is usual."""
SHARED = 0.2
"""A listing day that so many symbols share is the beginning of the venue's records, not of the symbols."""
LEAST_SHARED = 3


@dataclass(slots=True)
class Profile:
    """By symbol: the quote volume of a usual day, and the time of its listing (venue milliseconds), where they are known."""

    usual: dict[str, float] = field(default_factory=dict)
    listed_ms: dict[str, int] = field(default_factory=dict)

    def age_days(self, symbol: str, now_ms: int) -> float:
        """Days since the listing; NaN when it is not known, or lies ahead."""
        listed_ms = self.listed_ms.get(symbol)
        return (now_ms - listed_ms) / DAY_MS if listed_ms is not None and listed_ms <= now_ms else float("nan")


def usual_volume(volumes: Sequence[float]) -> float | None:
    """The median of the last 30 full days, which one wild day does not move; None with fewer than seven."""
    known = [volume for volume in volumes[-DAYS:] if volume > 0]
    return median(known) if len(known) >= LEAST_DAYS else None


def listings(onboard_ms: Mapping[str, int]) -> dict[str, int]:
    """Times of listing that can be believed: known, and not of a day on which a fifth of all symbols began."""
    known = {symbol: time_ms for symbol, time_ms in onboard_ms.items() if time_ms > 0}
    days = Counter(time_ms // DAY_MS for time_ms in known.values())
    most = max(LEAST_SHARED, SHARED * len(known))
    return {symbol: time_ms for symbol, time_ms in known.items() if days[time_ms // DAY_MS] < most}


def due(known_day: int | None, now_ms: int) -> bool:
    """Whether a day has begun since the profile was read."""
    return now_ms > 0 and now_ms // DAY_MS != known_day


def by_name(symbols: Iterable[str]) -> list[str]:
    """Symbols in a fixed order, so that two replays ask alike."""
    return sorted(set(symbols))

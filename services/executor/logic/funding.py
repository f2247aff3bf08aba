"""Which funding payments belong to a position: those of the full hours at which it was open."""

from collections.abc import Iterable
from decimal import Decimal

from shared.domain.units import Usd

HOUR_MS = 3_600_000
_LATE_MS = 20_000
_EARLY_MS = 1_000


def crosses_funding(opened_ms: int, closed_ms: int) -> bool:
    """Whether a full hour lies between: venues fund at full hours only, every one, four or eight."""
    return opened_ms // HOUR_MS != closed_ms // HOUR_MS


def funding_of(bookings: Iterable[tuple[int, Usd]], opened_ms: int, closed_ms: int) -> Usd:
    """Sum of the bookings (time, amount) whose hour the position saw. A booking may come some seconds after its hour."""
    return Usd(sum((amount for time_ms, amount in bookings if opened_ms < hour_of(time_ms) <= closed_ms), Decimal(0)))


def hour_of(time_ms: int) -> int:
    """The full hour that a booking is for; its own time when it is near none."""
    hour = (time_ms + _EARLY_MS) // HOUR_MS * HOUR_MS
    return hour if time_ms - hour <= _LATE_MS else time_ms

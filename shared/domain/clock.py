"""Time is a parameter. Venue time (UTC epoch milliseconds) for facts, monotonic seconds for waiting."""

from typing import Protocol


class Clock(Protocol):
    """What services ask for the time."""

    def now_ms(self) -> int:
        """Venue time now, UTC epoch milliseconds. Never goes backwards."""
        ...

    def wall_ms(self) -> int:
        """This machine's time, UTC epoch milliseconds; for `produced_ms` and logs only."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start; for waiting and measuring only."""
        ...

    def horizon_ms(self, wall_ms: int) -> int:
        """How much venue time passes in `wall_ms` of ours: the same on a real venue, more on a fast replay."""
        ...


class ManualClock:
    """A clock that moves when told to (tests, replays)."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """The time set last."""
        return self._now_ms

    def wall_ms(self) -> int:
        """The same as venue time."""
        return self._now_ms

    def monotonic_s(self) -> float:
        """The same, in seconds."""
        return self._now_ms / 1000

    def horizon_ms(self, wall_ms: int) -> int:
        """One to one."""
        return wall_ms

    def set_ms(self, now_ms: int) -> None:
        """Move to a time; going backwards is refused."""
        if now_ms < self._now_ms:
            raise ValueError(f"time cannot go back from {self._now_ms} to {now_ms}")
        self._now_ms = now_ms

    def advance_ms(self, delta_ms: int) -> None:
        """Move forward by a number of milliseconds."""
        self.set_ms(self._now_ms + delta_ms)

"""This machine's clock, for services that do not talk to a venue."""

import time


class SystemClock:
    """Wall-clock time in the place of venue time."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def wall_ms(self) -> int:
        """The same."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

    def horizon_ms(self, wall_ms: int) -> int:
        """One to one."""
        return wall_ms

"""This machine's clocks: the only place of the venue that reads them."""

import time
from typing import Protocol


class Wall(Protocol):
    """Time of day and a clock for waiting."""

    def wall_ms(self) -> int:
        """UTC epoch milliseconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start."""
        ...


class SystemWall:
    """The machine's own clocks."""

    def wall_ms(self) -> int:
        """UTC epoch milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

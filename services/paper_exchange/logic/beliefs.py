"""What a client may take the venue's time to be.

A client that has set its clock by the venue's time lets it run on, at our rate (most clients) or at the speed that every answer
names. On a recorded market the first falls behind while the market runs faster than we do, the second gets ahead whenever the
machine cannot keep up or the market is paused. Neither is wrong: a time that a clock set within the last hour could show is
good. On a market that runs at our rate and keeps up, both bounds are the venue's own time.
"""

from collections import deque

HOUR_S = 3600.0
"""Clients set their clocks at least this often."""
_EVERY_S = 5.0


class Beliefs:
    """Remembers when the venue showed which time, for an hour."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._speed = 0.0
        self._slow = self._fast = 0.0

    def note(self, now_s: float, venue_ms: int, speed: float) -> None:
        """The venue's time is `venue_ms` now and is said to run at `speed`; a new speed begins anew."""
        if speed != self._speed:
            self._seen.clear()
            self._speed = speed
        if self._seen and 0 <= now_s - self._seen[-1][0] < _EVERY_S:
            return
        self._seen.append((now_s, venue_ms))
        while self._seen[0][0] < now_s - HOUR_S:
            self._seen.popleft()
        self._slow = min(then_ms - then_s * 1000 for then_s, then_ms in self._seen)
        self._fast = max(then_ms - then_s * 1000 * self._rate for then_s, then_ms in self._seen)

    @property
    def _rate(self) -> float:
        """The announced speed; in lock-step and at full speed there is none to go by, and clocks run as ours do."""
        return max(1.0, self._speed) if self._speed < float("inf") else 1.0

    def bounds(self, now_s: float, venue_ms: int) -> tuple[int, int]:
        """(least, greatest) time that a client may believe now; the venue's own lies between."""
        if not self._seen:
            return venue_ms, venue_ms
        slow, fast = self._slow + now_s * 1000, self._fast + now_s * 1000 * self._rate
        return min(venue_ms, int(slow)), max(venue_ms, int(fast))

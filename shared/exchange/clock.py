"""Venue time, kept from the venue's own answers and events."""

import math
import time
from collections.abc import Callable

from shared.domain.errors import ContractViolation

SPEED_HEADER = "X-MRASTER-SPEED"
"""Response header of a replaying venue: how many seconds of its time pass in one of ours; 0 = lock-step, inf = unlimited."""
_MOST_STRETCH = 1e6


class VenueClock:
    """The venue's clock as far as we know it.

    now = synced + rate * monotonic time since the sync, never less than what was told before. On a real venue the rate
    is 1. In a replay it is the speed; in lock-step (0) and at unlimited speed only synchronisations and observations tell it.
    Not thread-safe: one event loop, one clock.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._monotonic = monotonic
        self._wall_ns = wall_ns
        self._rate = 1.0
        self._stretch = 1.0
        self._replay = False
        self._base_ms = wall_ns() / 1e6
        self._base_s = monotonic()
        self._told_ms = 0
        self._synced = False

    @property
    def rate(self) -> float:
        """Seconds of venue time per second of ours."""
        return self._rate

    @property
    def synced(self) -> bool:
        """Whether the venue's time has been read at least once."""
        return self._synced

    @property
    def offset_ms(self) -> int | None:
        """Venue time minus this machine's, worth an alert beyond a second; None before the first sync and in a replay."""
        if self._replay or not self._synced:
            return None
        return round(self._estimate() - self._wall_ns() / 1e6)

    def now_ms(self) -> int:
        """Venue time now; never goes backwards."""
        self._told_ms = max(self._told_ms, int(self._estimate()))
        return self._told_ms

    def wall_ms(self) -> int:
        """This machine's time."""
        return self._wall_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Monotonic seconds."""
        return self._monotonic()

    def horizon_ms(self, wall_ms: int) -> int:
        """Venue time that passes in `wall_ms` of ours; at least `wall_ms`, so that lock-step does not make everything stale."""
        return int(wall_ms * self._stretch)

    def limits_ms(self) -> int:
        """The time by which the venue counts requests: its own, but in a replay the wall's, since limits protect machines."""
        return self.wall_ms() if self._replay else int(self._estimate())

    def request_ms(self, recv_window_ms: int) -> int:
        """Timestamp for a signed request: the best estimate, which unlike `now_ms` may step back after a correction.

        In a fast replay ten milliseconds of our uncertainty are seconds of venue time, and a timestamp ahead of the venue
        is refused while one behind it is accepted within `recv_window_ms`; so it is set back by up to half the window.
        """
        slack_ms = min(recv_window_ms / 2, max(0.0, self._rate - 1) * 10)
        return int(self._estimate() - slack_ms)

    def sync(self, server_ms: int, sent_s: float, received_s: float, speed: str | None = None) -> None:
        """Take the answer to GET time, with the monotonic seconds around the request and the speed header's text.

        The estimate is corrected both ways; `now_ms` then waits until the estimate has caught up.
        """
        self._take_speed(1.0 if speed is None else _speed(speed))
        self._replay = speed is not None
        self._base_ms = float(server_ms)
        self._base_s = (sent_s + received_s) / 2
        self._synced = True

    def hear_speed(self, speed: str) -> None:
        """Take the speed header of any other answer: a replay may change its speed or stand still."""
        self._base_ms, self._base_s = self._estimate(), self._monotonic()
        self._take_speed(_speed(speed))
        self._replay = True

    def observe(self, event_ms: int) -> None:
        """Take the venue time of a stream event: time is at least that."""
        if event_ms > self._estimate():
            self._base_ms = float(event_ms)
            self._base_s = self._monotonic()

    def _take_speed(self, speed: float) -> None:
        """From now on time passes this fast."""
        self._rate = speed if math.isfinite(speed) else 0.0
        self._stretch = min(max(1.0, speed), _MOST_STRETCH)

    def _estimate(self) -> float:
        """The best estimate of venue time."""
        return self._base_ms + self._rate * (self._monotonic() - self._base_s) * 1000


def _speed(text: str) -> float:
    """The speed header as a number."""
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not speed >= 0:
        raise ContractViolation(f"{SPEED_HEADER}: expected a number from 0 up or inf, got {text!r}")
    return speed

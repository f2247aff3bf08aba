"""The venue's limits, kept on our side: waiting instead of being refused.

Weight counts per address in UTC minutes, orders per account in windows of 10 s and of a minute. Other processes share both,
so the venue's own count in each answer is a floor under ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.errors import RateLimited
from shared.exchange.call import Call, Priority
from shared.exchange.clock import VenueClock
from shared.exchange.venues.shape import Limits

BUDGET_SHARE = 0.9
"""Share of a limit that we use at most."""
RESERVE_SHARE = 0.1
"""Share of a limit that only protective requests may use."""
_MINUTE_MS = 60_000
_MARGIN_MS = 50
"""Waited beyond the end of a window, for the difference between our clock and the venue's."""


@dataclass(slots=True)
class Window:
    """A counter that starts anew with each aligned stretch of venue time."""

    length_ms: int
    limit: int
    header: str
    used: int = 0
    index: int = -1

    def roll(self, now_ms: int) -> None:
        """Start anew when a new stretch has begun."""
        index = now_ms // self.length_ms
        if index != self.index:
            self.index, self.used = index, 0

    def allowed(self, priority: Priority) -> int:
        """How much a request of this priority may bring the counter to."""
        share = BUDGET_SHARE if priority is Priority.PROTECT else BUDGET_SHARE - RESERVE_SHARE
        return int(self.limit * share)

    def wait_ms(self, now_ms: int, cost: int, priority: Priority) -> int:
        """Milliseconds until `cost` fits; 0 when it fits now. More than a whole window's allowance fits an empty window."""
        self.roll(now_ms)
        if cost == 0 or self.used == 0 or self.used + cost <= self.allowed(priority):
            return 0
        return (self.index + 1) * self.length_ms - now_ms + _MARGIN_MS


class RateLimiter:
    """Counts what we send and says how long to wait.

    Synchronous: the caller sleeps, then asks again, so that nothing is counted for a request that is given up.
    """

    def __init__(self, clock: VenueClock, limits: Limits) -> None:
        self._clock = clock
        self._weight = Window(_MINUTE_MS, limits.weight_per_minute, "X-MBX-USED-WEIGHT-1M")
        self._orders = _order_windows(limits)
        self._blocked_until_ms = 0
        self._block_reason = ""

    @property
    def used_weight(self) -> int:
        """Weight used in the current minute, ours or the venue's count, whichever is larger."""
        self._weight.roll(self._clock.limits_ms())
        return self._weight.used

    def configure(self, limits: Limits) -> None:
        """Take the limits that the venue announces; counters go on."""
        self._weight.limit = limits.weight_per_minute
        windows = {window.header: window for window in self._orders}
        self._orders = _order_windows(limits)
        for window in self._orders:
            if old := windows.get(window.header):
                window.used, window.index = old.used, old.index

    def reserve(self, call: Call) -> float:
        """Count the request and return 0.0, or return the seconds after which to ask again, counting nothing."""
        now_ms = self._clock.limits_ms()
        wait_ms = max(0, self._blocked_until_ms - now_ms)
        wait_ms = max(wait_ms, self._weight.wait_ms(now_ms, call.weight, call.priority))
        for window in self._orders:
            wait_ms = max(wait_ms, window.wait_ms(now_ms, call.orders, call.priority))
        if wait_ms:
            return wait_ms / 1000
        self._weight.used += call.weight
        for window in self._orders:
            window.used += call.orders
        return 0.0

    def learn(self, headers: Mapping[str, str]) -> None:
        """Raise our counts to the venue's; missing and unreadable headers say nothing."""
        now_ms = self._clock.limits_ms()
        for window in (self._weight, *self._orders):
            text = headers.get(window.header)
            if text is not None and text.isdigit():
                window.roll(now_ms)
                window.used = max(window.used, int(text))

    def block(self, wait_s: float, reason: str) -> None:
        """The venue said stop: nobody asks for `wait_s` seconds; without a number, until the next minute."""
        now_ms = self._clock.limits_ms()
        wait_ms = int(wait_s * 1000) if wait_s > 0 else _MINUTE_MS - now_ms % _MINUTE_MS + _MARGIN_MS
        self._blocked_until_ms = max(self._blocked_until_ms, now_ms + wait_ms)
        self._block_reason = reason

    def block_orders(self) -> None:
        """The venue counts more orders than we do: treat its shortest window as full."""
        now_ms = self._clock.limits_ms()
        for window in self._orders:
            window.roll(now_ms)
        shortest = min(self._orders, key=lambda window: window.length_ms)
        shortest.used = max(shortest.used, shortest.limit)

    def refusal(self, call: Call, wait_s: float) -> RateLimited:
        """The error for a request that will not wait."""
        blocked = self._blocked_until_ms > self._clock.limits_ms()
        reason = f"the venue asked us to stop ({self._block_reason})" if blocked else "our share of the venue's limit is used up"
        return RateLimited(f"{call.label}: {reason}; free again in {wait_s:.1f} s", retry_after_s=wait_s)


def _order_windows(limits: Limits) -> list[Window]:
    """The order counters of a venue."""
    windows = [Window(_MINUTE_MS, limits.orders_per_minute, "X-MBX-ORDER-COUNT-1M")]
    if limits.orders_per_10s is not None:
        windows.append(Window(10_000, limits.orders_per_10s, "X-MBX-ORDER-COUNT-10S"))
    return windows

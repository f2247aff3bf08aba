"""How often somebody may try a password: failures per address and of all addresses in a sliding window."""

from collections import deque

WINDOW_MS = 300_000
PER_ADDRESS = 5
ALL_ADDRESSES = 50


class Attempts:
    """Counts failures; a success clears the address."""

    def __init__(self, *, per_address: int = PER_ADDRESS, all_addresses: int = ALL_ADDRESSES, window_ms: int = WINDOW_MS) -> None:
        self._per_address = per_address
        self._all_addresses = all_addresses
        self._window_ms = window_ms
        self._failures: deque[tuple[int, str]] = deque()

    def wait_ms(self, address: str, now_ms: int) -> int:
        """How long this address must wait before the next try; 0 = it may try."""
        self._forget(now_ms)
        mine = [ms for ms, who in self._failures if who == address]
        waits = [0]
        if len(mine) >= self._per_address:
            waits.append(mine[-self._per_address] + self._window_ms - now_ms)
        if len(self._failures) >= self._all_addresses:
            waits.append(self._failures[-self._all_addresses][0] + self._window_ms - now_ms)
        return max(waits)

    def failed(self, address: str, now_ms: int) -> None:
        """A wrong password."""
        self._failures.append((now_ms, address))

    def succeeded(self, address: str) -> None:
        """The right one."""
        self._failures = deque((ms, who) for ms, who in self._failures if who != address)

    def _forget(self, now_ms: int) -> None:
        while self._failures and now_ms - self._failures[0][0] >= self._window_ms:
            self._failures.popleft()

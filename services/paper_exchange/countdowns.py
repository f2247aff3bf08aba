"""countdownCancelAll: timers that cancel a symbol's open orders unless they are renewed, by this machine's clock."""

from services.paper_exchange.wall import Wall


class Countdowns:
    """Deadlines per account and symbol."""

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._due: dict[tuple[str, str], float] = {}

    def set(self, account: str, symbol: str, wait_ms: int) -> None:
        """Start, renew or (0) stop a timer."""
        if wait_ms:
            self._due[(account, symbol)] = self._wall.monotonic_s() + wait_ms / 1000
        else:
            self._due.pop((account, symbol), None)

    def take_due(self) -> list[tuple[str, str]]:
        """(account, symbol) whose time has come."""
        now = self._wall.monotonic_s()
        due = sorted(key for key, at in self._due.items() if at <= now)
        for key in due:
            del self._due[key]
        return due

"""How long to wait before a process that ended is started again."""

FIRST_S = 0.5
LIMIT_S = 30.0
HEALTHY_S = 60.0


class Backoff:
    """0.5 s, doubling up to 30 s; a process that lived for a minute starts over."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, lived_s: float) -> float:
        """The wait in seconds after a life of `lived_s` seconds."""
        if lived_s >= HEALTHY_S:
            self._failures = 0
        wait = min(FIRST_S * 2.0**self._failures, LIMIT_S)
        self._failures = min(self._failures + 1, 16)
        return wait

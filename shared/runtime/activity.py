"""How busy a process is: what lock-step replays wait for, and what `/healthz` shows."""

from collections.abc import Iterator
from contextlib import contextmanager


class Activity:
    """`busy` = work in hand at this moment; `done` = how much was ever finished. Equal twice with busy 0 means quiet."""

    def __init__(self) -> None:
        self.busy = 0
        self.done = 0
        self._counters: dict[str, int] = {}

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around a piece of work."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self.done += 1

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a named counter, for example `frames`."""
        self._counters[name] = self._counters.get(name, 0) + amount

    def snapshot(self) -> dict[str, int]:
        """All numbers."""
        return {"busy": self.busy, "done": self.done, **self._counters}

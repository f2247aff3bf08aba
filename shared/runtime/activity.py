"""How busy a process is: what lock-step replays wait for, and what `/healthz` shows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Activity:
    """`busy` = work in hand at this moment; `done` = how much was ever finished. Equal twice with busy 0 means quiet."""

    def __init__(self) -> None:
        self.busy = 0
        self.done = 0
        self._counters: dict[str, int] = {}
        self._gauges: list[tuple[str, Callable[[], int]]] = []

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

    def track(self, name: str, read: Callable[[], int]) -> None:
        """A number that somebody else keeps, read when asked; several of one name are added up."""
        self._gauges.append((name, read))

    def snapshot(self) -> dict[str, int]:
        """All numbers."""
        numbers = {"busy": self.busy, "done": self.done, **self._counters}
        for name, read in self._gauges:
            numbers[name] = numbers.get(name, 0) + read()
        return numbers

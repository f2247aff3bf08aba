"""What the bus tells whoever counts; the runtime turns it into metrics."""

from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """How one delivery of one message ended."""

    DONE = "done"
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"
    GIVEN_BACK = "given_back"
    FATAL = "fatal"


class Observer(Protocol):
    """Hooks for metrics; `topic` is the topic's name. They must not fail or wait."""

    def handled(self, topic: str, outcome: str, seconds: float) -> None:
        """A handler ran and its message got a verdict (one of `Outcome`)."""
        ...

    def redelivered(self, topic: str) -> None:
        """A message came again."""
        ...

    def dead_lettered(self, topic: str) -> None:
        """A message was given up."""
        ...


class Unobserved:
    """Counts nothing."""

    def handled(self, topic: str, outcome: str, seconds: float) -> None:
        """Ignored."""

    def redelivered(self, topic: str) -> None:
        """Ignored."""

    def dead_lettered(self, topic: str) -> None:
        """Ignored."""

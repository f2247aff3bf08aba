"""The seam between the one consumer engine and the two brokers (NATS, memory)."""

from collections.abc import Callable
from typing import Protocol

from shared.bus.port import Consumption


class Delivery(Protocol):
    """One delivery of one message. Verdicts raise `BusUnavailable` when they could not be sent (or confirmed)."""

    @property
    def subject(self) -> str:
        """Where it was published."""
        ...

    @property
    def data(self) -> bytes:
        """The message as it is on the wire."""
        ...

    @property
    def message_id(self) -> str:
        """`Nats-Msg-Id`, or empty."""
        ...

    @property
    def stream(self) -> str:
        """The stream that stores it."""
        ...

    @property
    def sequence(self) -> int:
        """Its number in that stream."""
        ...

    @property
    def attempt(self) -> int:
        """1 = delivered for the first time."""
        ...

    async def ack(self, *, confirm: bool) -> None:
        """Done. `confirm` waits until the server has taken it."""
        ...

    async def nak(self, delay_s: float) -> None:
        """Give it back, to come again after the delay."""
        ...

    async def term(self) -> None:
        """Never again."""
        ...

    async def keep(self) -> None:
        """Still at work: the time to the next delivery starts again."""
        ...


class Window:
    """How many messages of one consumer may be in hand.

    It starts at the number of lanes, grows by one with each message that did not wait for its lane, and is halved when one did
    wait. So fast handlers get batches, slow ones leave the rest to other replicas; and after a crash the messages are tried
    a few at a time, so that a message which kills the process does not use up the attempts of its neighbours. It is widened
    when all that is in hand belongs to busy symbols while a lane has nothing to do.
    """

    def __init__(self, start: int, limit: int, *, patience_s: float = 0.5) -> None:
        self._floor = min(start, limit)
        self._limit = limit
        self._most = limit * 8
        self._patience_s = patience_s
        self.size = self._floor
        self.held = 0

    @property
    def room(self) -> int:
        """How many more may come now."""
        return self.size - self.held

    def took(self) -> None:
        """One came."""
        self.held += 1

    def released(self, waited_s: float | None = None) -> None:
        """One is settled; it waited so long for its lane (None: do not learn from it)."""
        self.held -= 1
        if waited_s is None:
            return
        if waited_s > self._patience_s:
            self.size = max(self._floor, self.size // 2)
        elif self.size < self._limit:
            self.size += 1

    def widen(self) -> bool:
        """Half as much again, if there is no room; False when there is room or the utmost is reached."""
        if self.room > 0 or self.size >= self._most:
            return False
        self.size = min(self._most, self.held + max(1, self.held // 2))
        return True


class Source(Protocol):
    """The messages of one consumption. `open` makes sure that the durable exists and starts delivering to the sink."""

    async def open(self) -> None:
        """Create or update the durable and begin.

        Raises:
            BusUnavailable: the server did not answer.
            ConfigError: the server refuses this consumer.
        """
        ...

    def release(self, waited_s: float | None) -> None:
        """A message is settled: there is room for another."""
        ...

    def widen(self) -> None:
        """A lane has nothing to do: if what is in hand fills the window, ask for one more."""
        ...

    async def close(self) -> None:
        """No delivery reaches the sink after this returns; those on their way arrive before."""
        ...

    async def waiting(self) -> int:
        """Messages not settled yet, delivered or not."""
        ...


Sink = Callable[[Delivery], None]
OpenSource = Callable[[Consumption, Sink, Window], Source]

"""What services ask of the bus. `NatsBus` is the real one, `MemoryBus` its twin; one test suite runs on both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.topic import StreamSpec, Topic
from shared.domain.errors import BusLost

Handler = Callable[[Any, Meta], Awaitable[Iterable[Outgoing]]]
"""`(payload, meta) -> messages to publish`; they are published before the input is acknowledged."""


@dataclass(frozen=True, slots=True)
class Ack:
    """The stream's confirmation: where the message is stored, or that it was already there."""

    stream: str
    sequence: int
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """One durable consumer of one topic.

    A failed attempt is given back with the delay of its number; after `attempts` the message becomes a dead letter.
    `ack_wait_s` is how soon a crashed process's messages come back; long work is kept alive.
    `effectful` asks the server to confirm each acknowledgement.
    """

    durable: str
    topic: Topic
    handler: Handler
    ack_wait_s: float = 15.0
    attempts: int = 5
    delays_s: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    effectful: bool = False
    start: Literal["all", "new", "last_per_subject"] = "all"

    def horizon_s(self) -> float:
        """The longest time over which one message may be retried: the stream's dedupe window must exceed it."""
        return sum(self.delay_s(n) for n in range(1, self.attempts)) + self.attempts * self.ack_wait_s

    def delay_s(self, attempt: int) -> float:
        """The wait after a failed attempt (1 = the first)."""
        return self.delays_s[min(attempt, len(self.delays_s)) - 1] if self.delays_s else 0.0


class Bus(Protocol):
    """The bus as a service sees it."""

    @property
    def connected(self) -> bool:
        """Whether the connection is up at this moment."""
        ...

    @property
    def lost(self) -> "asyncio.Future[BusLost]":
        """Done when the connection is closed for good without our wish; its result is the error to raise."""
        ...

    async def ping(self, timeout_s: float = 1.0) -> None:
        """A round trip to the server.

        Raises:
            BusUnavailable: no answer in time.
        """
        ...

    async def provision(self, streams: Sequence[StreamSpec]) -> None:
        """Create or update streams exactly as specified."""
        ...

    async def publish(self, outgoing: Outgoing) -> Ack:
        """Store one message and wait for the confirmation. A core topic (no stream) is refused.

        Raises:
            BusUnavailable: not confirmed in time; it may have been stored, and repeating is safe (same id).
            ContractViolation: a subject token that is not allowed.
        """
        ...

    async def publish_all(self, outgoings: Iterable[Outgoing]) -> list[Ack]:
        """Store several, in order, without waiting between them."""
        ...

    def send(self, outgoing: Outgoing) -> bool:
        """Core message (logs, heartbeats): never waits; False when it was dropped."""
        ...

    async def consume(self, consumptions: Sequence[Consumption], *, lanes: int) -> None:
        """Handle messages until `drain` is called.

        Messages with the same symbol (last subject token) are handled one after another over all consumptions; different ones
        run at the same time in up to `lanes` lanes. A topic without a symbol (control, alerts) counts as one symbol of its own.
        With one lane everything is handled in arrival order. A drain before this has begun is not remembered.

        Raises:
            BusLost: the connection is closed for good.
        """
        ...

    async def drain(self, grace_s: float) -> None:
        """Stop fetching, let running handlers finish within the grace, give the rest back, so that `consume` returns."""
        ...

    def tail(
        self, patterns: Sequence[str], *, since: Literal["new", "all", "last_per_subject"] | int = "new"
    ) -> AsyncIterator[tuple[Payload, Meta]]:
        """Messages as they come, without a durable consumer (dashboards). `since` as an int is a publish time in epoch ms.

        Core patterns (logs, heartbeats) and stream patterns may be mixed. Survives broker restarts without gaps on streams.
        Messages that do not fit a contract are counted and left out.
        """
        ...

    async def lag(self) -> int:
        """Messages that wait for this process's durable consumers."""
        ...

    async def close(self) -> None:
        """Flush and close."""
        ...

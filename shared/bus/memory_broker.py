"""A broker in memory that behaves like JetStream where it matters: storing, de-duplication, redelivery, durables.

Several `MemoryBus` objects meet on one `MemoryBroker`. Nothing expires by age or size: it lives as long as a test.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.bus.delivery import Window
from shared.bus.port import Ack, Consumption
from shared.bus.subjects import matches
from shared.contracts.topic import StreamSpec
from shared.domain.errors import BusUnavailable, ConfigError, ContractViolation

MAX_PAYLOAD = 2**20  # nats-server's default
Start = Literal["all", "new", "last_per_subject"] | int


@dataclass(frozen=True, slots=True)
class Stored:
    """A message in a stream."""

    stream: str
    sequence: int
    subject: str
    data: bytes
    message_id: str
    stored_ms: int


@dataclass(slots=True)
class MemoryStream:
    """A stream: its messages in order (number 1 first), and when each id was seen."""

    spec: StreamSpec
    log: list[Stored] = field(default_factory=list)
    seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def store(self, subject: str, data: bytes, message_id: str, now: tuple[int, float]) -> Ack:
        """Append, unless the id was stored within the window. `now` is (epoch ms, monotonic s)."""
        wall_ms, now_s = now
        before = self.seen.get(message_id) if message_id else None
        if before is not None and now_s - before[1] < self.spec.dedupe_s:
            return Ack(self.spec.name, before[0], duplicate=True)
        sequence = len(self.log) + 1
        self.log.append(Stored(self.spec.name, sequence, subject, data, message_id, wall_ms))
        if message_id:
            self.seen[message_id] = (sequence, now_s)
        return Ack(self.spec.name, sequence, duplicate=False)


@dataclass(slots=True, eq=False)
class Subscriber:
    """A process that pulls from a durable."""

    window: Window
    deliver: Callable[["Durable", Stored, int], None]
    gone: Callable[[], None]
    alive: Callable[[], bool]


@dataclass(slots=True)
class Pending:
    """Delivered, no verdict yet, or waiting to come again."""

    attempt: int
    turn: int
    timer: asyncio.TimerHandle | None = None


class Durable:
    """A durable pull consumer: where it is, what is pending, what comes again and when."""

    def __init__(self, stream: MemoryStream, consumption: Consumption, start: Start) -> None:
        self.stream = stream
        self.consumption = consumption
        self.subscribers: list[Subscriber] = []
        self._only: set[int] | None = None
        self._cursor = self._first(start)
        self._pending: dict[int, Pending] = {}
        self._again: list[int] = []
        self._turns = itertools.count()
        self._scheduled = False

    def _first(self, start: Start) -> int:
        """The index in the log of the first message that may be delivered."""
        if isinstance(start, int):
            return start - 1
        if start == "last_per_subject":
            self._only = set({stored.subject: stored.sequence for stored in self.stream.log}.values())
        return len(self.stream.log) if start == "new" else 0

    def waiting(self) -> int:
        """Not delivered, or delivered and not settled."""
        log = self.stream.log
        return len(self._pending) + sum(self._wanted(log[i]) for i in range(self._cursor, len(log)))

    def schedule(self) -> None:
        """Deliver soon what can be delivered."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def settle(self, sequence: int) -> None:
        """Acknowledged or ended."""
        pending = self._pending.pop(sequence, None)
        if pending is not None and pending.timer is not None:
            pending.timer.cancel()

    def nak(self, sequence: int, delay_s: float) -> None:
        """Given back, to come again after a delay."""
        self._come_again(sequence, delay_s)

    def keep(self, sequence: int) -> None:
        """Its time starts again."""
        self._come_again(sequence, self.consumption.ack_wait_s)

    def _come_again(self, sequence: int, delay_s: float) -> None:
        pending = self._pending.get(sequence)
        if pending is None or sequence in self._again:
            return
        if pending.timer is not None:
            pending.timer.cancel()
        pending.timer = asyncio.get_running_loop().call_later(delay_s, self._due, sequence)

    def _due(self, sequence: int) -> None:
        if sequence in self._pending and sequence not in self._again:
            heapq.heappush(self._again, sequence)
            self.schedule()

    def _wanted(self, stored: Stored) -> bool:
        if self._only is not None and stored.sequence <= max(self._only, default=0) and stored.sequence not in self._only:
            return False
        return matches(self.consumption.topic.pattern, stored.subject)

    def _next(self) -> Stored | None:
        log = self.stream.log
        while self._again:
            sequence = heapq.heappop(self._again)
            if sequence in self._pending:
                return log[sequence - 1]
        while self._cursor < len(log):
            stored = log[self._cursor]
            self._cursor += 1
            if self._wanted(stored):
                return stored
        return None

    def _dispatch(self) -> None:
        self._scheduled = False
        while True:
            ready = [s for s in self.subscribers if s.window.room > 0 and s.alive()]
            stored = self._next() if ready else None
            if stored is None:
                return
            self._deliver(ready[next(self._turns) % len(ready)], stored)

    def _deliver(self, subscriber: Subscriber, stored: Stored) -> None:
        pending = self._pending.setdefault(stored.sequence, Pending(0, 0))
        pending.attempt += 1
        if pending.timer is not None:
            pending.timer.cancel()
        loop = asyncio.get_running_loop()
        pending.timer = loop.call_later(self.consumption.ack_wait_s, self._due, stored.sequence)
        subscriber.window.took()
        subscriber.deliver(self, stored, pending.attempt)

    def close(self) -> None:
        """Forget everything; whoever pulls is told."""
        for pending in self._pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
        self._pending.clear()
        for subscriber in list(self.subscribers):
            subscriber.gone()


class MemoryBroker:
    """What all buses of one test share. `stop` and `start` are an outage; `revoke` closes all connections for good."""

    def __init__(self) -> None:
        self.up = True
        self.streams: dict[str, MemoryStream] = {}
        self.durables: dict[tuple[str, str], Durable] = {}
        self.listeners: set[Callable[[Stored], None]] = set()  # followers of streams
        self.core_listeners: set[Callable[[str, bytes], None]] = set()
        self.members: set[Any] = set()  # connected buses

    def provision(self, spec: StreamSpec) -> None:
        """Create or update a stream."""
        taken = [s.spec.name for s in self.streams.values() if s.spec.name != spec.name and set(s.spec.subjects) & set(spec.subjects)]
        if taken:
            raise ConfigError(f"provisioning stream {spec.name}: its subjects belong to {taken[0]}")
        if spec.name in self.streams:
            self.streams[spec.name].spec = spec
        else:
            self.streams[spec.name] = MemoryStream(spec)

    def store(self, stream: str, subject: str, data: bytes, message_id: str, wall_ms: int) -> Ack:
        """Publish into a stream.

        Raises:
            BusUnavailable: an outage, or no such stream.
            ContractViolation: larger than the server takes.
        """
        if not self.up:
            raise BusUnavailable(f"publishing {message_id}: not connected to the broker at the moment")
        if len(data) > MAX_PAYLOAD:
            raise ContractViolation(f"publishing {message_id}: the message is larger than {MAX_PAYLOAD} bytes")
        target = self.streams.get(stream)
        if target is None or not any(matches(pattern, subject) for pattern in target.spec.subjects):
            raise BusUnavailable(f"publishing {message_id}: stream {stream} does not exist or does not take {subject}")
        ack = target.store(subject, data, message_id, (wall_ms, asyncio.get_running_loop().time()))
        if not ack.duplicate:
            for listener in list(self.listeners):
                listener(target.log[ack.sequence - 1])
            self.wake()
        return ack

    def send(self, subject: str, data: bytes) -> None:
        """Core message to whoever listens now."""
        for listener in list(self.core_listeners):
            listener(subject, data)

    def durable(self, consumption: Consumption, start: Start) -> Durable:
        """Create a durable, or update it (where it starts stays)."""
        spec = consumption.topic.stream
        if not self.up:
            raise BusUnavailable(f"consumer {consumption.durable}: not connected to the broker at the moment")
        if spec is None or spec.name not in self.streams:
            raise ConfigError(f"consumer {consumption.durable}: {consumption.topic.name} has no stream that exists; provision it before")
        key = (spec.name, consumption.durable)
        if key not in self.durables:
            self.durables[key] = Durable(self.streams[spec.name], consumption, start)
        self.durables[key].consumption = consumption
        return self.durables[key]

    def delete_durable(self, stream: str, durable: str) -> None:
        """As an operator would."""
        self.durables.pop((stream, durable)).close()

    def wake(self) -> None:
        """Deliver what can be delivered."""
        if self.up:
            for durable in self.durables.values():
                durable.schedule()

    def stop(self) -> None:
        """An outage begins: nothing is taken, nothing is delivered."""
        self.up = False
        for member in list(self.members):
            member.disconnected()

    def start(self) -> None:
        """The outage ends."""
        self.up = True
        self.wake()

    def revoke(self) -> None:
        """Every connection is closed for good."""
        for member in list(self.members):
            member.lose("access was revoked")

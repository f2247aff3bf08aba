"""The bus in memory: the same engine on a broker without a network. Tests and one-process runs use it; it passes the same suite."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Literal

from shared.bus.attempt import Handling
from shared.bus.consumer import Consumer
from shared.bus.delivery import Sink, Window
from shared.bus.memory_broker import Durable, MemoryBroker, Start, Stored, Subscriber
from shared.bus.memory_tail import follow
from shared.bus.observer import Observer, Unobserved
from shared.bus.port import Ack, Consumption
from shared.bus.routes import routes
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer, decode, encode
from shared.contracts.registry import MODELS
from shared.contracts.topic import StreamSpec
from shared.domain.clock import Clock
from shared.domain.errors import BusLost, BusUnavailable, ContractViolation

_REMAKE_S = 0.05  # as on a server, a deleted durable is noticed a moment later


class MemoryDelivery:
    """One delivery, with its verdicts."""

    def __init__(self, bus: "MemoryBus", durable: Durable, stored: Stored, attempt: int) -> None:
        self._bus = bus
        self._durable = durable
        self._stored = stored
        self.subject = stored.subject
        self.data = stored.data
        self.message_id = stored.message_id
        self.stream = stored.stream
        self.sequence = stored.sequence
        self.attempt = attempt

    async def ack(self, *, confirm: bool) -> None:  # noqa: ARG002 - in memory every verdict is confirmed
        """Done."""
        self._bus.check("acknowledging")
        self._durable.settle(self.sequence)

    async def nak(self, delay_s: float) -> None:
        """Give it back."""
        self._bus.check("giving back")
        self._durable.nak(self.sequence, delay_s)

    async def term(self) -> None:
        """Never again."""
        self._bus.check("ending")
        self._durable.settle(self.sequence)

    async def keep(self) -> None:
        """Still at work."""
        self._bus.check("keeping alive")
        self._durable.keep(self.sequence)


class MemorySource:
    """The durable of one consumption."""

    def __init__(self, bus: "MemoryBus", consumption: Consumption, sink: Sink, window: Window) -> None:
        self._bus = bus
        self._consumption = consumption
        self._sink = sink
        self._seen = 0
        self._closed = False
        self._durable: Durable | None = None
        self._subscriber = Subscriber(window, self._deliver, self._gone, lambda: bus.connected)

    async def open(self) -> None:
        """Create or update the durable, begin to pull."""
        self._bus.check("opening a consumer")
        self._attach(self._consumption.start)

    def release(self, waited_s: float | None) -> None:
        """A message is settled."""
        self._subscriber.window.released(waited_s)
        if self._durable is not None:
            self._durable.schedule()

    def widen(self) -> None:
        """Ask for one more if the window is full."""
        if self._subscriber.window.widen() and self._durable is not None:
            self._durable.schedule()

    async def close(self) -> None:
        """Stop pulling."""
        self._closed = True
        if self._durable is not None and self._subscriber in self._durable.subscribers:
            self._durable.subscribers.remove(self._subscriber)

    async def waiting(self) -> int:
        """What is not settled."""
        return self._durable.waiting() if self._durable is not None else 0

    def _attach(self, start: Start) -> None:
        self._durable = self._bus.broker.durable(self._consumption, start)
        self._durable.subscribers.append(self._subscriber)
        self._durable.schedule()

    def _deliver(self, durable: Durable, stored: Stored, attempt: int) -> None:
        self._seen = max(self._seen, stored.sequence)
        self._sink(MemoryDelivery(self._bus, durable, stored, attempt))

    def _gone(self) -> None:
        asyncio.get_running_loop().call_later(_REMAKE_S, self._remake)

    def _remake(self) -> None:
        if not self._closed:
            self._attach(self._seen + 1 if self._seen else self._consumption.start)


class MemoryBus:
    """`Bus` on a `MemoryBroker`; the same signature of life as `NatsBus`: `connect` first, `close` last."""

    def __init__(
        self,
        broker: MemoryBroker,
        producer: Producer,
        clock: Clock,
        *,
        models: Mapping[str, type[Payload]] = MODELS,
        observer: Observer | None = None,
        on_disconnect: Callable[[], None] | None = None,
    ) -> None:
        self.broker = broker
        self._producer = producer
        self._clock = clock
        self._models = models
        self._on_disconnect = on_disconnect
        self._handling = Handling(self, models, producer, clock, observer or Unobserved())
        self._consumers: set[Consumer] = set()
        self._lost_or_none: asyncio.Future[BusLost] | None = None
        self.misfits = 0
        self.dropped = 0

    async def connect(self, deadline_s: float) -> None:
        """Join the broker.

        Raises:
            BusUnavailable: it is stopped.
        """
        if not self.broker.up:
            raise BusUnavailable(f"expected a running broker within {deadline_s:g} s: start it")
        self._lost_or_none = asyncio.get_running_loop().create_future()
        self.broker.members.add(self)

    @property
    def connected(self) -> bool:
        """Whether the broker is up and this bus belongs to it."""
        return self.broker.up and self in self.broker.members

    @property
    def lost(self) -> "asyncio.Future[BusLost]":
        """Done when the connection is closed for good without our wish; its result is the error to raise."""
        if self._lost_or_none is None:
            raise BusUnavailable("not connected yet, expected connect() before")
        return self._lost_or_none

    def check(self, what: str) -> None:
        """Raise what the real bus would raise now."""
        if self.lost.done():
            raise self.lost.result()
        if not self.connected:
            raise BusUnavailable(f"{what}: not connected to the broker at the moment")

    def lose(self, reason: str) -> None:
        """The connection is closed for good."""
        self.broker.members.discard(self)
        self.disconnected()
        if not self.lost.done():
            self.lost.set_result(BusLost(f"the connection to the broker is closed for good: {reason}"))

    def disconnected(self) -> None:
        """The connection broke."""
        if self._on_disconnect is not None:
            self._on_disconnect()

    async def ping(self, timeout_s: float = 1.0) -> None:  # noqa: ARG002 - the answer is immediate
        """A round trip."""
        self.check("ping")

    async def provision(self, streams: Sequence[StreamSpec]) -> None:
        """Create or update streams exactly as specified."""
        self.check("provisioning")
        for spec in streams:
            self.broker.provision(spec)

    async def publish(self, outgoing: Outgoing) -> Ack:
        """Store one message."""
        payload = outgoing.payload
        subject, stream = payload.subject(), payload.topic.stream
        if stream is None:
            raise ContractViolation(f"{payload.topic.name} has no stream, expected `send` for it")
        data = encode(outgoing, self._producer, self._clock.wall_ms())
        self.check(f"publishing {payload.message_id()}")
        await asyncio.sleep(0)  # as on a network, others run while this one waits
        return self.broker.store(stream.name, subject, data, payload.message_id(), self._clock.wall_ms())

    async def publish_all(self, outgoings: Iterable[Outgoing]) -> list[Ack]:
        """Store several, in order."""
        return [await self.publish(outgoing) for outgoing in outgoings]

    def send(self, outgoing: Outgoing) -> bool:
        """Core message: never waits; False when it was dropped."""
        if not self.connected:
            self.dropped += 1
            return False
        self.broker.send(outgoing.payload.subject(), encode(outgoing, self._producer, self._clock.wall_ms()))
        return True

    async def consume(self, consumptions: Sequence[Consumption], *, lanes: int) -> None:
        """Handle messages until `drain` is called."""

        def open_source(consumption: Consumption, sink: Sink, window: Window) -> MemorySource:
            return MemorySource(self, consumption, sink, window)

        consumer = Consumer(consumptions, lanes, open_source, self._handling)
        self._consumers.add(consumer)
        try:
            await consumer.run(self.lost)
        finally:
            self._consumers.discard(consumer)

    async def drain(self, grace_s: float) -> None:
        """Stop fetching, let running handlers finish within the grace, give the rest back."""
        await asyncio.gather(*(consumer.drain(grace_s) for consumer in self._consumers))

    async def tail(
        self, patterns: Sequence[str], *, since: Literal["new", "all", "last_per_subject"] | int = "new"
    ) -> AsyncIterator[tuple[Payload, Meta]]:
        """Messages as they come, without a durable consumer."""
        self.check("following")
        items = follow(self.broker, self.lost, routes(patterns, self._models), since)
        async with contextlib.aclosing(items):
            async for subject, data, sequence in items:
                try:
                    item = decode(data, self._models, subject=subject, sequence=sequence)
                except ContractViolation:
                    self.misfits += 1
                    continue
                yield item

    async def lag(self) -> int:
        """Messages that wait for this process's durable consumers, delivered to it or not."""
        self.check("lag")
        return sum(await asyncio.gather(*(consumer.waiting() for consumer in self._consumers)))

    async def close(self) -> None:
        """Leave the broker."""
        self.broker.members.discard(self)

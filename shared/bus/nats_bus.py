"""The bus on NATS JetStream."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Literal

from nats.js import api

from shared.bus.attempt import Handling
from shared.bus.consumer import Consumer
from shared.bus.delivery import Sink, Window
from shared.bus.link import Link, Timing, translated
from shared.bus.nats_source import NatsSource
from shared.bus.observer import Observer, Unobserved
from shared.bus.outbox import Outbox
from shared.bus.port import Ack, Consumption
from shared.bus.provision import provision
from shared.bus.tail import Tail
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer, encode
from shared.contracts.registry import MODELS
from shared.contracts.topic import StreamSpec
from shared.domain.clock import Clock
from shared.domain.errors import BusLost, BusUnavailable, ContractViolation

_AT_ONCE = 250  # confirmations awaited together: each must come within the timeout of a publish


class NatsBus:
    """One connection for one process. `connect` first, `close` last.

    `on_disconnect` is called (in the event loop) whenever the connection breaks; it comes back by itself. `lost` is done when it
    is closed for good, with the error to raise.
    """

    def __init__(  # noqa: PLR0913 - the wiring of a door
        self,
        url: str,
        producer: Producer,
        clock: Clock,
        *,
        models: Mapping[str, type[Payload]] = MODELS,
        observer: Observer | None = None,
        on_disconnect: Callable[[], None] | None = None,
        timing: Timing | None = None,
        replicas: int = 1,
    ) -> None:
        self._url = url
        self._producer = producer
        self._clock = clock
        self._models = models
        self._on_disconnect = on_disconnect
        self._timing = timing or Timing()
        self._replicas = replicas
        self._handling = Handling(self, models, producer, clock, observer or Unobserved())
        self._outbox = Outbox(self._send_core)
        self._link_or_none: Link | None = None
        self._consumers: set[Consumer] = set()
        self.misfits = 0  # messages that a tail left out because they do not fit their contract

    async def connect(self, deadline_s: float) -> None:
        """Connect, trying again until the deadline.

        Raises:
            BusUnavailable: nothing answers there, or it refuses us; the message says what to do.
        """
        link = Link(self._url, self._producer.name, self._timing, self._on_disconnect)
        await link.open(deadline_s)
        self._link_or_none = link
        self._outbox.start()

    @property
    def connected(self) -> bool:
        """Whether the connection is up at this moment (a frozen server is noticed a little later; `ping` asks)."""
        return self._link_or_none is not None and self._link_or_none.is_connected

    @property
    def lost(self) -> "asyncio.Future[BusLost]":
        """Done when the connection is closed for good without our wish; its result is the error to raise."""
        return self._link.lost

    @property
    def dropped(self) -> int:
        """Core messages that were not sent."""
        return self._outbox.dropped

    @property
    def _link(self) -> Link:
        if self._link_or_none is None:
            raise BusUnavailable("not connected yet, expected connect() before")
        return self._link_or_none

    async def ping(self, timeout_s: float = 1.0) -> None:
        """A round trip."""
        await self._link.round_trip(timeout_s)

    async def provision(self, streams: Sequence[StreamSpec]) -> None:
        """Create or update streams exactly as specified."""
        for spec in streams:
            await provision(self._link.js, spec, self._replicas)

    async def publish(self, outgoing: Outgoing) -> Ack:
        """Store one message and wait for the confirmation."""
        payload = outgoing.payload
        subject, message_id, stream = payload.subject(), payload.message_id(), payload.topic.stream
        if stream is None:
            raise ContractViolation(f"{payload.topic.name} has no stream, expected `send` for it")
        data = encode(outgoing, self._producer, self._clock.wall_ms())
        with translated(f"publishing {message_id}"):
            ack = await self._link.js.publish(
                subject, data, timeout=self._timing.publish_s, stream=stream.name, headers={api.Header.MSG_ID.value: message_id}
            )
        return Ack(ack.stream, ack.seq, bool(ack.duplicate))

    async def publish_all(self, outgoings: Iterable[Outgoing]) -> list[Ack]:
        """Store several, in order, without waiting between them. After an error some may be stored: repeating is safe."""
        todo, acks = list(outgoings), list[Ack]()
        for begin in range(0, len(todo), _AT_ONCE):
            results = await asyncio.gather(*(self.publish(o) for o in todo[begin : begin + _AT_ONCE]), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                acks.append(result)
        return acks

    def send(self, outgoing: Outgoing) -> bool:
        """Core message: never waits; False when it was dropped."""
        if not self.connected:
            self._outbox.dropped += 1
            return False
        return self._outbox.put(outgoing.payload.subject(), encode(outgoing, self._producer, self._clock.wall_ms()))

    async def _send_core(self, subject: str, data: bytes) -> None:
        with translated("sending"):
            await self._link.publish(subject, data)

    async def consume(self, consumptions: Sequence[Consumption], *, lanes: int) -> None:
        """Handle messages until `drain` is called."""
        link = self._link

        def open_source(consumption: Consumption, sink: Sink, window: Window) -> NatsSource:
            return NatsSource(link, consumption, sink, window)

        consumer = Consumer(consumptions, lanes, open_source, self._handling)
        self._consumers.add(consumer)
        try:
            await consumer.run(link.lost)
        finally:
            self._consumers.discard(consumer)

    async def drain(self, grace_s: float) -> None:
        """Stop fetching, let running handlers finish within the grace, give the rest back."""
        await asyncio.gather(*(consumer.drain(grace_s) for consumer in self._consumers))

    async def tail(
        self, patterns: Sequence[str], *, since: Literal["new", "all", "last_per_subject"] | int = "new"
    ) -> AsyncIterator[tuple[Payload, Meta]]:
        """Messages as they come, without a durable consumer."""
        async with self.following(patterns, since=since) as tail:
            async for item in tail:
                yield item

    @contextlib.asynccontextmanager
    async def following(
        self, patterns: Sequence[str], *, since: Literal["new", "all", "last_per_subject"] | int = "new"
    ) -> AsyncIterator[Tail]:
        """The same for whoever acts and then waits for the answer: it is followed when the block begins, or nothing is done.

        Raises:
            BusUnavailable: the server did not answer, or refused.
            ConfigError: a stream does not exist.
        """
        tail = Tail(self._link, self._models, patterns, since)
        try:
            await tail.open()
            yield tail
        finally:
            self.misfits += tail.misfits
            await tail.close()

    async def lag(self) -> int:
        """Messages that wait for this process's durable consumers, delivered to it or not."""
        return sum(await asyncio.gather(*(consumer.waiting() for consumer in self._consumers)))

    async def close(self) -> None:
        """Flush and close."""
        link = self._link_or_none
        if link is None:
            return
        await self._outbox.stop(self._timing.close_s)
        with contextlib.suppress(BusUnavailable, BusLost):  # nothing more can be done for what is unsent
            await link.barrier(self._timing.close_s)
        self._link_or_none = None
        await link.shut()

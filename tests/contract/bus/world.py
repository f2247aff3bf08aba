"""The two places where the bus suite runs: a broker in memory, and a real nats-server. One interface, so that one suite serves both."""

from abc import ABC, abstractmethod

import nats

from shared.bus.link import Timing
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.bus.nats_bus import NatsBus
from shared.bus.observer import Observer
from shared.bus.subjects import matches
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.domain.clock import ManualClock
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer

TestBus = NatsBus | MemoryBus
QUICK = Timing(reconnect_s=0.05, heartbeat_s=0.4, publish_s=1.5, request_s=1.5, ack_s=1.0, close_s=1.0)
NOW_MS = 1_764_547_200_000


class World(ABC):
    """A broker, the buses on it, and what an operator or fate can do to it."""

    __test__ = False

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.buses: list[TestBus] = []

    async def bus(self, service: str = "scanner", instance: str = "a", observer: Observer | None = None) -> TestBus:
        """A connected bus; the streams exist."""
        bus = self.make(Producer(service, instance, "main"), observer)
        await bus.connect(10)
        if not self.buses:
            await bus.provision(STREAMS)
        self.buses.append(bus)
        return bus

    async def close(self) -> None:
        """Close all buses."""
        for bus in self.buses:
            await bus.close()

    @abstractmethod
    def make(self, producer: Producer, observer: Observer | None) -> TestBus:
        """A bus that is not connected yet."""

    @abstractmethod
    async def outage(self) -> None:
        """The broker goes away, and the buses notice."""

    @abstractmethod
    async def back(self) -> None:
        """It returns with what it had stored, and the buses are connected again."""

    @abstractmethod
    async def revoke(self) -> None:
        """Every connection is closed for good."""

    @abstractmethod
    async def crash(self, bus: TestBus) -> None:
        """The process of this bus is gone: nothing that it does reaches the broker any more."""

    @abstractmethod
    async def delete_durable(self, stream: str, durable: str) -> None:
        """As an operator would."""

    @abstractmethod
    async def ack_wait_s(self, stream: str, durable: str) -> float:
        """What the broker has on record."""

    @abstractmethod
    async def put_raw(self, subject: str, data: bytes) -> None:
        """A stored message that no bus of ours wrote."""

    @abstractmethod
    async def stored(self, stream: str) -> list[tuple[str, bytes]]:
        """Subject and data of everything in a stream."""

    @abstractmethod
    async def subjects(self, stream: str) -> list[str]:
        """The subjects that a stream takes."""


class MemoryWorld(World):
    """In memory."""

    def __init__(self) -> None:
        super().__init__()
        self.broker = MemoryBroker()

    def make(self, producer: Producer, observer: Observer | None) -> MemoryBus:
        return MemoryBus(self.broker, producer, self.clock, observer=observer)

    async def outage(self) -> None:
        self.broker.stop()

    async def back(self) -> None:
        self.broker.start()

    async def revoke(self) -> None:
        self.broker.revoke()

    async def crash(self, bus: TestBus) -> None:
        await bus.close()

    async def delete_durable(self, stream: str, durable: str) -> None:
        self.broker.delete_durable(stream, durable)

    async def ack_wait_s(self, stream: str, durable: str) -> float:
        return self.broker.durables[stream, durable].consumption.ack_wait_s

    async def put_raw(self, subject: str, data: bytes) -> None:
        stream = next(spec.name for spec in STREAMS if any(matches(pattern, subject) for pattern in spec.subjects))
        self.broker.store(stream, subject, data, "", NOW_MS)

    async def stored(self, stream: str) -> list[tuple[str, bytes]]:
        return [(m.subject, m.data) for m in self.broker.streams[stream].log]

    async def subjects(self, stream: str) -> list[str]:
        return list(self.broker.streams[stream].spec.subjects)


class NatsWorld(World):
    """A real server."""

    def __init__(self, server: NatsServer) -> None:
        super().__init__()
        self.server = server

    def make(self, producer: Producer, observer: Observer | None) -> NatsBus:
        return NatsBus(self.server.url, producer, self.clock, observer=observer, timing=QUICK)

    async def outage(self) -> None:
        self.server.stop()
        await eventually(lambda: not any(bus.connected for bus in self.buses))

    async def back(self) -> None:
        self.server.start()
        await eventually(lambda: all(bus.connected for bus in self.buses))

    async def revoke(self) -> None:
        self.server.configure("authorization { user: nobody, password: knows }")

    async def crash(self, bus: TestBus) -> None:
        assert isinstance(bus, NatsBus)
        await bus._link.shut()

    async def delete_durable(self, stream: str, durable: str) -> None:
        client = await nats.connect(self.server.url)
        await client.jsm().delete_consumer(stream, durable)
        await client.close()

    async def ack_wait_s(self, stream: str, durable: str) -> float:
        client = await nats.connect(self.server.url)
        info = await client.jsm().consumer_info(stream, durable)
        await client.close()
        return float(info.config.ack_wait)

    async def put_raw(self, subject: str, data: bytes) -> None:
        client = await nats.connect(self.server.url)
        await client.jetstream().publish(subject, data)
        await client.close()

    async def stored(self, stream: str) -> list[tuple[str, bytes]]:
        client = await nats.connect(self.server.url)
        info = await client.jsm().stream_info(stream)
        numbers = range(info.state.first_seq, info.state.last_seq + 1) if info.state.messages else ()
        messages = [await client.jsm().get_msg(stream, seq=n) for n in numbers]
        await client.close()
        return [(m.subject or "", m.data or b"") for m in messages]

    async def subjects(self, stream: str) -> list[str]:
        client = await nats.connect(self.server.url)
        info = await client.jsm().stream_info(stream)
        await client.close()
        return list(info.config.subjects or [])

"""The bus against a real nats-server: latency of a confirmed publish, messages per second published and handled.

Prints one figure per line: `bench <name> <value> <unit>`. Run: `python benchmarks/bench_bus.py`.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from shared.bus.nats_bus import NatsBus
from shared.bus.port import Consumption
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer
from shared.contracts.market import CandleClosed
from shared.contracts.topic import CANDLE, STREAMS
from shared.domain.clock import ManualClock
from tests.fakes.servers import NatsServer

SINGLE = 2_000
BATCH = 10_000
SYMBOLS = [f"COIN{n}USDT" for n in range(80)]


def candle(number: int) -> Outgoing:
    payload = CandleClosed(
        symbol=SYMBOLS[number % len(SYMBOLS)],
        interval="5m",
        open_ms=number,
        close_ms=number + 1,
        open=1.0,
        high=2.0,
        low=0.5,
        close=1.5,
        volume=10.0,
        quote_volume=15.0,
        trades=3,
    )
    return Outgoing(payload, ts_ms=number)


def show(name: str, value: float, unit: str) -> None:
    print(f"bench {name} {value:.3f} {unit}", flush=True)


class Counter:
    """Handles nothing, counts, and tells when all have come."""

    def __init__(self, wanted: int) -> None:
        self.left = wanted
        self.done = asyncio.Event()

    async def __call__(self, _payload: Payload, _meta: Meta) -> Iterable[Outgoing]:
        """Count one."""
        self.left -= 1
        if self.left == 0:
            self.done.set()
        return []


async def publish_one_by_one(bus: NatsBus) -> None:
    for number in range(200):
        await bus.publish(candle(-number - 1))
    took: list[float] = []
    for number in range(SINGLE):
        start = time.perf_counter()
        await bus.publish(candle(number))
        took.append((time.perf_counter() - start) * 1000)
    cuts = statistics.quantiles(took, n=100)
    show("bus_publish_p50", cuts[49], "ms")
    show("bus_publish_p99", cuts[98], "ms")


async def publish_many(bus: NatsBus) -> None:
    start = time.perf_counter()
    await bus.publish_all(candle(SINGLE + number) for number in range(BATCH))
    show("bus_publish_all", BATCH / (time.perf_counter() - start), "msg/s")


async def consume(bus: NatsBus, name: str, *, lanes: int, effectful: bool = False) -> None:
    total = 200 + SINGLE + BATCH
    counter = Counter(total)
    consumption = Consumption(durable=name, topic=CANDLE, handler=counter, effectful=effectful)
    start = time.perf_counter()
    task = asyncio.create_task(bus.consume([consumption], lanes=lanes))
    await counter.done.wait()
    seconds = time.perf_counter() - start
    await bus.drain(5)
    await task
    show(name, total / seconds, "msg/s")


async def trip(bus: NatsBus, reader: NatsBus) -> None:
    """From publish to the start of the handler, one message at a time."""
    took: list[float] = []
    arrived = asyncio.Event()

    async def handler(_payload: Payload, _meta: Meta) -> Iterable[Outgoing]:
        arrived.set()
        return []

    consumption = Consumption(durable="trip", topic=CANDLE, handler=handler, start="new")
    task = asyncio.create_task(reader.consume([consumption], lanes=4))
    first = 10**6
    while not arrived.is_set():  # until the consumer exists
        first += 1
        await bus.publish(candle(first))
        await asyncio.wait([asyncio.create_task(arrived.wait())], timeout=0.1)
    for number in range(1000):
        arrived.clear()
        start = time.perf_counter()
        await asyncio.gather(bus.publish(candle(2 * 10**6 + number)), arrived.wait())
        took.append((time.perf_counter() - start) * 1000)
    await reader.drain(1)
    await task
    cuts = statistics.quantiles(took, n=100)
    show("bus_trip_p50", cuts[49], "ms")
    show("bus_trip_p99", cuts[98], "ms")


async def main() -> None:
    with NatsServer() as server:
        bus, reader = (NatsBus(server.url, Producer("bench", name, "main"), ManualClock(1)) for name in ("a", "b"))
        await bus.connect(10)
        await reader.connect(10)
        await bus.provision(STREAMS)
        await publish_one_by_one(bus)
        await publish_many(bus)
        await consume(reader, "bus_consume_1_lane", lanes=1)
        await consume(reader, "bus_consume_8_lanes", lanes=8)
        await consume(reader, "bus_consume_8_lanes_effectful", lanes=8, effectful=True)
        await trip(bus, reader)
        await bus.close()
        await reader.close()


if __name__ == "__main__":
    asyncio.run(main())

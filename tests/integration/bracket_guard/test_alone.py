"""The guard with neither bus nor store: it protects from the first moment, and tells what it did when they are there."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.runtime.clock import SystemClock
from tests.chaos.guard_stack import FaultyVenue, GuardProcess, GuardStack
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer, free_port
from tests.fakes.tape import read_tape

pytestmark = [pytest.mark.integration]

TAG = "abcdefghij"


@dataclass
class Alone:
    """A venue; a bus and a store that are not running yet."""

    venue: FaultyVenue
    nats: NatsServer
    redis: RedisServer
    home: Path

    def environment(self) -> dict[str, str]:
        queue = str(self.home / "brackets_queue.json")
        return {"ASTER_NATS_URL": self.nats.url, "ASTER_REDIS_URL": self.redis.url, "ASTER_BRACKETS_QUEUE_FILE": queue}


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Alone]:
    found = Alone(FaultyVenue(["BTCUSDT", "ETHUSDT"]), NatsServer(free_port()), RedisServer(free_port()), tmp_path)
    await found.venue.start()
    yield found
    await found.venue.stop()
    found.nats.close()
    found.redis.close()


async def test_protects_without_bus_and_store_and_tells_later(alone: Alone) -> None:
    venue = alone.venue
    guard = GuardProcess(alone, "guard-1")
    try:
        await venue.open_by_hand("BTCUSDT", "0.1", GuardStack.entry_name(TAG))
        await guard.start(state="")
        (stop,) = await eventually(lambda: venue.stops("BTCUSDT"), within_s=60, every_s=0.1, what="a stop without bus and store")
        assert stop["closePosition"] is True
        mirror = alone.home / "brackets_queue.json"
        await eventually(lambda: mirror.exists() and json.loads(mirror.read_text())["recent"], what="the queue's mirror")
        before = json.loads(mirror.read_text())["desired"]["BTCUSDT"]["stop_price"]
        guard.kill()
        await venue.cancel_by_hand("BTCUSDT")
        await guard.start(state="")
        (again,) = await eventually(lambda: venue.stops("BTCUSDT"), within_s=60, every_s=0.1, what="the same stop after a restart")
        assert float(again["triggerPrice"]) == float(before) == float(stop["triggerPrice"])
        alone.nats.start()
        alone.redis.start()
        bus = NatsBus(alone.nats.url, Producer("test", "alone", "main"), SystemClock())
        await bus.connect(10)
        await bus.provision(STREAMS)
        await bus.close()

        async def told() -> bool:
            tape = await read_tape(alone.nats.url, quiet_s=0.5)
            return any(p.event == "placed" and p.symbol == "BTCUSDT" for p, _ in tape.messages["bracket"])  # type: ignore[attr-defined]

        await eventually(told, within_s=40, every_s=0.3, what="what was done is told")
        await eventually(lambda: guard.is_in("ready"), within_s=20, every_s=0.1, what="ready with bus and store")
    finally:
        guard.kill()

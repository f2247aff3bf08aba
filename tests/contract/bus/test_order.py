"""Lanes: order within a symbol over all topics, symbols side by side, long work kept alive."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import pytest

from shared.bus.port import Handler
from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.topic import SKIP
from tests.contract.bus.messages import Recorder, candle, consuming, consumption, dead_letters, idle, key_of, skip
from tests.contract.bus.world import World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract
SYMBOLS = [f"COIN{n}USDT" for n in range(12)]


class Watch:
    """Notices two messages of one symbol at the same time, and how many run side by side."""

    def __init__(self) -> None:
        self.running: dict[str, int] = defaultdict(int)
        self.most = 0
        self.overlaps = 0
        self.seen: dict[str, list[tuple[str, int]]] = defaultdict(list)

    async def __call__(self, payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        symbol, number = key_of(payload)
        self.overlaps += self.running[symbol] > 0
        self.running[symbol] += 1
        self.most = max(self.most, sum(self.running.values()))
        for _ in range((number * 7) % 5):
            await asyncio.sleep(0)
        self.seen[symbol].append((meta.type, number))
        self.running[symbol] -= 1
        return []

    def count(self) -> int:
        return sum(map(len, self.seen.values()))


@pytest.mark.parametrize("lanes", [4, 8])
async def test_one_symbol_is_never_handled_side_by_side_nor_out_of_order(world: World, lanes: int) -> None:
    bus = await world.bus()
    watch = Watch()
    for number in range(20):
        await bus.publish_all([candle(s, number) for s in SYMBOLS])
        await bus.publish_all([skip(s, number) for s in SYMBOLS])
    async with consuming(bus, [consumption(watch), consumption(watch, durable="skips", topic=SKIP)], lanes=lanes):
        await eventually(lambda: watch.count() == 2 * 20 * len(SYMBOLS))
    assert watch.overlaps == 0
    assert 1 < watch.most <= lanes
    for events in watch.seen.values():
        for kind in ("md.candle", "signal.skip"):
            assert [number for k, number in events if k == kind] == list(range(20))


async def test_one_lane_handles_everything_in_the_order_of_arrival(world: World) -> None:
    bus = await world.bus()
    watch = Watch()
    recorder = Recorder()

    async def both(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        await watch(payload, meta)
        return await recorder(payload, meta)

    await bus.publish_all([candle(SYMBOLS[n % 12], n) for n in range(100)])
    async with consuming(bus, [consumption(both)], lanes=1):
        await eventually(lambda: len(recorder.done) == 100)
    assert recorder.numbers() == list(range(100))
    assert watch.most == 1


async def test_a_slow_symbol_does_not_hold_up_the_others(world: World) -> None:
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder()

    async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        if key_of(payload)[0] == "SLOW":
            await gate.wait()
        return await recorder(payload, meta)

    await bus.publish_all([candle("SLOW", 1), candle("SLOW", 2)])
    await bus.publish_all([candle(s, n) for n in range(20) for s in SYMBOLS])
    async with consuming(bus, [consumption(handler)], lanes=2):
        await eventually(lambda: len(recorder.done) == 20 * len(SYMBOLS))
        gate.set()
        await eventually(lambda: ("SLOW", 2) in recorder.done)


async def test_long_work_is_started_once_even_when_a_replica_is_free(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    recorder = Recorder()

    async def slow(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        outputs = await recorder(payload, meta)
        await asyncio.sleep(1.8)  # the work of a language model, longer than ack_wait
        return outputs

    await bus.publish(candle(number=1))
    work = [consumption(slow, ack_wait_s=0.8)]
    async with consuming(bus, work, lanes=4), consuming(other, work, lanes=4):
        await eventually(lambda: recorder.calls)
        await eventually(lambda: idle(bus))
    assert recorder.calls == [("BTCUSDT", 1)]


async def test_what_waits_behind_long_work_is_kept_too(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder()

    async def slow(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        await asyncio.sleep(0.4)
        return await recorder(payload, meta)

    await bus.publish_all([candle("SAME", n) for n in range(4)])
    async with consuming(bus, [consumption(slow, ack_wait_s=0.6)], lanes=4):
        await eventually(lambda: len(recorder.done) == 4)
    assert recorder.numbers() == [0, 1, 2, 3]
    assert {m.attempt for m in recorder.metas} == {1}


async def test_replicas_share_the_work(world: World) -> None:
    one, two = await world.bus(), await world.bus(instance="b")
    left, right = Recorder(), Recorder()

    def pausing(recorder: Recorder) -> Handler:
        async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
            await asyncio.sleep(0.01)
            return await recorder(payload, meta)

        return handler

    async with consuming(one, [consumption(pausing(left))], lanes=2), consuming(two, [consumption(pausing(right))], lanes=2):
        await one.publish_all([candle(SYMBOLS[n % 12], n) for n in range(100)])
        await eventually(lambda: len(left.done) + len(right.done) >= 100)
    assert sorted(left.numbers() + right.numbers()) == list(range(100))
    assert min(len(left.done), len(right.done)) > 10
    assert await dead_letters(world) == []

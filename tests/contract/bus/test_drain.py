"""Ending: what runs is finished, the rest is given back and handled by others at once."""

import asyncio

import pytest

from shared.contracts.topic import SKIP
from tests.contract.bus.messages import Recorder, candle, consuming, consumption, idle, skip
from tests.contract.bus.world import World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract


async def test_running_work_is_finished_and_the_rest_is_handed_over_at_once(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    gate = asyncio.Event()
    leaving, heir = Recorder(gate=gate, outputs=True), Recorder(outputs=True)
    await bus.publish_all([candle(f"COIN{n}", n) for n in range(6)])
    task = asyncio.create_task(bus.consume([consumption(leaving, ack_wait_s=30)], lanes=2))
    await eventually(lambda: len(leaving.calls) == 2)
    draining = asyncio.create_task(bus.drain(5))
    async with consuming(other, [consumption(heir, ack_wait_s=30)], lanes=2):
        await eventually(lambda: len(heir.done) == 4, within_s=8)
        gate.set()
        await asyncio.wait_for(task, 8)
        await draining
        await eventually(lambda: idle(other), within_s=8)
    assert len(leaving.calls) == 2
    assert sorted(leaving.numbers() + heir.numbers()) == list(range(6))
    assert len(await world.stored("SIGNAL")) == 6


async def test_work_longer_than_the_grace_is_cancelled_and_given_back(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    stuck, heir = Recorder(gate=asyncio.Event()), Recorder()
    await bus.publish(candle(number=1))
    task = asyncio.create_task(bus.consume([consumption(stuck, ack_wait_s=30)], lanes=1))
    await eventually(lambda: stuck.calls)
    started = asyncio.get_running_loop().time()
    await bus.drain(0.2)
    await asyncio.wait_for(task, 8)
    assert asyncio.get_running_loop().time() - started < 8
    async with consuming(other, [consumption(heir, ack_wait_s=30)]):
        await eventually(lambda: heir.done, within_s=8)
    assert stuck.done == []


async def test_an_idle_consumer_drains_at_once(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder()
    await bus.publish(candle(number=1))
    task = asyncio.create_task(bus.consume([consumption(recorder), consumption(recorder, durable="s", topic=SKIP)], lanes=4))
    await eventually(lambda: recorder.done)
    started = asyncio.get_running_loop().time()
    await bus.drain(10)
    await task
    assert asyncio.get_running_loop().time() - started < 5
    await bus.drain(10)  # nothing to do


async def test_draining_under_load_strands_nothing(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    first, second = Recorder(), Recorder()
    task = asyncio.create_task(bus.consume([consumption(first, ack_wait_s=30)], lanes=4))
    publishing = asyncio.create_task(other.publish_all([candle(f"COIN{n % 9}", n) for n in range(1500)]))
    await eventually(lambda: len(first.done) > 100)
    await bus.drain(1)
    await task
    handled = len(first.done)
    async with consuming(other, [consumption(second, ack_wait_s=30)], lanes=4):
        await publishing
        await eventually(lambda: idle(other), within_s=8)
    assert len(first.done) == handled
    assert sorted(first.numbers() + second.numbers()) == list(range(1500))


async def test_consuming_can_begin_again_after_a_drain(world: World) -> None:
    bus = await world.bus()
    for number in range(3):
        recorder = Recorder()
        await bus.publish(candle(number=number))
        async with consuming(bus, [consumption(recorder)]):
            await eventually(lambda r=recorder: r.done)  # type: ignore[misc]
        assert recorder.numbers() == [number]


async def test_a_cancelled_consume_gives_back_too(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    stuck, heir = Recorder(gate=asyncio.Event()), Recorder()
    await bus.publish_all([skip("AAA", 1), skip("BBB", 2)])
    task = asyncio.create_task(bus.consume([consumption(stuck, topic=SKIP, ack_wait_s=30)], lanes=1))
    await eventually(lambda: stuck.calls)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with consuming(other, [consumption(heir, topic=SKIP, ack_wait_s=30)]):
        await eventually(lambda: sorted(heir.numbers()) == [1, 2], within_s=8)

"""Outages, crashes, lost connections, consumers that disappear or change."""

import asyncio
from collections.abc import Iterable

import orjson
import pytest

from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.topic import HEARTBEAT, Topic
from shared.domain.errors import BusLost, ConfigError
from tests.contract.bus.messages import Recorder, candle, consuming, consumption, dead_letters, heartbeat, idle, key_of
from tests.contract.bus.world import World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract


async def test_an_outage_in_the_middle_loses_and_doubles_nothing(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle(f"C{n % 7}", n) for n in range(60)])
    recorder = Recorder(outputs=True)

    async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        await asyncio.sleep(0.005)
        return await recorder(payload, meta)

    async with consuming(bus, [consumption(handler)], lanes=3):
        await eventually(lambda: len(recorder.done) > 10)
        await world.outage()
        await world.back()
        await eventually(lambda: idle(bus))
    assert sorted(set(recorder.numbers())) == list(range(60))
    outputs = [orjson.loads(data)["data"]["close_ms"] for _, data in await world.stored("SIGNAL")]
    assert sorted(outputs) == list(range(60))
    assert await dead_letters(world) == []


async def test_a_handler_that_ends_during_an_outage_is_not_run_again(world: World) -> None:
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder(outputs=True, gate=gate)
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder, ack_wait_s=3.0)]):
        await eventually(lambda: recorder.calls)
        await world.outage()
        gate.set()
        await eventually(lambda: recorder.done)
        await world.back()
        await eventually(lambda: idle(bus))
    assert recorder.calls == [("BTCUSDT", 1)]
    assert len(await world.stored("SIGNAL")) == 1


@pytest.mark.parametrize("count", [1, 2])
async def test_a_message_that_comes_again_while_it_is_in_hand_is_handled_once(world: World, count: int) -> None:
    """With one, there is room for the second copy while the first is in hand; with two, the copies come right after the end."""
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder(gate=gate)
    loop = asyncio.get_running_loop()
    await bus.publish_all([candle(f"COIN{n}", n) for n in range(count)])
    async with consuming(bus, [consumption(recorder, ack_wait_s=0.5)], lanes=2):
        await eventually(lambda: len(recorder.calls) == count)
        await world.outage()
        until = loop.time() + 0.8  # nothing can be kept alive, and its time runs out
        await eventually(lambda: loop.time() > until)
        await world.back()
        await bus.publish(candle("LAST", 9))
        until = loop.time() + 0.3
        await eventually(lambda: loop.time() > until)
        gate.set()
        await eventually(lambda: 9 in recorder.numbers())
        await eventually(lambda: idle(bus))
    assert sorted(number for _, number in recorder.calls) == [*range(count), 9]


async def test_a_connection_that_is_closed_for_good_ends_consuming(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder()
    async with consuming(bus, [consumption(recorder)]) as task:
        await bus.publish(candle(number=1))
        await eventually(lambda: recorder.done)
        await world.revoke()
        with pytest.raises(BusLost, match="closed for good"):
            await asyncio.wait_for(asyncio.shield(task), 10)
    assert isinstance(await bus.lost, BusLost)
    assert not bus.connected
    with pytest.raises(BusLost):
        await bus.publish(candle(number=2))
    assert not bus.send(heartbeat())


async def test_a_connection_that_is_closed_for_good_ends_a_tail(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1))
    tail = bus.tail(["md.v1.>"], since="all")
    await anext(tail)
    await world.revoke()
    with pytest.raises(BusLost):
        await asyncio.wait_for(anext(tail), 10)


async def test_a_consumer_deleted_while_running_is_made_again_and_goes_on(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder()
    async with consuming(bus, [consumption(recorder)]):
        await bus.publish_all([candle(number=n) for n in range(5)])
        await eventually(lambda: len(recorder.done) == 5)
        await eventually(lambda: idle(bus))
        await world.delete_durable("MD", "test-candle")
        await bus.publish_all([candle(number=n) for n in range(5, 10)])
        await eventually(lambda: len(recorder.done) == 10)
    assert recorder.numbers() == list(range(10))


async def test_a_consumer_deleted_while_a_message_is_in_hand(world: World) -> None:
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder(gate=gate)
    async with consuming(bus, [consumption(recorder, effectful=True)]):
        await bus.publish(candle(number=1))
        await eventually(lambda: recorder.calls)
        await world.delete_durable("MD", "test-candle")
        await bus.publish(candle(number=2))
        gate.set()
        await eventually(lambda: 2 in recorder.numbers())
    assert recorder.numbers()[0] == 1


async def test_a_changed_durable_is_brought_up_to_date_and_keeps_its_place(world: World) -> None:
    bus = await world.bus()
    first, second = Recorder(), Recorder()
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(first, ack_wait_s=2.0)]):
        await eventually(lambda: first.done)
        await eventually(lambda: idle(bus))
    assert await world.ack_wait_s("MD", "test-candle") == 2.0
    await bus.publish(candle(number=2))
    async with consuming(bus, [consumption(second, ack_wait_s=7.0, start="new")]):
        await eventually(lambda: second.done)
    assert await world.ack_wait_s("MD", "test-candle") == 7.0
    assert second.numbers() == [2]


async def test_a_crash_without_a_verdict_brings_the_message_back(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    never = Recorder(gate=asyncio.Event())
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(never)]):
        await eventually(lambda: never.calls)
        await world.crash(bus)
        heir = Recorder()
        async with consuming(other, [consumption(heir)]):
            await eventually(lambda: heir.done, within_s=8)
        assert heir.metas[0].attempt == 2
    assert never.done == []


async def test_a_message_that_kills_its_process_becomes_a_dead_letter_before_it_is_handled_again(world: World) -> None:
    bus = await world.bus()
    killer = Recorder(gate=asyncio.Event())
    await bus.publish(candle(number=13))
    for attempt in range(1, 3):
        victim = await world.bus(instance=f"victim-{attempt}")
        async with consuming(victim, [consumption(killer, ack_wait_s=0.3, attempts=2)]):
            await eventually(lambda wanted=attempt: len(killer.calls) == wanted)  # type: ignore[misc]
            await world.crash(victim)
    survivor = Recorder()
    async with consuming(bus, [consumption(survivor, ack_wait_s=0.3, attempts=2)]):
        [letter] = await eventually(lambda: dead_letters(world))
        await bus.publish(candle(number=14))
        await eventually(lambda: survivor.done)
    assert survivor.numbers() == [14]
    assert (letter["code"], letter["attempts"]) == ("attempts_exhausted", 2)


async def test_after_a_crash_messages_are_tried_a_few_at_a_time(world: World) -> None:
    """So that one that kills the process does not use up the attempts of those behind it."""
    bus, other = await world.bus(), await world.bus(instance="b")
    await bus.publish_all([candle("SAME", n) for n in range(20)])
    never = Recorder(gate=asyncio.Event())
    async with consuming(bus, [consumption(never)], lanes=1):
        await eventually(lambda: never.calls)
        await world.crash(bus)
        heir = Recorder()
        async with consuming(other, [consumption(heir)], lanes=1):
            await eventually(lambda: len(heir.done) == 20)
    assert [m.attempt for m in sorted(heir.metas, key=lambda m: m.sequence)] == [2] + [1] * 19


async def test_a_core_topic_cannot_be_consumed(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(ConfigError, match="no stream"):
        await bus.consume([consumption(Recorder(), topic=HEARTBEAT)], lanes=1)


async def test_a_stream_that_is_missing_is_told_at_once(world: World) -> None:
    bus = await world.bus()
    other = Topic("md.other", "md", "other", ("symbol",), None)
    assert other.stream is None
    with pytest.raises(ConfigError):
        await bus.consume([consumption(Recorder(), topic=other)], lanes=1)


async def test_work_goes_on_when_one_handler_hangs_on_to_a_symbol(world: World) -> None:
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder()

    async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        if key_of(payload)[0] == "STUCK":
            await gate.wait()
        return await recorder(payload, meta)

    await bus.publish_all([candle("STUCK", n) for n in range(100)])
    await bus.publish(candle("FREE", 1))
    async with consuming(bus, [consumption(handler)], lanes=4):
        await eventually(lambda: recorder.done == [("FREE", 1)])
        gate.set()
        await eventually(lambda: len(recorder.done) == 101)
    assert [n for s, n in recorder.done if s == "STUCK"] == list(range(100))

"""Following streams and core subjects without a durable consumer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import pytest

from shared.contracts.envelope import Meta, Payload
from shared.contracts.ops import Heartbeat
from shared.domain.errors import ContractViolation
from tests.contract.bus.messages import candle, heartbeat, key_of, skip
from tests.contract.bus.world import NOW_MS, TestBus, World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract


class Follower:
    """Reads a tail in the background."""

    def __init__(self) -> None:
        self.items: list[tuple[Payload, Meta]] = []

    def numbers(self) -> list[int]:
        return [key_of(payload)[1] for payload, _ in self.items if not isinstance(payload, Heartbeat)]


@contextlib.asynccontextmanager
async def following(
    bus: TestBus, patterns: Sequence[str], since: Literal["new", "all", "last_per_subject"] | int = "all"
) -> AsyncIterator[Follower]:
    follower = Follower()
    tail = bus.tail(patterns, since=since)

    async def read() -> None:
        async for item in tail:
            follower.items.append(item)

    task = asyncio.create_task(read())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None
        await tail.aclose()  # type: ignore[attr-defined]


async def begun(bus: TestBus, follower: Follower) -> None:
    """A tail that starts with what is new has begun when it shows a core message."""

    def beat() -> bool:
        bus.send(heartbeat("probe"))
        return bool(follower.items)

    await eventually(beat)


async def test_everything_then_what_comes(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle(number=n) for n in range(5)])
    async with following(bus, ["md.v1.>"]) as follower:
        await eventually(lambda: len(follower.items) == 5)
        await bus.publish(candle(number=5))
        await eventually(lambda: len(follower.items) == 6)
    assert follower.numbers() == [0, 1, 2, 3, 4, 5]
    meta = follower.items[-1][1]
    assert (meta.subject, meta.sequence, meta.ts_ms) == ("md.v1.candle.5m.BTCUSDT", 6, NOW_MS + 5)


async def test_only_what_is_new_with_core_messages_among_it(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1))
    async with following(bus, ["md.v1.>", "hb.v1.>"], "new") as follower:
        await begun(bus, follower)
        await bus.publish(candle(number=2))
        await eventually(lambda: follower.numbers() == [2])
    assert isinstance(follower.items[0][0], Heartbeat)
    assert follower.items[0][1].sequence == 0


async def test_the_last_of_each_subject(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle("AAA", 1), candle("AAA", 2), candle("BBB", 3), candle("CCC", 4), candle("BBB", 5)])
    async with following(bus, ["md.v1.candle.5m.AAA", "md.v1.candle.*.BBB"], "last_per_subject") as follower:
        await eventually(lambda: len(follower.items) == 2)
        await bus.publish(candle("AAA", 6))
        await eventually(lambda: len(follower.items) == 3)
    assert follower.numbers() == [2, 5, 6]


async def test_several_streams_and_overlapping_patterns_give_each_message_once(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle("AAA", 1), candle("BBB", 2)])
    await bus.publish_all([skip("AAA", 3)])
    async with following(bus, [">", "md.v1.>", "*.v1.candle.5m.AAA", "signal.v1.*.AAA"]) as follower:
        await eventually(lambda: len(follower.items) == 3)
        bus.send(heartbeat())
        await eventually(lambda: len(follower.items) == 4)
    assert sorted(follower.numbers()) == [1, 2, 3]


async def test_a_tail_survives_an_outage_without_gap_or_repeat(world: World) -> None:
    bus = await world.bus()
    async with following(bus, ["md.v1.>", "hb.v1.>"], "new") as follower:
        await begun(bus, follower)
        await bus.publish_all([candle(number=n) for n in range(300)])
        await eventually(lambda: len(follower.numbers()) > 50)
        await world.outage()
        await world.back()
        await bus.publish_all([candle(number=n) for n in range(300, 400)])
        await eventually(lambda: len(follower.numbers()) >= 400)
    assert follower.numbers() == list(range(400))


async def test_a_quiet_tail_survives_an_outage_without_repeating_the_past(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle(number=n) for n in range(5)])
    async with following(bus, ["md.v1.>", "hb.v1.>"], "new") as follower:
        await begun(bus, follower)
        await world.outage()
        await world.back()
        await bus.publish(candle(number=5))
        await eventually(follower.numbers)
    assert follower.numbers() == [5]


async def test_a_slow_reader_gets_everything(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle(number=n) for n in range(700)])
    seen = []
    async for payload, _ in bus.tail(["md.v1.>"], since="all"):
        seen.append(key_of(payload)[1])
        if len(seen) % 100 == 0:
            await asyncio.sleep(0.01)
        if len(seen) == 700:
            break
    assert seen == list(range(700))


async def test_what_does_not_fit_is_counted_and_left_out(world: World) -> None:
    bus = await world.bus()
    await world.put_raw("md.v1.candle.5m.BTCUSDT", b"junk")
    await bus.publish(candle(number=1))
    async with following(bus, ["md.v1.>"]) as follower:
        await eventually(lambda: follower.numbers() == [1])
    assert bus.misfits == 1


async def test_a_pattern_that_nothing_matches_is_refused(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(ContractViolation, match="nobody"):
        await anext(bus.tail(["md.v1.>", "nobody.v1.>"]))

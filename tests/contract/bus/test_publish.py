"""Storing messages: confirmed, once, in order, never late."""

import asyncio

import orjson
import pytest

from shared.bus.port import Bus
from shared.contracts.envelope import Outgoing, Producer
from shared.contracts.topic import ALERT, MD, SIGNAL, StreamSpec
from shared.domain.errors import BusUnavailable, ConfigError, ContractViolation
from tests.contract.bus.messages import candle, heartbeat, skip
from tests.contract.bus.world import World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract


async def test_a_message_is_confirmed_with_its_place(world: World) -> None:
    bus: Bus = await world.bus()
    first, second = await bus.publish(candle(number=1)), await bus.publish(candle(number=2))
    assert (first.stream, first.sequence, first.duplicate) == ("MD", 1, False)
    assert (second.sequence, second.duplicate) == (2, False)


async def test_the_envelope_on_the_wire(world: World) -> None:
    bus = await world.bus("scanner", "a1")
    await bus.publish(candle(number=7, decision_id="d1", epoch=3))
    [(subject, data)] = await world.stored("MD")
    wire = orjson.loads(data)
    assert subject == "md.v1.candle.5m.BTCUSDT"
    assert wire["id"] == "md.candle:BTCUSDT:5m:7"
    assert (wire["producer"], wire["account"], wire["decision_id"], wire["epoch"]) == ("scanner/a1", "main", "d1", 3)
    assert wire["data"]["open_ms"] == 7


async def test_a_repeated_message_is_stored_once(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    await bus.publish(candle(number=1))
    again = await other.publish(candle(number=1))
    assert again.duplicate
    assert again.sequence == 1
    assert len(await world.stored("MD")) == 1


async def test_equal_identities_of_two_topics_in_one_stream_do_not_hide_each_other(world: World) -> None:
    bus = await world.bus()
    await bus.publish(skip(number=1))
    await world.put_raw("signal.v1.candidate.BTCUSDT", b"{}")
    assert not (await bus.publish(skip("ETHUSDT", 1))).duplicate
    assert len(await world.stored("SIGNAL")) == 3
    assert skip(number=1).payload.message_id().startswith("signal.skip:")


async def test_many_keep_their_order(world: World) -> None:
    bus = await world.bus()
    acks = await bus.publish_all([candle(number=n) for n in range(200)])
    assert [ack.sequence for ack in acks] == list(range(1, 201))
    assert [orjson.loads(data)["data"]["open_ms"] for _, data in await world.stored("MD")] == list(range(200))


async def test_one_bad_message_among_many_is_told(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(ContractViolation):
        await bus.publish_all([candle(number=1), candle("BAD.SYMBOL", 2)])


@pytest.mark.parametrize("symbol", ["A.B", "A B", "*", ">", "", "A\nB"])
async def test_a_bad_subject_token_is_refused(world: World, symbol: str) -> None:
    bus = await world.bus()
    with pytest.raises(ContractViolation, match="expected a subject token"):
        await bus.publish(candle(symbol))
    assert await world.stored("MD") == []


async def test_a_core_message_cannot_be_stored(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(ContractViolation, match="send"):
        await bus.publish(heartbeat())


async def test_a_message_that_is_too_large_is_refused_for_good(world: World) -> None:
    bus = await world.bus()
    huge = skip(number=1)
    payload = huge.payload.model_copy(update={"features": {f"feature_{n:06}": 0.123456789 for n in range(60_000)}})
    with pytest.raises(ContractViolation, match="larger"):
        await bus.publish(Outgoing(payload, ts_ms=1))


async def test_nothing_is_published_while_disconnected_nor_sent_late(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1))
    await world.outage()
    with pytest.raises(BusUnavailable):
        await bus.publish(candle(number=2))
    await eventually(lambda: not bus.connected)
    with pytest.raises(BusUnavailable, match="not connected"):
        await bus.publish(candle(number=3))
    with pytest.raises(BusUnavailable):
        await bus.ping()
    assert not bus.send(heartbeat())
    assert bus.dropped == 1
    await world.back()
    await eventually(lambda: bus.connected)
    await bus.ping()
    assert (await bus.publish(candle(number=4))).sequence == 2
    assert [orjson.loads(data)["data"]["open_ms"] for _, data in await world.stored("MD")] == [1, 4]


async def test_a_publish_that_the_break_caught_is_not_sent_after_it(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1))
    publishing = asyncio.gather(*(bus.publish(candle(number=n)) for n in range(2, 50)), return_exceptions=True)
    await world.outage()
    failed = {n for n, result in enumerate(await publishing, 2) if isinstance(result, BusUnavailable)}
    await world.back()
    await eventually(lambda: bus.connected)
    await bus.ping()
    numbers = {orjson.loads(data)["data"]["open_ms"] for _, data in await world.stored("MD")}
    assert numbers | failed >= set(range(1, 50))  # nothing confirmed is missing


async def test_messages_survive_an_outage(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1))
    await world.outage()
    await world.back()
    await eventually(lambda: bus.connected)
    assert (await bus.publish(candle(number=1))).duplicate


async def test_streams_become_exactly_what_is_asked(world: World) -> None:
    bus = await world.bus()
    await bus.provision([StreamSpec("MD", ("md.v1.candle.>", "extra.v1.>"), 1000, 2**20, 100)])
    assert sorted(await world.subjects("MD")) == ["extra.v1.>", "md.v1.candle.>"]
    await bus.provision([MD])
    assert await world.subjects("MD") == ["md.v1.>"]


async def test_a_stream_that_takes_the_subjects_of_another_is_refused(world: World) -> None:
    bus = await world.bus()
    with pytest.raises(ConfigError, match="TWIN"):
        await bus.provision([StreamSpec("TWIN", SIGNAL.subjects, None, 2**20)])


async def test_a_stream_that_does_not_exist_is_told(world: World) -> None:
    bus = world.make(Producer("scanner", "x", "main"), None)
    await bus.connect(5)
    world.buses.append(bus)
    await bus.provision([ALERT])
    with pytest.raises(BusUnavailable, match=r"publishing md\.candle"):
        await bus.publish(candle())

"""Handling: outputs first, then the acknowledgement; and every verdict on a failure."""

import asyncio
import itertools
from collections.abc import Iterable

import orjson
import pytest

from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.topic import SKIP
from shared.domain.errors import (
    ContractViolation,
    ExchangeUnavailable,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    StateCorrupt,
)
from tests.contract.bus.messages import Recorder, candle, consuming, consumption, dead_letters, heartbeat, idle, skip
from tests.contract.bus.world import World
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.contract


class Counting:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.again = 0
        self.dead = 0

    def handled(self, topic: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.seen.append((topic, outcome))

    def redelivered(self, topic: str) -> None:  # noqa: ARG002
        self.again += 1

    def dead_lettered(self, topic: str) -> None:  # noqa: ARG002
        self.dead += 1


async def test_outputs_carry_on_decision_cause_and_epoch(world: World) -> None:
    bus = await world.bus()
    await bus.publish(candle(number=1, decision_id="idea", epoch=4))
    async with consuming(bus, [consumption(Recorder(outputs=True))]):
        await eventually(lambda: world.stored("SIGNAL"))
        await eventually(lambda: idle(bus))
    [(subject, data)] = await world.stored("SIGNAL")
    wire = orjson.loads(data)
    assert subject == "signal.v1.skip.BTCUSDT"
    assert (wire["decision_id"], wire["cause_id"], wire["epoch"]) == ("idea", "md.candle:BTCUSDT:5m:1", 4)


async def test_outputs_keep_what_the_handler_said(world: World) -> None:
    bus = await world.bus()
    heard: list[str] = []

    async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        return [skip(number=1, decision_id="own", cause_id="mine", epoch=9), heartbeat()]

    await bus.publish(candle(number=1, decision_id="idea", epoch=4))
    async with consuming(bus, [consumption(handler)]):
        [(_, data)] = await eventually(lambda: world.stored("SIGNAL"))
    wire = orjson.loads(data)
    assert (wire["decision_id"], wire["cause_id"], wire["epoch"]) == ("own", "mine", 9)
    assert heard == []


async def test_meta_tells_where_a_message_came_from(world: World) -> None:
    bus = await world.bus("scanner", "a1")
    recorder = Recorder(fail_first={1: ExchangeUnavailable("not yet")})
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder)]):
        await eventually(lambda: recorder.done)
    first, second = recorder.metas
    assert (first.subject, first.sequence, first.attempt) == ("md.v1.candle.5m.BTCUSDT", 1, 1)
    assert second.attempt == 2
    assert second.producer == "scanner/a1"


async def test_a_failing_message_is_tried_with_growing_delays_then_becomes_a_dead_letter(world: World) -> None:
    observer = Counting()
    bus = await world.bus("scanner", observer=observer)
    recorder = Recorder(errors={1: ValueError("odd number")})
    await bus.publish(candle(number=1, decision_id="idea", epoch=2))
    await bus.publish(candle(number=2))
    async with consuming(bus, [consumption(recorder, delays_s=(0.2, 0.4))]):
        await eventually(lambda: dead_letters(world))
        await eventually(lambda: idle(bus))
    times = [t for t, (_, number) in zip(recorder.times, recorder.calls, strict=True) if number == 1]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(waits) == 2
    assert 0.19 <= waits[0] < 0.4 <= waits[1] + 0.01
    assert recorder.numbers() == [2]
    [(subject, data)] = await world.stored("DLQ")
    assert subject == "dlq.v1.scanner.md-candle"
    wire = orjson.loads(data)
    assert (wire["cause_id"], wire["decision_id"], wire["epoch"]) == ("md.candle:BTCUSDT:5m:1", "idea", 2)
    letter = wire["data"]
    assert (letter["stream"], letter["sequence"], letter["attempts"]) == ("MD", 1, 3)
    assert letter["source_subject"] == "md.v1.candle.5m.BTCUSDT"
    assert letter["source_id"] == "md.candle:BTCUSDT:5m:1"
    assert (letter["code"], letter["reason"]) == ("ValueError", "ValueError: odd number")
    assert orjson.loads(letter["body"])["data"]["open_ms"] == 1
    assert sorted(observer.seen) == [("md.candle", "dead_lettered"), ("md.candle", "done"), *[("md.candle", "retried")] * 2]
    assert (observer.again, observer.dead) == (2, 1)


@pytest.mark.parametrize("error", [OrderRejected("margin", venue_code=-2019), ContractViolation("no")])
async def test_a_permanent_error_is_not_tried_again(world: World, error: Exception) -> None:
    bus = await world.bus()
    recorder = Recorder(errors={1: error})
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder)]):
        [letter] = await eventually(lambda: dead_letters(world))
        await eventually(lambda: idle(bus))
    assert len(recorder.calls) == 1
    assert letter["attempts"] == 1
    assert letter["code"] == error.code  # type: ignore[attr-defined]


@pytest.mark.parametrize("junk", [b"\xff\xfe", b"[]", b'{"type":"md.candle"}', b'{"type":"nobody.knows","data":{}}'])
async def test_what_cannot_be_read_never_reaches_the_handler(world: World, junk: bytes) -> None:
    bus = await world.bus()
    recorder = Recorder()
    await world.put_raw("md.v1.candle.5m.BTCUSDT", junk)
    async with consuming(bus, [consumption(recorder)]):
        [letter] = await eventually(lambda: dead_letters(world))
        await eventually(lambda: idle(bus))
    assert recorder.calls == []
    assert (letter["code"], letter["attempts"]) == ("contract_violation", 1)
    assert letter["body"] == junk.decode("utf-8", "replace")


async def test_a_message_of_another_type_on_the_subject_is_refused(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder()
    await bus.publish(skip(number=1))
    [(_, data)] = await world.stored("SIGNAL")
    await world.put_raw("md.v1.candle.5m.BTCUSDT", data)
    async with consuming(bus, [consumption(recorder)]):
        [letter] = await eventually(lambda: dead_letters(world))
    assert recorder.calls == []
    assert "expected a message of type md.candle" in str(letter["reason"])


async def test_a_rate_limit_may_ask_for_a_longer_wait(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder(fail_first={1: RateLimited("slow down", retry_after_s=0.5)})
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder)]):
        await eventually(lambda: recorder.done)
    assert recorder.times[1] - recorder.times[0] >= 0.49


async def test_an_unknown_outcome_is_tried_again_then_kept(world: World) -> None:
    bus = await world.bus()
    recorder = Recorder(errors={1: OutcomeUnknown("timeout", client_id="mr-1")})
    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(recorder)]):
        [letter] = await eventually(lambda: dead_letters(world))
    assert len(recorder.calls) == 3
    assert letter["attempts"] == 3


async def test_an_output_that_cannot_be_published_is_a_failure_of_its_input(world: World) -> None:
    bus = await world.bus()

    async def handler(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        return [skip("BAD.TOKEN", 1)]

    await bus.publish(candle(number=1))
    async with consuming(bus, [consumption(handler)]):
        [letter] = await eventually(lambda: dead_letters(world))
    assert letter["code"] == "contract_violation"


async def test_a_fatal_error_ends_consuming_and_leaves_the_message_to_others(world: World) -> None:
    bus, other = await world.bus(), await world.bus(instance="b")
    await bus.publish_all([candle("AAA", 1), candle("BBB", 2), candle("CCC", 3)])
    recorder = Recorder(errors={2: StateCorrupt("unreadable")})
    with pytest.raises(StateCorrupt):
        await asyncio.wait_for(bus.consume([consumption(recorder, ack_wait_s=30)], lanes=1), 5)
    heir = Recorder()
    async with consuming(other, [consumption(heir, ack_wait_s=30)]):
        await eventually(lambda: sorted(heir.numbers() + recorder.numbers()) == [1, 2, 3], within_s=8)
    assert await dead_letters(world) == []


async def test_effectful_consumptions_work_the_same(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle(number=n) for n in range(10)])
    recorder = Recorder()
    async with consuming(bus, [consumption(recorder, effectful=True)]):
        await eventually(lambda: len(recorder.done) == 10)
        await eventually(lambda: idle(bus))


async def test_lag_counts_what_is_not_settled(world: World) -> None:
    bus = await world.bus()
    gate = asyncio.Event()
    recorder = Recorder(gate=gate)
    await bus.publish_all([candle(number=n) for n in range(5)])
    assert await bus.lag() == 0  # nothing is consumed here
    async with consuming(bus, [consumption(recorder)]):
        await eventually(lambda: recorder.calls)
        assert await bus.lag() == 5
        gate.set()
        await eventually(lambda: idle(bus))


async def test_a_new_durable_can_start_with_what_is_new_or_last(world: World) -> None:
    bus = await world.bus()
    await bus.publish_all([candle("AAA", 1), candle("AAA", 2), candle("BBB", 3)])
    late, last = Recorder(), Recorder()
    both = [consumption(late, durable="late", start="new"), consumption(last, durable="last", start="last_per_subject")]
    async with consuming(bus, both):
        await eventually(lambda: len(last.done) == 2)
        await bus.publish(candle("AAA", 4))
        await eventually(lambda: late.done and len(last.done) == 3)
    assert late.numbers() == [4]
    assert last.numbers() == [2, 3, 4]


async def test_two_durables_of_one_stream_both_get_everything(world: World) -> None:
    bus = await world.bus()
    one, two, three = Recorder(), Recorder(), Recorder()
    await bus.publish_all([candle(number=n) for n in range(5)])
    await bus.publish(skip(number=1))
    all_three = [consumption(one), consumption(two, durable="second"), consumption(three, durable="skips", topic=SKIP)]
    async with consuming(bus, all_three, lanes=4):
        await eventually(lambda: len(one.done) == len(two.done) == 5 and three.done)

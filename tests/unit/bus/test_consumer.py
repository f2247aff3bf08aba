"""The consumer engine with a source under the test's control: repeats, late copies, mistakes in the background."""

import asyncio
from collections.abc import Iterable

import pytest

from shared.bus.attempt import Handling, persist
from shared.bus.consumer import Consumer, Ended
from shared.bus.delivery import Sink, Window
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker
from shared.bus.observer import Unobserved
from shared.bus.port import Consumption
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer, encode
from shared.contracts.registry import MODELS
from shared.contracts.topic import CANDLE
from shared.domain.clock import ManualClock
from shared.domain.errors import BusUnavailable
from tests.contract.bus.messages import Recorder, candle
from tests.fakes.eventually import eventually

PRODUCER = Producer("scanner", "a", "main")


class ScriptedDelivery:
    """Remembers its verdicts; `away` makes the next so many fail."""

    def __init__(self, number: int, attempt: int = 1, away: int = 0) -> None:
        outgoing = candle(number=number)
        self.subject, self.data = outgoing.payload.subject(), encode(outgoing, PRODUCER, 1)
        self.message_id, self.stream, self.sequence, self.attempt = outgoing.payload.message_id(), "MD", number, attempt
        self.verdicts: list[str] = []
        self._away = away

    def _say(self, verdict: str) -> None:
        if self._away:
            self._away -= 1
            raise BusUnavailable("away")
        self.verdicts.append(verdict)

    async def ack(self, *, confirm: bool) -> None:
        self._say(f"ack {confirm}")

    async def nak(self, delay_s: float) -> None:
        self._say(f"nak {delay_s:g}")

    async def term(self) -> None:
        self._say("term")

    async def keep(self) -> None:
        self._say("keep")


class ScriptedSource:
    """Delivers what the test says."""

    def __init__(self, sink: Sink, window: Window) -> None:
        self.sink, self.window, self.closed = sink, window, False

    def bring(self, delivery: ScriptedDelivery) -> ScriptedDelivery:
        self.window.took()
        self.sink(delivery)
        return delivery

    async def open(self) -> None: ...

    def release(self, waited_s: float | None) -> None:
        self.window.released(waited_s)

    def widen(self) -> None:
        self.window.widen()

    async def close(self) -> None:
        self.closed = True

    async def waiting(self) -> int:
        return self.window.held


class Rig:
    """A running consumer."""

    def __init__(self, recorder: Recorder, *, effectful: bool = False, ack_wait_s: float = 0.3, lanes: int = 2) -> None:
        self.sources: list[ScriptedSource] = []
        bus = MemoryBus(MemoryBroker(), PRODUCER, ManualClock(1))
        handling = Handling(bus, MODELS, PRODUCER, ManualClock(1), Unobserved())
        consumption = Consumption(durable="d", topic=CANDLE, handler=recorder, ack_wait_s=ack_wait_s, effectful=effectful)
        self.consumer = Consumer([consumption], lanes, self._open, handling)
        self.task = asyncio.create_task(self.consumer.run(asyncio.get_running_loop().create_future()))

    def _open(self, _consumption: Consumption, sink: Sink, window: Window) -> ScriptedSource:
        self.sources.append(ScriptedSource(sink, window))
        return self.sources[-1]

    def bring(self, number: int, attempt: int = 1, away: int = 0) -> ScriptedDelivery:
        return self.sources[0].bring(ScriptedDelivery(number, attempt, away))

    async def end(self) -> None:
        await self.consumer.drain(0.1)
        await self.task
        assert self.sources[0].window.held == 0


async def test_a_late_repeat_of_what_is_done_is_acknowledged_and_not_handled() -> None:
    recorder = Recorder()
    rig = Rig(recorder, effectful=True)
    first = rig.bring(1)
    await eventually(lambda: first.verdicts == ["ack True"])
    again = rig.bring(1, attempt=2)
    await eventually(lambda: again.verdicts == ["ack False"])
    await rig.end()
    assert len(recorder.calls) == 1


async def test_a_repeat_of_what_failed_is_handled() -> None:
    recorder = Recorder(fail_first={1: ValueError("once")})
    rig = Rig(recorder)
    first = rig.bring(1)
    await eventually(lambda: first.verdicts == ["nak 0.3"])
    again = rig.bring(1, attempt=2)
    await eventually(lambda: again.verdicts == ["ack False"])
    await rig.end()
    assert len(recorder.calls) == 2


async def test_the_newest_copy_of_what_is_in_hand_gets_the_verdict() -> None:
    recorder = Recorder(gate=asyncio.Event())
    rig = Rig(recorder, ack_wait_s=30)
    first = rig.bring(1)
    await eventually(lambda: recorder.calls)
    second = rig.bring(1, attempt=2)
    assert recorder.gate is not None
    recorder.gate.set()
    await eventually(lambda: second.verdicts == ["ack False"])
    await rig.end()
    assert first.verdicts == []
    assert len(recorder.calls) == 1


async def test_a_verdict_is_repeated_while_the_broker_is_away() -> None:
    rig = Rig(Recorder(), ack_wait_s=5)
    delivery = rig.bring(1, away=2)
    await eventually(lambda: delivery.verdicts == ["ack False"])
    await rig.end()


async def test_what_arrives_while_ending_is_given_back() -> None:
    gate = asyncio.Event()
    recorder = Recorder(gate=gate)
    rig = Rig(recorder, ack_wait_s=30)
    rig.bring(1)
    await eventually(lambda: recorder.calls)
    draining = asyncio.create_task(rig.consumer.drain(5))
    await eventually(lambda: rig.sources[0].closed)
    late = rig.bring(2)
    await eventually(lambda: late.verdicts == ["nak 0"])
    gate.set()
    await draining
    await rig.task
    assert [number for _, number in recorder.calls] == [1]


async def test_a_mistake_in_the_background_ends_consuming() -> None:
    recorder = Recorder(gate=asyncio.Event())
    rig = Rig(recorder, ack_wait_s=0.06)
    delivery = rig.bring(1)

    async def broken() -> None:
        raise ZeroDivisionError

    delivery.keep = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(rig.task, 5)


async def test_a_handler_that_returns_no_messages_at_all_is_a_failure() -> None:
    async def forgetful(_payload: Payload, _meta: Meta) -> Iterable[Outgoing]:
        return None  # type: ignore[return-value]

    rig = Rig(forgetful)  # type: ignore[arg-type]
    delivery = rig.bring(1)
    await eventually(lambda: delivery.verdicts == ["nak 0.3"])
    await rig.end()


def test_the_memory_of_what_is_over_is_bounded_and_needs_ids() -> None:
    consumption = Consumption(durable="d", topic=CANDLE, handler=Recorder())
    ended = Ended(2)
    deliveries = [ScriptedDelivery(n, attempt=2) for n in range(3)]
    for delivery in deliveries:
        ended.add(consumption, delivery)
    assert [ended.has(consumption, d) for d in deliveries] == [False, True, True]
    nameless = ScriptedDelivery(9, attempt=2)
    nameless.message_id = ""
    ended.add(consumption, nameless)
    assert not ended.has(consumption, nameless)
    other_stream = ScriptedDelivery(2, attempt=2)
    other_stream.message_id = "another fact under the same number"
    assert not ended.has(consumption, other_stream)


async def test_persisting_gives_up_in_time() -> None:
    tries: list[int] = []

    async def never() -> None:
        tries.append(1)
        raise BusUnavailable("away")

    with pytest.raises(BusUnavailable):
        await persist(never, 0.3)
    assert 2 <= len(tries) <= 3

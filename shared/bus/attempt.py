"""One attempt at one message: decode, handle, publish what came out, acknowledge; or carry out the verdict on the failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from shared.bus.delivery import Delivery, Source
from shared.bus.observer import Observer, Outcome
from shared.bus.port import Ack, Consumption
from shared.bus.verdict import Fate, Verdict, dead_letter, exhausted, judge
from shared.contracts.envelope import Meta, Outgoing, Payload, Producer, decode
from shared.domain.clock import Clock
from shared.domain.errors import BusUnavailable, ContractViolation, Fatal, MrasterError

_LOG = logging.getLogger("mraster.bus")
_RETRY_S = 0.2  # between two tries to publish outputs or to send a verdict while the broker is away

T = TypeVar("T")


async def persist(action: Callable[[], Awaitable[T]], within_s: float) -> T:
    """Repeat an action that is safe to repeat while the broker is away.

    Raises:
        BusUnavailable: it did not succeed in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            return await action()
        except BusUnavailable:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(_RETRY_S)


@dataclass(slots=True, eq=False)
class Held:
    """A message in hand. `delivery` is its newest copy; once `settled` it is not kept alive any more."""

    consumption: Consumption
    source: Source
    delivery: Delivery
    arrived_s: float
    started: bool = False
    settled: bool = False


class Publisher(Protocol):
    """What handling needs of the bus."""

    async def publish(self, outgoing: Outgoing) -> Ack:
        """Store one message."""
        ...

    async def publish_all(self, outgoings: Iterable[Outgoing]) -> list[Ack]:
        """Store several."""
        ...

    def send(self, outgoing: Outgoing) -> bool:
        """Core message."""
        ...


class Handling:
    """Knows how to attempt a message; holds no state of its own."""

    def __init__(
        self, publisher: Publisher, models: Mapping[str, type[Payload]], producer: Producer, clock: Clock, observer: Observer
    ) -> None:
        self._publisher = publisher
        self._models = models
        self._producer = producer
        self._clock = clock
        self._observer = observer

    async def attempt(self, held: Held) -> Outcome:
        """Handle the message and settle it.

        Raises:
            Fatal: the handler said so, or the bus is lost; the message was given back where that was possible.
        """
        topic = held.consumption.topic.name
        attempt = held.delivery.attempt
        started_s = self._clock.monotonic_s()
        if attempt > 1:
            self._observer.redelivered(topic)
        verdict, meta = exhausted(attempt, held.consumption), None
        if verdict is None:
            try:
                payload, meta = self._decode(held)
                await self._publish(await held.consumption.handler(payload, meta), meta, held.consumption)
            except Exception as error:  # noqa: BLE001 - the one place where an exception becomes a verdict
                verdict = await self._judge(error, attempt, held)
        outcome = await self._carry_out(held, verdict, meta)
        self._observer.handled(topic, outcome, self._clock.monotonic_s() - started_s)
        return outcome

    def _decode(self, held: Held) -> tuple[Payload, Meta]:
        delivery, topic = held.delivery, held.consumption.topic
        payload, meta = decode(delivery.data, self._models, subject=delivery.subject, sequence=delivery.sequence, attempt=delivery.attempt)
        if meta.type != topic.name:
            raise ContractViolation(f"expected a message of type {topic.name} on {delivery.subject}, got {meta.type}")
        return payload, meta

    async def _publish(self, outputs: Iterable[Outgoing], meta: Meta, consumption: Consumption) -> None:
        """Outputs carry on the decision, the cause and the epoch of their input."""
        stored: list[Outgoing] = []
        for output in outputs:
            full = replace(
                output,
                decision_id=output.decision_id or meta.decision_id,
                cause_id=output.cause_id or meta.id,
                epoch=output.epoch or meta.epoch,
            )
            if full.payload.topic.stream is None:
                self._publisher.send(full)
            else:
                stored.append(full)
        if stored:
            # a broker that restarts is waited for: running the handler again may cost more than a few seconds
            await persist(lambda: self._publisher.publish_all(stored), consumption.ack_wait_s)

    async def _judge(self, error: Exception, attempt: int, held: Held) -> Verdict:
        """The verdict, logged; a fatal error gives the message back and goes on up."""
        verdict = judge(error, attempt, held.consumption)
        trace = None if isinstance(error, MrasterError) else error
        message = "%s: attempt %d of %d failed on %s: %s (%s)"
        _LOG.warning(
            message,
            held.consumption.durable,
            attempt,
            held.consumption.attempts,
            held.delivery.subject,
            verdict.reason,
            verdict.fate.name.lower(),
            exc_info=trace,
        )
        if isinstance(error, Fatal):
            held.settled = True
            await self._tell(held, lambda: held.delivery.nak(verdict.delay_s), within_s=0)
            self._observer.handled(held.consumption.topic.name, Outcome.FATAL, 0.0)
            raise error
        return verdict

    async def _carry_out(self, held: Held, verdict: Verdict | None, meta: Meta | None) -> Outcome:
        consumption = held.consumption
        if verdict is None:
            held.settled = True
            await self._tell(held, lambda: held.delivery.ack(confirm=consumption.effectful), within_s=consumption.ack_wait_s)
            return Outcome.DONE
        if verdict.fate is Fate.BURY and await self._bury(held, verdict, meta):
            return Outcome.DEAD_LETTERED
        held.settled = True
        await self._tell(held, lambda: held.delivery.nak(verdict.delay_s), within_s=consumption.ack_wait_s)
        return Outcome.RETRIED

    async def _bury(self, held: Held, verdict: Verdict, meta: Meta | None) -> bool:
        """Write the dead letter, then end the message. False when the letter could not be written: it comes again."""
        letter = dead_letter(held.delivery, self._producer.service, held.consumption, verdict, meta, self._clock.now_ms())
        try:
            await persist(lambda: self._publisher.publish(letter), held.consumption.ack_wait_s)
        except BusUnavailable as error:
            _LOG.error("%s: the dead letter of %s was not written: %s", held.consumption.durable, held.delivery.subject, error)
            return False
        held.settled = True
        await self._tell(held, held.delivery.term, within_s=held.consumption.ack_wait_s)
        self._observer.dead_lettered(held.consumption.topic.name)
        return True

    async def _tell(self, held: Held, verdict: Callable[[], Awaitable[None]], within_s: float) -> None:
        """Send a verdict. When that fails the server delivers again after `ack_wait`; handlers are idempotent."""
        try:
            await persist(verdict, within_s)
        except (BusUnavailable, Fatal) as error:
            _LOG.warning("%s: verdict on %s not sent: %s", held.consumption.durable, held.delivery.subject, error)

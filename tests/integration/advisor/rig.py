"""One service of ours on real servers, in the test's own event loop; also for the sentinel's tests."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from shared.bus.nats_bus import NatsBus
from shared.config.load import load
from shared.config.registry import env_names
from shared.contracts.envelope import Meta, Payload, Producer
from shared.contracts.topic import STREAMS, Topic
from shared.domain.clock import Clock
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail
from shared.runtime.metrics import Metrics
from shared.runtime.options import RunOptions
from shared.runtime.service import Service
from shared.runtime.venue import Venue
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer

P = TypeVar("P", bound=Payload)


@asynccontextmanager
async def context(
    nats: NatsServer, redis: RedisServer, service: str, *, venue: Venue | None = None, **settings: str
) -> AsyncIterator[Context]:
    """A connected context; `settings` by place, dots as double underscores."""
    settings = {"core__state_file": str(redis.home / "aster_state.json"), **settings}
    clock: Clock = venue.clock if venue is not None else SystemClock()
    producer = Producer(service, f"{service}-{secrets.token_hex(3)}", "main")
    bus = NatsBus(nats.url, producer, clock)
    await bus.connect(10)
    await bus.provision(STREAMS)
    state = RedisState(redis.url, "main")
    try:
        yield Context(
            settings=load(environ=env_names({name.replace("__", "."): text for name, text in settings.items()})),
            clock=clock,
            bus=bus,
            state=state,
            keys=Keys("main"),
            log=structlog.get_logger(),
            metrics=Metrics(service),
            producer=producer,
            options=RunOptions(),
            venue_or_none=venue,
        )
    finally:
        await bus.close()
        await state.close()


@asynccontextmanager
async def running(ctx: Context, build: Callable[[Context], Service]) -> AsyncIterator[Lifecycle]:
    """The service, ready; stopped and drained at the end."""
    life = Lifecycle(ctx, build, LogTail())
    task = asyncio.create_task(life.live())
    try:
        await eventually(lambda: task.done() or life.health()[1]["state"] == "ready", what="the service is ready")
        if task.done():
            task.result()
        yield life
    finally:
        ctx.stopping.set()
        try:
            await task
        finally:
            life._http._socket.close()


class Heard:
    """Everything of one topic that is on the bus."""

    def __init__(self, ctx: Context, topic: Topic) -> None:
        self._ctx = ctx
        self._topic = topic
        self.messages: list[tuple[Payload, Meta]] = []

    async def _listen(self) -> None:
        async for message in self._ctx.bus.tail([self._topic.pattern], since="all"):
            self.messages.append(message)

    def of(self, kind: type[P]) -> list[P]:
        """The payloads."""
        return [payload for payload, _ in self.messages if isinstance(payload, kind)]


@asynccontextmanager
async def heard(ctx: Context, topic: Topic) -> AsyncIterator[Heard]:
    """Listen to a topic from its beginning."""
    found = Heard(ctx, topic)
    task = asyncio.create_task(found._listen())
    try:
        yield found
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

"""Following a memory broker, as `tail.py` follows NATS."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal

from shared.bus.memory_broker import MemoryBroker, Stored
from shared.bus.routes import Routes
from shared.bus.subjects import matches
from shared.domain.errors import BusLost, ConfigError

Since = Literal["new", "all", "last_per_subject"] | int
Raw = tuple[str, bytes, int]  # subject, data, stream sequence (0 for core)


async def follow(broker: MemoryBroker, lost: "asyncio.Future[BusLost]", plan: Routes, since: Since) -> AsyncGenerator[Raw, None]:
    """Past messages as `since` says, then new ones and core messages as they come.

    Raises:
        BusLost: the connection is closed for good.
        ConfigError: a stream does not exist.
    """
    queue: asyncio.Queue[Raw | None] = asyncio.Queue()

    def stored(message: Stored) -> None:
        if any(matches(p, message.subject) for p in plan.streams.get(message.stream, ())):
            queue.put_nowait((message.subject, message.data, message.sequence))

    def core(subject: str, data: bytes) -> None:
        if any(matches(p, subject) for p in plan.core):
            queue.put_nowait((subject, data, 0))

    def wake(_lost: "asyncio.Future[BusLost]") -> None:
        queue.put_nowait(None)

    for message in _past(broker, plan, since):
        stored(message)
    broker.listeners.add(stored)
    broker.core_listeners.add(core)
    lost.add_done_callback(wake)
    try:
        while (item := await queue.get()) is not None:
            yield item
        raise lost.result()
    finally:
        broker.listeners.discard(stored)
        broker.core_listeners.discard(core)
        lost.remove_done_callback(wake)


def _past(broker: MemoryBroker, plan: Routes, since: Since) -> list[Stored]:
    missing = [stream for stream in plan.streams if stream not in broker.streams]
    if missing:
        raise ConfigError(f"following {missing[0]}: the stream does not exist, expected it to be provisioned before")
    if since == "new":
        return []
    past = [message for stream in plan.streams for message in broker.streams[stream].log]
    if since == "last_per_subject":
        last = {(m.stream, m.subject): m.sequence for m in past}
        return [m for m in past if last[(m.stream, m.subject)] == m.sequence]
    return past if since == "all" else [m for m in past if m.stored_ms >= int(since)]

"""Connections that operator commands make: short, and honest when nobody answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Producer
from shared.runtime.clock import SystemClock
from shared.state.redis_store import RedisState


@asynccontextmanager
async def open_bus(url: str, account: str, deadline_s: float) -> AsyncIterator[NatsBus]:
    """A connected bus.

    Raises:
        Transient: nobody answers within the deadline.
    """
    bus = NatsBus(url, Producer("cli", "cli", account), SystemClock())
    try:
        await bus.connect(deadline_s)
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def open_state(url: str, account: str) -> AsyncIterator[RedisState]:
    """The store; it connects with the first request."""
    state = RedisState(url, account)
    try:
        yield state
    finally:
        await state.close()

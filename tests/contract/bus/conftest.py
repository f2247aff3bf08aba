"""`world`: the broker that a test runs on, once in memory and once for real."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.contract.bus.world import MemoryWorld, NatsWorld, World
from tests.fakes.servers import NatsServer


@pytest_asyncio.fixture(params=["memory", "nats"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A fresh broker."""
    if request.param == "memory":
        there: World = MemoryWorld()
        yield there
        await there.close()
        return
    with NatsServer() as server:
        there = NatsWorld(server)
        yield there
        await there.close()


@pytest_asyncio.fixture
async def nats_world(nats_server: NatsServer) -> AsyncIterator[NatsWorld]:
    """A real server, for what only a real server does."""
    there = NatsWorld(nats_server)
    yield there
    await there.close()

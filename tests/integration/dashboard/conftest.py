"""One dashboard per test, on real servers of its own: message ids of two accounts on one broker would meet."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.dashboard.facts import MORNING_MS
from tests.integration.dashboard.rig import Rig, running

PASSWORD = "open sesame, please"


@pytest.fixture
async def rig(nats_server: NatsServer, redis_server: RedisServer) -> AsyncIterator[Rig]:
    """Without a password."""
    async with running(nats_server, redis_server, now_ms=MORNING_MS) as one:
        yield one


@pytest.fixture
async def locked(nats_server: NatsServer, redis_server: RedisServer) -> AsyncIterator[Rig]:
    """With a password."""
    async with running(nats_server, redis_server, now_ms=MORNING_MS, dashboard__password=PASSWORD) as one:
        yield one

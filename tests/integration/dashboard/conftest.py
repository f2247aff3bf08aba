"""One dashboard per test on real servers that the module shares; each test has an account of its own on them."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.dashboard.facts import MORNING_MS
from tests.integration.dashboard.rig import Rig, running

PASSWORD = "open sesame, please"


def account() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
async def rig(nats_server_shared: NatsServer, redis_server_shared: RedisServer) -> AsyncIterator[Rig]:
    """Without a password."""
    async with running(nats_server_shared, redis_server_shared, now_ms=MORNING_MS, core__account=account()) as one:
        yield one


@pytest.fixture
async def locked(nats_server_shared: NatsServer, redis_server_shared: RedisServer) -> AsyncIterator[Rig]:
    """With a password."""
    more = {"core__account": account(), "dashboard__password": PASSWORD}
    async with running(nats_server_shared, redis_server_shared, now_ms=MORNING_MS, **more) as one:
        yield one

"""One `State` suite, run on the memory twin and on a real redis-server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import pytest
import redis.asyncio

from shared.domain.clock import ManualClock
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.port import State
from shared.state.redis_store import RedisState
from shared.state.store import MemoryStore
from tests.fakes.eventually import eventually
from tests.fakes.servers import RedisServer

NOON_MS = 1_764_590_400_000


class World(Protocol):
    """A store with as many clients as a test wants, and a way to put junk into it."""

    keys: Keys

    def client(self) -> State: ...

    async def today(self) -> str: ...

    async def plant(self, key: str, field: str, text: str) -> None: ...

    async def eventually(self, check: Callable[[], Awaitable[Any]]) -> Any: ...


@dataclass
class MemoryWorld:
    """The twin: time moves when somebody waits."""

    keys: Keys
    clock: ManualClock
    store: MemoryStore

    def client(self) -> State:
        return MemoryState(self.store, self.keys.account)

    async def today(self) -> str:
        return datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC).date().isoformat()

    async def plant(self, key: str, field: str, text: str) -> None:
        self.store.hashes.setdefault(key, {})[field] = text

    async def eventually(self, check: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(500):
            if value := await check():
                return value
            self.clock.advance_ms(20)
        raise AssertionError("not within ten seconds of the manual clock")


@dataclass
class RedisWorld:
    """The real server, with an account of its own for each test."""

    keys: Keys
    server: RedisServer
    raw: redis.asyncio.Redis
    clients: list[RedisState]
    one: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(8))

    def client(self) -> State:
        self.clients.append(RedisState(self.server.url, self.keys.account, timeout_s=5))
        return self.clients[-1]

    async def today(self) -> str:
        async with self.one:
            seconds, _ = await self.raw.time()
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()

    async def plant(self, key: str, field: str, text: str) -> None:
        await self.raw.hset(key, field, text)

    async def eventually(self, check: Callable[[], Awaitable[Any]]) -> Any:
        return await eventually(check)

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        await self.raw.aclose()


@pytest.fixture(params=["memory", "redis"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    keys = Keys(f"t{uuid4().hex[:8]}")
    if request.param == "memory":
        clock = ManualClock(NOON_MS)
        yield MemoryWorld(keys, clock, MemoryStore(clock))
        return
    real = real_world(request.getfixturevalue("redis_server_shared"), keys)
    yield real
    await real.close()


def real_world(server: RedisServer, keys: Keys) -> RedisWorld:
    return RedisWorld(keys, server, redis.asyncio.Redis.from_url(server.url), [])


@pytest.fixture
async def real(redis_server_shared: RedisServer) -> AsyncIterator[RedisWorld]:
    world = real_world(redis_server_shared, Keys(f"t{uuid4().hex[:8]}"))
    yield world
    await world.close()


@pytest.fixture
async def real_alone(redis_server: RedisServer) -> AsyncIterator[RedisWorld]:
    """A server for this test only: it may be killed, frozen and restarted."""
    world = real_world(redis_server, Keys("alone"))
    yield world
    redis_server.thaw()
    await world.close()


@pytest.fixture
def state(world: World) -> State:
    return world.client()

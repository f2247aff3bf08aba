"""A dashboard on real or memory servers, in the test's own event loop, and a paper venue that only tells its status."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.dashboard.desk import Desk
from services.dashboard.service import desk_of, service_of
from shared.bus.nats_bus import NatsBus
from shared.bus.port import Bus
from shared.config.load import load
from shared.config.registry import env_names
from shared.config.settings import Settings
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.domain.clock import Clock
from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.public import PublicClient
from shared.exchange.stream import StreamOptions
from shared.exchange.venues.policy import policy_for
from shared.runtime.context import Context
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail
from shared.runtime.metrics import Metrics
from shared.runtime.options import RunOptions
from shared.runtime.venue import Venue
from shared.state.keys import Keys
from shared.state.port import State
from shared.state.redis_store import RedisState
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer, free_port

VENUE = "http://venue.test"


@dataclass
class FakeVenue:
    """Answers `time` (which goes on from `start_ms`) and the paper status; `down` refuses."""

    status: Mapping[str, Any]
    start_ms: int
    down: bool = False
    begun_s: float = field(default_factory=time.monotonic)

    @property
    def now_ms(self) -> int:
        return self.start_ms + int((time.monotonic() - self.begun_s) * 1000)

    def app(self) -> Starlette:
        async def clock(_request: Request) -> JSONResponse:
            return self._answer({"serverTime": self.now_ms})

        async def status(_request: Request) -> JSONResponse:
            return self._answer(dict(self.status))

        return Starlette(routes=[Route("/fapi/v1/time", clock), Route("/paper/v1/status", status)])

    def _answer(self, body: dict[str, Any]) -> JSONResponse:
        if self.down:
            return JSONResponse({"code": -1001, "msg": "down"}, status_code=503)
        return JSONResponse(body)


def venue_of(fake: FakeVenue) -> Venue:
    """The client of the fake, without sockets."""
    policy = policy_for(VENUE)
    clock = VenueClock()
    http = VenueHttp(policy, clock, None, HttpOptions(retries=0, transport=httpx.ASGITransport(fake.app())))
    return Venue(policy, clock, http, PublicClient(http, policy, clock), StreamOptions(user_agent="test"), paper=True)


def settings_of(port: int, **more: str) -> Settings:
    """Defaults on a free port; `more` by place in the settings, dots as double underscores."""
    values = {name.replace("__", "."): text for name, text in more.items()}
    return load(environ=env_names({"dashboard.port": str(port), **values}))


def context_of(bus: Bus, state: State, clock: Clock, settings: Settings, venue: Venue | None = None) -> Context:
    """A context like the runtime's."""
    account = settings.core.account
    return Context(
        settings=settings,
        clock=clock,
        bus=bus,
        state=state,
        keys=Keys(account),
        log=structlog.get_logger(),
        metrics=Metrics("dashboard"),
        producer=Producer("dashboard", "dashboard-test", account),
        options=RunOptions(version="1.2.3"),
        venue_or_none=venue,
    )


@dataclass
class Rig:
    """A running dashboard."""

    desk: Desk
    venue: FakeVenue
    base: str

    @property
    def ctx(self) -> Context:
        return self.desk.ctx

    @property
    def state(self) -> State:
        return self.ctx.state

    @property
    def bus(self) -> Bus:
        return self.ctx.bus

    def client(self, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.base, trust_env=False, **more)


@asynccontextmanager
async def running(
    nats: NatsServer, redis: RedisServer, *, now_ms: int, status: Mapping[str, Any] | None = None, **settings: str
) -> AsyncIterator[Rig]:
    """The dashboard on real servers, from start to drained."""
    port = free_port()
    loaded = settings_of(port, **settings)
    fake = FakeVenue(status if status is not None else {"market": "replay", "speed": 60.0, "state": "running", "symbols": 8}, now_ms)
    venue = venue_of(fake)
    await venue.http.sync_clock()
    bus = NatsBus(nats.url, Producer("dashboard", "dashboard-test", loaded.core.account), venue.clock)
    await bus.connect(10)
    await bus.provision(STREAMS)
    ctx = context_of(bus, RedisState(redis.url, loaded.core.account), venue.clock, loaded, venue)
    desk = desk_of(ctx)
    lifecycle = Lifecycle(ctx, lambda _ctx: service_of(desk), LogTail())
    life = asyncio.create_task(lifecycle.live())
    try:
        rig = Rig(desk, fake, f"http://127.0.0.1:{port}")
        await eventually(lambda: _answers(rig, life), what="the dashboard answers")
        yield rig
    finally:
        ctx.stopping.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(life, 15)
        lifecycle._http._socket.close()  # a cancelled uvicorn leaves it open; a process that ends does not mind
        await bus.close()
        await ctx.state.close()
        await venue.http.aclose()


async def _answers(rig: Rig, life: asyncio.Task[None]) -> bool:
    if life.done():
        life.result()
    async with rig.client() as client:
        try:
            return (await client.get("/healthz")).status_code == 200
        except httpx.ConnectError:
            return False

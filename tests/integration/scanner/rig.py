"""A scanner in the test's own event loop: memory bus and store, and a paper venue as a process of its own."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog

from services.scanner.service import Scanner, build
from shared.bus.memory import MemoryBus
from shared.bus.memory_broker import MemoryBroker, MemoryStream
from shared.config.load import load
from shared.config.settings import Settings
from shared.contracts.envelope import Meta, Payload, Producer, decode
from shared.contracts.registry import MODELS
from shared.contracts.topic import STREAMS
from shared.domain.control import TradingState
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail
from shared.runtime.metrics import Metrics
from shared.runtime.options import RunOptions
from shared.runtime.service import Service
from shared.runtime.venue import open_venue
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore
from tests.fakes.eventually import eventually


def settings_of(venue_url: str, **more: str) -> Settings:
    """Defaults against a paper venue; `more` by variable name."""
    return load(environ={"ASTER_PAPER_BASE": venue_url, **more})


@dataclass
class World:
    """What several scanners share: broker, store, and the venue's address."""

    venue_url: str
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    store: MemoryStore | None = None
    trading: TradingState | None = TradingState.RUNNING

    async def prepare(self, context: Context) -> None:
        """Streams and the trading state, as the runtime and the executor would leave them."""
        for spec in STREAMS:
            self.broker.provision(spec)
        if self.trading is not None:
            await context.state.init_control(self.trading, author="test", now_ms=0)

    def stored(self, kind: str) -> list[tuple[Payload, Meta]]:
        """Everything published of one type, in order."""
        found = []
        for stream in self.broker.streams.values():
            found += [pair for pair in stream_messages(stream) if pair[1].type == kind]
        return found


def stream_messages(stream: MemoryStream) -> list[tuple[Payload, Meta]]:
    """Decoded messages of a memory stream."""
    return [decode(stored.data, MODELS, subject=stored.subject) for stored in stream.log]


@dataclass
class Running:
    """One scanner that works."""

    ctx: Context
    scanner: Scanner
    task: asyncio.Task[None]
    http: httpx.AsyncClient
    gap: int = 0
    """Frames that the venue sent to others before us."""

    def die(self) -> None:
        """Like kill -9, as far as others can see: no goodbye, nothing finished."""
        self.task.cancel()

    async def settle(self) -> None:
        """After the start: wait until numbers stand still, and count from there."""
        before: list[Any] = [None]

        async def still() -> bool:
            sent = (await self.http.get("/paper/v1/activity")).json()["frames_sent_total"]
            numbers = self.ctx.activity.snapshot()
            self.gap = sent - numbers["frames"]
            now = (sent, numbers)
            same = before[0] == now and numbers["busy"] == 0
            before[0] = now
            return same

        await eventually(still, within_s=20, every_s=0.1, what="settled scanner")

    async def quiet(self, within_s: float = 30.0) -> None:
        """Wait until all frames that the venue sent are handled and nothing is in hand."""
        before: list[Any] = [None]

        async def calm() -> bool:
            sent = (await self.http.get("/paper/v1/activity")).json()["frames_sent_total"]
            numbers = self.ctx.activity.snapshot()
            now = (sent, numbers["frames"], numbers["busy"])
            same = before[0] == now and numbers["busy"] == 0 and sent - numbers["frames"] == self.gap
            before[0] = now
            return same

        await eventually(calm, within_s=within_s, every_s=0.001, what="quiet scanner")

    async def step(self) -> dict[str, Any]:
        """The venue goes on to the next close of candles; the scanner handles it to the end."""
        answer = (await self.http.post("/paper/v1/step", params={"until": "candle"})).json()
        await self.quiet()
        found: dict[str, Any] = answer
        return found

    def metric(self, name: str, **labels: str) -> float:
        """A metric's value, 0 when nothing was counted."""
        return self.ctx.metrics.registry.get_sample_value(f"mraster_scanner_{name}", labels) or 0.0


async def context_of(world: World, settings: Settings, instance: str) -> tuple[Context, MemoryBus, LogTail]:
    """Everything that the runtime would give to a service."""
    venue = open_venue(settings, "test", signed=False)
    world.store = world.store or MemoryStore(SystemClock())
    producer = Producer("scanner", instance, settings.core.account)
    bus = MemoryBus(world.broker, producer, venue.clock)
    tail = LogTail()
    ctx = Context(
        settings=settings,
        clock=venue.clock,
        bus=bus,
        state=MemoryState(world.store),
        keys=Keys(settings.core.account),
        log=structlog.wrap_logger(structlog.PrintLogger(), processors=[structlog.processors.JSONRenderer()]),
        metrics=Metrics("scanner"),
        producer=producer,
        options=RunOptions(grace_s=1.0),
        venue_or_none=venue,
    )
    await bus.connect(1)
    await venue.http.sync_clock()
    await world.prepare(ctx)
    return ctx, bus, tail


@asynccontextmanager
async def scanning(world: World, settings: Settings, instance: str = "a", *, settled: bool = True) -> AsyncIterator[Running]:
    """A scanner from warm to drained; `settled` counts frames from here on (paper venue only)."""
    ctx, bus, tail = await context_of(world, settings, instance)
    made: dict[str, Scanner] = {}

    def wired(context: Context) -> Service:
        service = build(context)
        made["scanner"] = scanner_of(service)
        return service

    life = Lifecycle(ctx, wired, tail)
    task = asyncio.create_task(life.live())
    async with httpx.AsyncClient(base_url=world.venue_url, timeout=30) as http:
        try:
            await eventually(lambda: is_ready(ctx) or task.done(), within_s=30, what="ready scanner")
            if task.done():
                await task
            running = Running(ctx, made["scanner"], task, http)
            if not settings.core.run_once:
                await eventually(lambda: running.scanner.feed.stream.live_streams, what="live streams")
                if settled:
                    await running.settle()
            yield running
        finally:
            ctx.stopping.set()
            await asyncio.wait([task], timeout=10)
            if hasattr(life._http._server, "servers"):
                await life._http._server.shutdown([life._http._socket])  # a process would just end here
            life._http._socket.close()
            await bus.close()
            await ctx.venue.http.aclose()


def is_ready(ctx: Context) -> bool:
    """Whether the runtime says so."""
    return ctx.metrics.registry.get_sample_value("mraster_scanner_ready_info") == 1


def scanner_of(service: Service) -> Scanner:
    """The object behind a built service."""
    assert service.warm is not None
    owner: Scanner = service.warm.__self__  # type: ignore[attr-defined]
    return owner


def by_symbol(messages: list[tuple[Payload, Meta]]) -> dict[str, list[Any]]:
    """Payloads of each symbol, in order."""
    found: dict[str, list[Any]] = defaultdict(list)
    for payload, _meta in messages:
        found[payload.symbol].append(payload)  # type: ignore[attr-defined]
    return found

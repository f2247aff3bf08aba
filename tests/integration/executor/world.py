"""The executor's parts and the paper venue in one process: no sockets, faults in the transport, time in steps."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import httpx
import orjson

from services.executor.parts import Parts
from services.executor.service import Executor
from services.executor.steps import Moment, Steps, go_on
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.logic.entities import Order
from services.paper_exchange.logic.filling import fill
from services.paper_exchange.logic.ledger import Execution
from services.paper_exchange.options import Options
from services.paper_exchange.service import build, build_app
from services.paper_exchange.store import Store
from services.paper_exchange.wall import SystemWall
from shared.bus import port
from shared.config.load import load
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Meta, Outgoing, Producer
from shared.contracts.plan import Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Setup
from shared.domain.control import TradingState
from shared.domain.errors import MrasterError
from shared.domain.order import Direction, intent_hash
from shared.exchange.clock import VenueClock
from shared.exchange.events import ListenKeyExpired
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.parse_user import parse_user_event
from shared.exchange.public import PublicClient
from shared.exchange.signing import HmacSigner
from shared.exchange.stream import StreamOptions
from shared.exchange.venues.policy import policy_for
from shared.runtime.context import Context
from shared.runtime.leader import role_of
from shared.runtime.logs import configure
from shared.runtime.metrics import Metrics
from shared.runtime.venue import Venue
from shared.state.keys import Keys
from shared.state.memory import MemoryState
from shared.state.store import MemoryStore

BASE = "http://127.0.0.1:1"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
Hook = Callable[[httpx.Request], "httpx.Response | str | None"]
"""What happens to a request: an answer instead, "lose_answer", "lose_request", or None for nothing."""

Edit = Callable[[httpx.Request, httpx.Response], httpx.Response]
"""What becomes of a good answer."""


class Transport(httpx.AsyncBaseTransport):
    """The venue's application behind a hook."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app)
        self.hook: Hook = lambda _request: None
        self.edit: Edit = lambda _request, answer: answer
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(f"{request.method} {request.url.path}")
        verdict = self.hook(request)
        if isinstance(verdict, httpx.Response):
            return verdict
        if verdict == "lose_request":
            raise httpx.ReadError("gone", request=request)
        answer = await self._inner.handle_async_request(request)
        if verdict == "lose_answer":
            raise httpx.ReadError("gone", request=request)
        await answer.aread()
        return self.edit(request, answer)


def refusal(code: int, status: int = 400, message: str = "no") -> httpx.Response:
    """The venue's error body."""
    return httpx.Response(status, content=orjson.dumps({"code": code, "msg": message}))


def is_entry(request: httpx.Request) -> bool:
    """A request that places an entry."""
    return request.method == "POST" and request.url.path.endswith("/order") and "-e" in request.url.params.get("newClientOrderId", "")[-2:]


def is_stop(request: httpx.Request) -> bool:
    """A request that places a stop."""
    return request.method == "POST" and request.url.path.endswith("/algoOrder") and request.url.params.get("type") == "STOP_MARKET"


@dataclass
class Bus:
    """Keeps what was published."""

    published: list[Outgoing] = field(default_factory=list)

    async def publish_all(self, outgoings: Iterable[Outgoing]) -> list[None]:
        self.published += outgoings
        return []

    def of(self, kind: str) -> list[Any]:
        return [out.payload for out in self.published if out.payload.topic.name == kind]


@dataclass
class World:
    """One venue, one store, and the executor's present life."""

    exchange: Exchange
    transport: Transport
    store: MemoryStore
    environ: dict[str, str]
    bus: Bus = field(default_factory=Bus)
    number: int = 0

    @contextlib.asynccontextmanager
    async def life(self, steps: Steps = go_on, instance: str = "one") -> AsyncIterator["Life"]:
        """A process: its parts with their chores and outbox, warmed up; gone at the end without a word."""
        ctx = self._context(instance)
        ctx.lease = await ctx.state.acquire(role_of("executor"), instance, 60_000)
        ctx.lease_deadline_s = ctx.clock.monotonic_s() + 60
        await ctx.state.init_control(TradingState.RUNNING, author="test", now_ms=1)
        await ctx.venue.http.sync_clock()
        life = Life(self, ctx, Parts(ctx, steps, 0))
        tasks = [asyncio.create_task(life.parts.chores.run()), asyncio.create_task(life.parts.outbox.run())]
        try:
            await life.warm()
            yield life
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await ctx.venue.http.aclose()

    def _context(self, instance: str) -> Context:
        settings = load(environ=self.environ)
        clock = VenueClock()
        policy = policy_for(BASE, "binance")
        options = HttpOptions(transport=self.transport, retries=0, recv_window_ms=settings.core.recv_window_ms)
        http = VenueHttp(policy, clock, HmacSigner("paper-key", "paper-secret"), options)
        log, _ = configure("executor", instance, settings.core.log_level)
        return Context(
            settings=settings,
            clock=clock,
            bus=cast("port.Bus", self.bus),
            state=MemoryState(self.store),
            keys=Keys("main"),
            log=log,
            metrics=Metrics("executor"),
            producer=Producer("executor", instance, "main"),
            venue_or_none=Venue(policy, clock, http, PublicClient(http, policy, clock), StreamOptions(), paper=True),
        )

    def resting(self, client_id: str) -> Order:
        """An order in the venue's book."""
        account = next(iter(self.exchange.desk.accounts.values()))
        return next(order for order in account.orders.values() if order.client_id == client_id)

    def serve(self, order: Order, share: str, price: str | None = None) -> Decimal:
        """The market comes to a resting order: a share of what is left of it is filled, at its own price or another. The quantity."""
        desk, account = self.exchange.desk, next(iter(self.exchange.desk.accounts.values()))
        self.exchange.begin()
        step = desk.market.rule(order.symbol).step
        quantity = order.left * Decimal(share) // step * step
        at = order.price if price is None else Decimal(price)
        fill(desk, account, order, Execution(price=at, quantity=quantity, maker=True, mid=at))
        self.exchange.flush()
        return quantity

    def plan(self, symbol: str = "BTCUSDT", *, stop: float = 0.02, epoch: int = 1, valid_ms: int = 60_000) -> tuple[Plan, Meta]:
        """A TAKE at the price of now, buying."""
        self.number += 1
        now, price = self.exchange.now_ms(), float(self.exchange.desk.market.quote(symbol).mark)
        plan = Plan(
            symbol=symbol,
            interval="5m",
            close_ms=now + self.number,
            direction=Direction.LONG,
            setup=Setup.TREND_CROSS,
            verdict=Verdict.TAKE,
            reason=PlanReason.EDGE,
            source=PlanSource.POLICY,
            edge_r=0.2,
            price=price,
            stop_distance=price * stop,
            target_distance=price * stop * 2,
            valid_until_ms=now + valid_ms,
        )
        decision = intent_hash(plan.identity())
        meta = Meta(plan.message_id(), "plan", now, now, "advisor/a", decision, "", "main", epoch)
        return plan, meta


@dataclass
class Life:
    """One process of the executor."""

    world: World
    ctx: Context
    parts: Parts

    async def warm(self) -> None:
        parts = self.parts
        instruments = await self.ctx.venue.public.exchange_info()
        parts.opening.instruments = parts.exits.instruments = instruments
        await parts.entries.margins.load(parts.private)
        await parts.breakers.load()
        await parts.control.load()
        await parts.intents.load()
        await parts.book.load()
        await parts.reconciler.run()
        await parts.account.sample()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """The venue's user events reach the executor in order, as its stream would bring them."""
        executor = Executor(self.ctx, self.parts)
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        def keep(batch: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
            for _, event in batch:
                events.put_nowait(event)
            return batch

        async def pump() -> None:
            while True:
                event = parse_user_event(await events.get())
                if event is not None and not isinstance(event, ListenKeyExpired):
                    await executor.hear(event)

        self.world.exchange.event_filter = keep
        task = asyncio.create_task(pump())
        try:
            yield
        finally:
            self.world.exchange.event_filter = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def take(self, symbol: str = "BTCUSDT", **wishes: Any) -> tuple[str, list[str]]:
        """A new plan: its decision id, and what was told about it."""
        plan, meta = self.world.plan(symbol, **wishes)
        told = await self.parts.entries.on_plan(plan, meta)
        return meta.decision_id, words(told)

    async def close(self, symbol: str = "BTCUSDT") -> None:
        """A person closes the position."""
        command = ControlCommand(command=Command.CLOSE_POSITION, command_id=f"c-{symbol}", author="me", symbol=symbol)
        now = self.ctx.clock.wall_ms()
        await self.parts.control.on_control(command, Meta("m", "control.command", now, now, "dashboard/a", "", "", "main", 1))

    async def intent(self, decision_id: str) -> dict[str, Any]:
        found = await self.ctx.state.get(self.ctx.keys.intents, decision_id)
        assert found is not None
        return found

    async def stops(self, symbol: str = "BTCUSDT") -> int:
        return sum(order.type == "STOP_MARKET" for order in await self.parts.private.open_orders(symbol))

    async def positions(self) -> dict[str, Any]:
        return {p.symbol: p for p in await self.parts.private.positions()}


def words(told: Iterable[Outgoing]) -> list[str]:
    """Events in short: kind and reason."""
    return [f"{out.payload.event.value} {out.payload.reason}".strip() for out in told]  # type: ignore[attr-defined]


class Died(MrasterError):
    """The process ends here."""


def dies_at(wanted: Moment) -> Steps:
    """Steps that end the work at a moment, as a kill would."""

    async def steps(moment: Moment, _symbol: str, /) -> None:
        if moment is wanted:
            raise Died("killed")

    return steps


@contextlib.asynccontextmanager
async def world(**environ: str) -> AsyncIterator[World]:
    """A fresh venue and store."""
    store = Store(None)
    exchange = await build(Options(symbols=SYMBOLS, limits=False), store, SystemWall())
    clock = VenueClock()
    try:
        yield World(exchange, Transport(build_app(exchange)), MemoryStore(clock), environ)
    finally:
        store.close()

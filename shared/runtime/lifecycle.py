"""What runs while a service lives, and in which order it ends."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from shared.bus.port import Consumption
from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.ops import Heartbeat, LogRecord, ServiceState
from shared.domain.errors import BusLost, MrasterError, Transient
from shared.runtime import leader
from shared.runtime.children import Children
from shared.runtime.context import Context
from shared.runtime.http import HttpServer, app, lag_probe
from shared.runtime.logs import LogTail, fields_of
from shared.runtime.metrics import memory_bytes
from shared.runtime.service import Every, Loop, Service

HEARTBEAT_S = 1.0
STALL_S = 30.0
CLOCK_SYNC_S = 10.0


class _Done(Exception):
    """Ends the task group in good order."""


class Lifecycle:
    """One service from warm to drained; also answers the probes."""

    def __init__(
        self, ctx: Context, build: Callable[[Context], Service], tail: LogTail, lost: asyncio.Future[BusLost] | None = None
    ) -> None:
        self._ctx = ctx
        self._lost = lost
        self._service = build(ctx)
        self._tail = tail
        self._started_s = ctx.clock.monotonic_s()
        self._state = ServiceState.STARTING
        self._progress: dict[str, float] = {}
        self._http = HttpServer(app(self, ctx.metrics), ctx.options.http_host, ctx.options.http_port)

    async def live(self) -> None:
        """Run until told to stop, finished, or failed."""
        ctx, service = self._ctx, self._service
        ctx.log.info("starting", http_port=self._http.port, pid=os.getpid(), version=ctx.options.version)
        insisting: asyncio.Task[None] | None = None
        try:
            async with asyncio.TaskGroup() as group:
                children = Children(group)
                insisting = asyncio.create_task(children.insist())
                children.create_task(self._http.serve())
                children.create_task(lag_probe(ctx.metrics.loop_lag.set, ctx.stopping))
                children.create_task(self._heartbeats())
                ending = children.create_task(self._end())
                if self._lost is not None:
                    children.create_task(self._watch_bus(self._lost, ending))
                await self._activate(service)
                if not ctx.stopping.is_set():
                    self._start_work(children, service)
        except* _Done:
            pass
        finally:
            if insisting is not None:
                insisting.cancel()
        await leader.hand_over(ctx)

    async def _activate(self, service: Service) -> None:
        """Lease, then warm, then ready."""
        ctx = self._ctx
        if service.one_active:
            self._state = ServiceState.STANDBY
            await leader.become_active(ctx, service.name)
        if ctx.stopping.is_set():
            return
        self._state = ServiceState.WARMING
        if service.warm is not None:
            await _retry(ctx, service.warm)
        self._state = ServiceState.READY
        ctx.metrics.ready.set(1)
        ctx.log.info("ready")

    def _start_work(self, children: Children, service: Service) -> None:
        """All tasks of the service."""
        ctx = self._ctx
        if service.one_active:
            children.create_task(leader.keep(ctx, service.name, outage_tolerated=True))
        for part in service.parts:
            if isinstance(part, Every):
                children.create_task(self._repeat(part))
            elif isinstance(part, Loop):
                children.create_task(self._forever(part))
        if ctx.venue_or_none is not None:
            children.create_task(self._repeat(Every(CLOCK_SYNC_S, ctx.venue_or_none.http.sync_clock, "clock_sync")))
        consumptions = [self._counted(c) for c in service.consumptions]
        if consumptions:
            children.create_task(self._consume(consumptions, ctx.options.lanes or service.lanes))

    async def _consume(self, consumptions: list[Consumption], lanes: int) -> None:
        """Handle messages; a service that starts alone begins when the bus is there."""
        ctx = self._ctx
        if ctx.options.starts_alone:
            await _retry(ctx, lambda: ctx.bus.consume(consumptions, lanes=lanes), "bus_awaited")
        else:
            await ctx.bus.consume(consumptions, lanes=lanes)

    def _counted(self, consumption: Consumption) -> Consumption:
        """The same consumer, with its work counted as activity."""
        handler, activity = consumption.handler, self._ctx.activity

        async def counted(payload: Payload, meta: Meta) -> Iterable[Outgoing]:
            with activity.working():
                return await handler(payload, meta)

        return replace(consumption, handler=counted)

    async def _repeat(self, part: Every) -> None:
        """An `every` part: transient errors wait for the next turn, others end the process."""
        ctx = self._ctx
        self._progress[part.name] = ctx.clock.monotonic_s() + part.seconds
        while not ctx.stopping.is_set():
            try:
                await part.work()
                self._progress[part.name] = ctx.clock.monotonic_s() + part.seconds
            except Transient as error:
                ctx.log.warning("retry_next_time", work=part.name, code=error.code, detail=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(part.seconds):
                    await ctx.stopping.wait()

    async def _forever(self, part: Loop) -> None:
        """A `loop` part: when it returns before the service stops, something is wrong."""
        await part.work()
        if not self._ctx.stopping.is_set() and not self._ctx.finished.is_set():
            raise MrasterError(f"{part.name} of {self._service.name} ended on its own", code="loop_ended")

    async def _watch_bus(self, lost: asyncio.Future[BusLost], ending: asyncio.Task[None]) -> None:
        """A connection that is closed for good ends the process: the supervisor starts it anew."""
        waits: set[asyncio.Future[Any]] = {lost, ending}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if lost.done() and not ending.done():
            raise lost.result()

    async def _end(self) -> None:
        """Wait for the end, then drain and cancel what is left."""
        ctx = self._ctx
        waits = [asyncio.create_task(ctx.stopping.wait()), asyncio.create_task(ctx.finished.wait())]
        _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        ctx.stopping.set()
        self._state = ServiceState.DRAINING
        ctx.metrics.ready.set(0)
        ctx.log.info("draining")
        await ctx.bus.drain(ctx.options.grace_s)
        self._flush_logs()
        self._http.stop()
        raise _Done

    # --- heartbeats, logs, probes ----------------------------------------------------------------------------------

    async def _heartbeats(self) -> None:
        """Once a second: I am alive; and the logs since the last time."""
        ctx = self._ctx
        while not ctx.stopping.is_set():
            ctx.metrics.lease.set(int(ctx.holds_lease()))
            ctx.bus.send(Outgoing(self._heartbeat(await self._lag()), ts_ms=ctx.clock.wall_ms()))
            self._flush_logs()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await ctx.stopping.wait()

    async def _lag(self) -> int | None:
        """Messages that wait for this service; None while the broker does not answer."""
        try:
            return await self._ctx.bus.lag()
        except Transient:
            return None

    def _heartbeat(self, lag: int | None) -> Heartbeat:
        ctx = self._ctx
        return Heartbeat(
            service=ctx.producer.service,
            instance=ctx.producer.instance,
            pid=os.getpid(),
            uptime_s=round(ctx.clock.monotonic_s() - self._started_s, 1),
            version=ctx.options.version,
            state=self._state,
            active=not self._service.one_active or ctx.lease is not None,
            lag=lag,
            memory_bytes=memory_bytes(),
            wall_ms=ctx.clock.wall_ms(),
            facts={**ctx.facts, "http_port": str(self._http.port)},
        )

    def _flush_logs(self) -> None:
        ctx = self._ctx
        for record in self._tail.take():
            ctx.bus.send(
                Outgoing(
                    LogRecord(
                        service=ctx.producer.service,
                        instance=ctx.producer.instance,
                        level=str(record.get("level", "info")),
                        event=str(record.get("event", ""))[:500],
                        wall_ms=ctx.clock.wall_ms(),
                        fields=fields_of(record),
                    ),
                    ts_ms=ctx.clock.wall_ms(),
                )
            )

    def health(self) -> tuple[bool, dict[str, object]]:
        """Unhealthy when repeated work made no progress for long."""
        now = self._ctx.clock.monotonic_s()
        late = {name: round(now - due, 1) for name, due in self._progress.items() if now - due > STALL_S}
        return not late, {"state": self._state.value, "late_s": late}

    async def readiness(self) -> tuple[bool, dict[str, object]]:
        """Bus and store answer, and the service is ready or stands by."""
        ctx = self._ctx
        facts: dict[str, object] = {"state": self._state.value}
        good = self._state in {ServiceState.READY, ServiceState.STANDBY}
        for name, probe in (("bus", ctx.bus.ping), ("store", ctx.state.ping)):
            facts[name] = await _ok(probe)
            good = good and facts[name] == "ok"
        return good, facts

    async def activity(self) -> dict[str, int]:
        """Messages that wait or are in hand (read first; -1 = unknown), work in hand and done; ready is 1 once the service works."""
        lag = await self._lag()
        pending = -1 if lag is None else lag
        ready = int(self._state in {ServiceState.READY, ServiceState.STANDBY})
        return {"ready": ready, "pending": pending, **self._ctx.activity.snapshot()}


async def _ok(probe: Callable[[], Awaitable[None]]) -> str:
    """The word ok, or what is wrong."""
    try:
        await probe()
    except Transient as error:
        return str(error)
    return "ok"


async def _retry(ctx: Context, work: Callable[[], Awaitable[None]], event: str = "warm_failed") -> None:
    """Try again after transient errors, with growing pauses, until it works or the service is stopped."""
    pause_s = 0.2
    while not ctx.stopping.is_set():
        try:
            await work()
        except Transient as error:
            ctx.log.warning(event, code=error.code, detail=str(error), next_try_s=pause_s)
            await asyncio.sleep(max(pause_s, error.retry_after_s))
            pause_s = min(pause_s * 2, 5.0)
        else:
            return

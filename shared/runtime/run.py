"""The life of a service: settings, connections, streams, warm, ready, work, drain.

Start is recovery: a crashed task ends the process with 1 and whoever supervises it starts it again.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Awaitable, Callable
from enum import Enum

from shared.bus.nats_bus import NatsBus
from shared.config.load import load
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.domain.errors import ConfigError, MrasterError, Transient
from shared.runtime.clock import SystemClock
from shared.runtime.context import Context
from shared.runtime.late_join import LateJoin
from shared.runtime.lifecycle import Lifecycle
from shared.runtime.logs import LogTail, configure
from shared.runtime.metrics import BusObserver, Metrics
from shared.runtime.options import RunOptions
from shared.runtime.service import Service
from shared.runtime.venue import open_venue
from shared.state.keys import Keys
from shared.state.redis_store import RedisState

Build = Callable[[Context], Service]


class VenueAccess(Enum):
    """What a service needs of the venue: nothing, market data, or the account."""

    NONE = "none"
    PUBLIC = "public"
    SIGNED = "signed"


def run(name: str, build: Build, options: RunOptions, *, venue: VenueAccess = VenueAccess.NONE) -> int:
    """Run one service until it is told to stop; the exit code (0 drained or finished, 1 failed, 2 wrong settings)."""
    _use_uvloop()
    try:
        return asyncio.run(_main(name, build, options, venue))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _use_uvloop() -> None:
    """Uvloop where it exists (it does not on Windows)."""
    try:
        import uvloop  # noqa: PLC0415 - optional on one platform
    except ImportError:
        return
    uvloop.install()


async def _main(name: str, build: Build, options: RunOptions, access: VenueAccess) -> int:
    ctx, tail, bus = _context(name, options, access)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ctx.stopping.set)
    code = 0
    try:
        if options.starts_alone:
            await _live_alone(ctx, build, tail, bus)
        else:
            await _connect(ctx, bus)
            await Lifecycle(ctx, build, tail, bus.lost).live()
        ctx.log.info("stopped")
    except* Exception as group:
        code = 1
        for error in _leaves(group):
            ctx.log.critical("service_failed", code=getattr(error, "code", type(error).__name__), detail=str(error), exc_info=_trace(error))
    finally:
        await bus.close()
        await ctx.state.close()
        if ctx.venue_or_none is not None:
            await ctx.venue_or_none.http.aclose()
    return code


def _context(name: str, options: RunOptions, access: VenueAccess) -> tuple[Context, LogTail, NatsBus]:
    """Everything that exists before the first connection."""
    settings = load()
    instance = options.instance or f"{name}-{secrets.token_hex(3)}"
    log, tail = configure(name, instance, settings.core.log_level)
    metrics = Metrics(name)
    venue = None if access is VenueAccess.NONE else open_venue(settings, f"mraster/{instance}", signed=access is VenueAccess.SIGNED)
    clock = venue.clock if venue is not None else SystemClock()
    producer = Producer(name, instance, settings.core.account)
    bus = NatsBus(str(settings.infra.nats_url), producer, clock, observer=BusObserver(metrics))
    ctx = Context(
        settings=settings,
        clock=clock,
        bus=bus,
        state=RedisState(str(settings.infra.redis_url), settings.core.account),
        keys=Keys(settings.core.account),
        log=log,
        metrics=metrics,
        producer=producer,
        options=options,
        venue_or_none=venue,
    )
    return ctx, tail, bus


async def _connect(ctx: Context, bus: NatsBus) -> None:
    """Bus, store and venue, with back-off up to the deadline; then the overrides of the dashboard and the streams."""
    deadline_s = ctx.options.start_deadline_s
    await bus.connect(deadline_s)
    await _until_deadline(ctx, ctx.state.ping, deadline_s)
    revision = await ctx.state.config()
    if revision.revision:
        ctx.settings = load(overrides=dict(revision.overrides))
    if ctx.options.provision:
        await bus.provision(STREAMS)
    if ctx.venue_or_none is not None:
        await _until_deadline(ctx, ctx.venue_or_none.http.sync_clock, deadline_s)


async def _live_alone(ctx: Context, build: Build, tail: LogTail, bus: NatsBus) -> None:
    """Live with the venue alone if need be; bus and store join when they answer."""
    late = LateJoin(ctx, bus)
    await late.first_try()
    if ctx.venue_or_none is not None:
        await _until_deadline(ctx, ctx.venue_or_none.http.sync_clock, ctx.options.start_deadline_s)
    joining = asyncio.create_task(late.run())
    try:
        await Lifecycle(ctx, build, tail, late.lost).live()
    finally:
        joining.cancel()


async def _until_deadline(ctx: Context, work: Callable[[], Awaitable[None]], deadline_s: float) -> None:
    """Try until it works, with growing pauses, up to a deadline.

    Raises:
        Transient: the last failure, when the deadline has passed.
    """
    end = ctx.clock.monotonic_s() + deadline_s
    pause_s = 0.1
    while True:
        try:
            await work()
        except Transient as error:
            if ctx.clock.monotonic_s() > end or ctx.stopping.is_set():
                raise
            ctx.log.warning("waiting", detail=str(error), next_try_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
        else:
            return


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The single errors inside a group."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    return found


def _trace(error: BaseException) -> BaseException | None:
    """A traceback for what we did not expect; our own errors say enough."""
    return None if isinstance(error, MrasterError) else error

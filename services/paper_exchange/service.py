"""Run the paper venue: REST and WebSocket on one port.

Serves the venue's API to whoever connects. Owns its store. Calls the upstream venue only when it mirrors a live market.
"""

import asyncio
import contextlib
import gc
import math
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from services.paper_exchange.app import App
from services.paper_exchange.candle_market import CandleMarket
from services.paper_exchange.cork import CorkedHttp
from services.paper_exchange.exchange import Exchange
from services.paper_exchange.live_market import LiveMarket
from services.paper_exchange.live_start import build_live
from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.markets import build_exchange, plan_replay, plan_synthetic
from services.paper_exchange.options import MarketKind, Options, check
from services.paper_exchange.routes import account, admin, aster, batch, control, faults, public, statistics, trade
from services.paper_exchange.store import Store
from services.paper_exchange.wall import SystemWall, Wall
from services.paper_exchange.websocket import PINGS_S, STREAMS_MOST, Bucket, Sockets
from shared.domain.errors import ConfigError

_TIMER_S = 0.05
_CHECKPOINT_S = 2.0


class _Server(uvicorn.Server):
    """A server that leaves signals to the caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: signals are handled by `serve`."""
        yield


def run(options: Options, *, ready: Callable[[str], None]) -> None:
    """`serve` in a loop of its own: uvloop where it exists (it does not on Windows)."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - optional on one platform

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options, ready=ready))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: the port is taken or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted connections inherit it; without it small answers wait 40 ms for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"the paper venue cannot listen on {host}:{port} ({error.strerror}); give a free port") from error
    listener.setblocking(False)  # noqa: FBT003 - the standard library's signature
    return listener


async def build(options: Options, store: Store, wall: Wall) -> Exchange:
    """The exchange of some options, ready to serve.

    `auto` is live when the upstream answers, else synthetic; the status says why.

    Raises:
        ConfigError: data or upstream cannot be used.
    """
    if options.market is MarketKind.REPLAY:
        return build_exchange(options, plan_replay(options), store, wall)
    if options.market is MarketKind.SYNTHETIC:
        return build_exchange(options, plan_synthetic(options, store, wall), store, wall)
    try:
        return await build_live(options, store, wall)
    except ConfigError as error:
        if options.market is MarketKind.LIVE:
            raise
        exchange = build_exchange(options, plan_synthetic(options, store, wall), store, wall)
        exchange.market.note = f"synthetic prices because {error}"
        return exchange


def build_app(exchange: Exchange) -> App:
    """The application of an exchange."""
    dialect = exchange.options.dialect
    routes = {
        **public.table(dialect),
        **account.table(dialect),
        **trade.table(dialect),
        **batch.table(dialect),
        **control.table(),
        **admin.table(),
    }
    routes |= statistics.table() if dialect is Dialect.BINANCE else aster.table()
    if exchange.options.faults:
        routes |= faults.table()
    sockets = Sockets(exchange.hub, STREAMS_MOST[dialect.value], exchange.options.slow_frames)
    if exchange.options.limits:
        sockets.bucket = lambda: _bucket(exchange)
    return App(exchange, routes, sockets)


def _bucket(exchange: Exchange) -> Bucket:
    """Messages a client may send, in step with the speed of the market; none are counted where time does not run by itself."""
    speed = exchange.market.scale
    return Bucket(exchange.wall.monotonic_s, 10.0 * max(1.0, speed)) if 0 < speed < math.inf else Bucket()


async def _timers(exchange: Exchange) -> None:
    while True:
        await asyncio.sleep(_TIMER_S)
        exchange.check_timers()


async def _checkpoints(store: Store) -> None:
    while True:
        await asyncio.sleep(_CHECKPOINT_S)
        await asyncio.to_thread(store.checkpoint)


async def serve(options: Options, *, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT, SIGTERM or cancellation; `ready` gets the base URL once requests are answered.

    Raises:
        ConfigError: wrong options, unusable data, a port that is taken; nothing was started then.
    """
    check(options)
    store = Store(options.store_path)
    try:
        exchange = await build(options, store, SystemWall())
        _settle_memory()
        listener = bind(options.host, options.port)
        with contextlib.closing(listener):
            await _run(exchange, listener, ready)
    finally:
        store.close()


async def _run(exchange: Exchange, listener: socket.socket, ready: Callable[[str], None]) -> None:
    ping_s, patience_s = PINGS_S[exchange.options.dialect.value]
    config = uvicorn.Config(
        build_app(exchange),
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=CorkedHttp,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=ping_s,
        ws_ping_timeout=patience_s,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    tasks = [serving]
    try:
        with _signals(server):
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            if not serving.done():
                host, port = listener.getsockname()[:2]
                tasks += _workers(exchange)
                ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
            await _until_over(serving, tasks[1:])
    finally:
        server.should_exit = True
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    serving.result()


def _settle_memory() -> None:
    """What is loaded stays: the collector need not walk through it, nor look for young garbage as often as it does by default."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _workers(exchange: Exchange) -> list[asyncio.Task[None]]:
    workers = [
        asyncio.create_task(_timers(exchange), name="timers"),
        asyncio.create_task(_checkpoints(exchange.store), name="checkpoints"),
    ]
    if isinstance(exchange.market, CandleMarket):
        exchange.market.pacer.anchor(exchange.now_ms())
        workers.append(asyncio.create_task(exchange.market.pacer.run(), name="pacer"))
    if isinstance(exchange.market, LiveMarket):
        workers.append(asyncio.create_task(exchange.market.run(), name="upstream"))
    return workers


async def _until_over(serving: asyncio.Task[None], workers: list[asyncio.Task[None]]) -> None:
    """Wait for the server; a worker that dies takes the venue with it, one that ends (no more data) does not."""
    pending: set[asyncio.Task[None]] = {serving, *workers}
    while serving in pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {serving}:
            task.result()


@contextlib.contextmanager
def _signals(server: uvicorn.Server) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        server.should_exit = True

    installed: list[signal.Signals] = []
    for number in numbers:
        # Only the main thread may handle signals; elsewhere the caller cancels instead.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)

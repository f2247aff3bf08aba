"""`/healthz`, `/readyz`, `/metrics` and `/activity` of every service, in its own event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from shared.runtime.metrics import Metrics

Probe = Callable[[], Awaitable[dict[str, object]]]


class Probes(Protocol):
    """What the endpoints ask."""

    def health(self) -> tuple[bool, dict[str, object]]:
        """Whether the process makes progress; no dependencies asked."""
        ...

    async def readiness(self) -> tuple[bool, dict[str, object]]:
        """Whether it can do its work now."""
        ...

    async def activity(self) -> dict[str, int]:
        """Work in hand, work done, messages that wait."""
        ...


def app(probes: Probes, metrics: Metrics) -> Starlette:
    """The endpoints as an ASGI application."""

    async def healthz(_request: Request) -> Response:
        good, facts = probes.health()
        return JSONResponse({"ok": good, **facts}, status_code=200 if good else 503)

    async def readyz(_request: Request) -> Response:
        good, facts = await probes.readiness()
        return JSONResponse({"ok": good, **facts}, status_code=200 if good else 503)

    async def metrics_text(_request: Request) -> Response:
        return PlainTextResponse(metrics.render(), media_type="text/plain; version=0.0.4")

    async def activity(_request: Request) -> Response:
        return JSONResponse(await probes.activity())

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics_text),
            Route("/activity", activity),
        ]
    )


class HttpServer:
    """A uvicorn server inside a running loop; signals stay with the runtime."""

    def __init__(self, application: Starlette, host: str, port: int) -> None:
        self._socket = bind(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(application, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = _Server(config)

    async def serve(self) -> None:
        """Answer until `stop`."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """End `serve`."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: SIGTERM means drain, which the runtime does."""

    def install_signal_handlers(self) -> None:
        """None."""

    def capture_signals(self) -> "_NoSignals":  # type: ignore[override]
        """None."""
        return _NoSignals()


class _NoSignals:
    """A context manager that does nothing."""

    def __enter__(self) -> None:
        """Nothing to set."""

    def __exit__(self, *_: object) -> None:
        """Nothing to restore."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError: the port is taken or the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted connections inherit it; without it small answers wait 40 ms for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003 - the standard library has no keyword here
    return listener


async def lag_probe(report: Callable[[float], None], stopping: asyncio.Event, *, period_s: float = 0.5) -> None:
    """Measure how late the event loop wakes up, until told to stop."""
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        start = loop.time()
        await asyncio.sleep(period_s)
        report(max(0.0, loop.time() - start - period_s))

"""uvicorn inside the service's event loop."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from services.dashboard.hub import Hub
from shared.config.registry import name_of
from shared.domain.errors import Fatal
from shared.runtime.context import Context
from shared.runtime.http import bind

END_S = 2.5
MAX_FRAME = 4_096
"""Bytes of a WebSocket message from a page; it has nothing long to say."""


class WebServer:
    """Serves the application on the address of the settings until the service stops."""

    def __init__(self, ctx: Context, application: FastAPI, hub: Hub) -> None:
        self._ctx = ctx
        self._application = application
        self._hub = hub

    async def serve(self) -> None:
        """Listen and answer.

        Raises:
            Fatal: the port is taken or the address is not this machine's.
        """
        place = self._ctx.settings.dashboard
        host = place.host.strip("[]")
        try:
            listener = bind(host, place.port)
        except OSError as error:
            raise Fatal(
                f"the dashboard cannot listen on {place.host} port {place.port} ({error.strerror}): end what uses it, or set"
                f" {name_of('dashboard.port')} to another port",
                code="port_taken",
            ) from error
        server = _Server(_config(self._application))
        self._ctx.log.info("dashboard_listens", host=place.host, port=place.port, password=bool(place.password.get_secret_value()))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        stopping = asyncio.create_task(self._ctx.stopping.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            try:
                await self._end(server, serving)
            finally:
                listener.close()
        serving.result()

    async def _end(self, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        """Say goodbye to the pages (open WebSockets would hold up the end), then close; also when this task is cancelled."""
        self._hub.close()
        server.should_exit = True
        try:
            await asyncio.wait({serving}, timeout=END_S)
        except asyncio.CancelledError:
            await asyncio.wait({serving}, timeout=END_S)  # the goodbye is worth a moment more
            raise
        finally:
            serving.cancel()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: SIGTERM means drain, which the runtime does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


def _config(application: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        ws_max_queue=8,
        ws_per_message_deflate=False,
    )

"""The glance, and the live connection."""

from fastapi import APIRouter, WebSocket

from services.dashboard.desk import Desk
from services.dashboard.logic.answers import Status
from services.dashboard.logic.frames import Snapshot


def router(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["status"])

    @routes.get("/api/status")
    async def status() -> Status:
        """Mode, trading state with its epoch, services, naked positions."""
        return desk.view.status(desk.times())

    @routes.get("/api/snapshot")
    async def snapshot() -> Snapshot:
        """What `/ws` sends first, for scripts."""
        return desk.hub.snapshot()

    @routes.websocket("/ws")
    async def live(socket: WebSocket) -> None:
        """A snapshot, then deltas; the text `resync` asks for a new snapshot."""
        await desk.hub.serve(socket)

    return routes

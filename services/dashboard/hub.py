"""WebSocket clients: each gets a snapshot, then the same deltas. A client that does not keep up is closed, nothing waits for it."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from services.dashboard.logic.answers import Times
from services.dashboard.logic.frames import Snapshot
from services.dashboard.logic.view import View
from shared.runtime.logs import Logger

TICK_S = 0.1
QUEUE = 50
"""Frames that may wait for one client: five seconds of them."""
MAX_CLIENTS = 64
TRY_AGAIN_LATER = 1013
GOING_AWAY = 1001


class _Client:
    """One page."""

    def __init__(self, queue: int) -> None:
        self.frames: asyncio.Queue[str] = asyncio.Queue(queue)
        self.stalled = asyncio.Event()

    def offer(self, frame: str) -> None:
        """Queue a frame, or give the client up."""
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.stalled.set()


class Hub:
    """Numbers the changes of the view and sends them to everyone."""

    def __init__(self, view: View, times: Callable[[], Times], log: Logger, *, queue: int = QUEUE) -> None:
        self._view = view
        self._times = times
        self._log = log
        self._queue = queue
        self._name = secrets.token_hex(6)
        self._seq = 0
        self._clients: set[_Client] = set()
        self._closing = asyncio.Event()

    async def tick(self) -> None:
        """Send what changed since the last tick."""
        self.flush()

    def flush(self) -> None:
        """The same; never waits."""
        delta = self._view.take(self._times(), self._seq + 1)
        if delta is None:
            return
        self._seq += 1
        if self._clients:
            present = {name: value for name, value in delta.model_dump(mode="json").items() if value is not None}
            frame = orjson.dumps(present).decode()
            for client in self._clients:
                client.offer(frame)

    def snapshot(self) -> Snapshot:
        """Everything as of the present number."""
        self.flush()
        return self._view.snapshot(self._times(), hub=self._name, seq=self._seq)

    def _snapshot_text(self) -> str:
        return orjson.dumps(self.snapshot().model_dump(mode="json")).decode()

    def close(self) -> None:
        """Say goodbye to everyone: the process ends."""
        self._closing.set()

    async def serve(self, socket: WebSocket) -> None:
        """Live with one client until it leaves, stalls, or we stop."""
        await socket.accept()
        if len(self._clients) >= MAX_CLIENTS:
            await socket.close(TRY_AGAIN_LATER, "too many pages are open")
            return
        client = _Client(self._queue)
        client.offer(self._snapshot_text())
        self._clients.add(client)
        try:
            code = await self._live(socket, client)
        finally:
            self._clients.discard(client)
        if code is not None:
            with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(1):
                    await socket.close(code)

    async def _live(self, socket: WebSocket, client: _Client) -> int | None:
        """The close code to send; None when the client is gone."""
        endings = {
            asyncio.create_task(_send(socket, client)): None,
            asyncio.create_task(self._listen(socket, client)): None,
            asyncio.create_task(client.stalled.wait()): TRY_AGAIN_LATER,
            asyncio.create_task(self._closing.wait()): GOING_AWAY,
        }
        done, pending = await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*endings, return_exceptions=True)
        if client.stalled.is_set():
            self._log.info("page_closed", reason="it did not keep up")
        return next((endings[task] for task in done if endings[task] is not None), None)

    async def _listen(self, socket: WebSocket, client: _Client) -> None:
        """The one thing that a page may ask for: a new snapshot."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                if await socket.receive_text() == "resync":
                    client.offer(self._snapshot_text())


async def _send(socket: WebSocket, client: _Client) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await client.frames.get())

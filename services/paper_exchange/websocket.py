"""The WebSocket side: raw, combined and routed paths, subscriptions, and one writer per client."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from services.paper_exchange.hub import Connection, Hub
from services.paper_exchange.logic.streams import Route

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STREAMS_MOST = {"binance": 1024, "aster": 200}
PINGS_S = {"binance": (180.0, 600.0), "aster": (300.0, 900.0)}
"""How often the venue pings, and how long it waits for an answer."""
_ROUTES = {"public": Route.PUBLIC, "market": Route.MARKET, "private": Route.PRIVATE}


def open_path(path: str, query: str) -> tuple[Route, bool, list[str], frozenset[str]] | None:
    """(route, combined, streams, wanted user events) of a path; None for a path that is not a stream.

    `/ws`, `/ws/<stream>`, `/stream?streams=a/b`, each also under `/public`, `/market`, `/private`;
    `/private/ws?listenKey=K&events=A/B`.
    """
    parts = path.strip("/").split("/")
    route = _ROUTES.get(parts[0], Route.LEGACY)
    if route is not Route.LEGACY:
        parts = parts[1:]
    if not parts or parts[0] not in {"ws", "stream"}:
        return None
    values = {name: found[-1] for name, found in parse_qs(query).items()}
    names = [name for name in [*parts[1:], *values.get("streams", "").split("/"), values.get("listenKey", "")] if name]
    events = frozenset(name for name in values.get("events", "").split("/") if name)
    return route, parts[0] == "stream", names, events


class Bucket:
    """How many messages a client may send: 15 at once, ten more each second; without a clock as many as it likes."""

    def __init__(self, now_s: Callable[[], float] | None = None, rate: float = 10.0, size: float = 15.0) -> None:
        self._now_s = now_s
        self._rate = rate
        self._size = size
        self._left = size
        self._at = now_s() if now_s is not None else 0.0

    def take(self) -> bool:
        """Count a message; False when it is one too many."""
        if self._now_s is None:
            return True
        now = self._now_s()
        self._left = min(self._size, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return self._left >= 0


class Sockets:
    """Serves WebSocket clients on behalf of a hub."""

    def __init__(self, hub: Hub, most_streams: int, slow_frames: int) -> None:
        self.hub = hub
        self.most_streams = most_streams
        self.slow_frames = slow_frames
        self.bucket: Callable[[], Bucket] = Bucket
        self.refusing: Callable[[], bool] = lambda: False

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        """One client from handshake to close."""
        await receive()
        opened = open_path(scope["path"], scope["query_string"].decode("latin-1"))
        if opened is None or self.refusing():
            await send({"type": "websocket.close", "code": 1008, "reason": "expected /ws or /stream"})
            return
        route, combined, names, events = opened
        connection = Connection(route, combined=combined, most_frames=self.slow_frames)
        connection.event_filter = events
        await send({"type": "websocket.accept"})
        self.hub.add(connection)
        self.hub.subscribe(connection, names)
        writer = asyncio.create_task(self._write(connection, send))
        try:
            await self._read(connection, receive)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self.hub.remove(connection)

    async def _write(self, connection: Connection, send: Send) -> None:
        """Send what is queued; when a client is cut off, close and stop."""
        while True:
            while connection.queue:
                await send({"type": "websocket.send", "text": connection.queue.popleft()})
            if connection.closing is not None:
                code, reason = connection.closing
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return
            connection.wake.clear()
            await connection.wake.wait()

    async def _read(self, connection: Connection, receive: Receive) -> None:
        bucket = self.bucket()
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if not bucket.take():
                connection.close(1008, "Too many requests")
                continue
            text = message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace")
            self._answer(connection, text)

    def _answer(self, connection: Connection, text: str) -> None:
        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError:
            self._reply(connection, {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"})
            return
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            self._reply(connection, {"code": 2, "msg": "Invalid request: missing field `method`"})
            return
        number = request.get("id")
        params = request.get("params", [])
        if not isinstance(params, list) or not (number is None or isinstance(number, int | str)):
            self._reply(connection, {"code": 2, "msg": "Invalid request: params must be an array, id a number or a string"})
            return
        self._command(connection, request["method"], params, number)

    def _command(self, connection: Connection, method: str, params: list[Any], number: int | str | None) -> None:
        names = [name for name in params if isinstance(name, str)]
        if method in {"SUBSCRIBE", "UNSUBSCRIBE"} and len(names) != len(params):
            self._reply(connection, {"code": 2, "msg": "Invalid request: stream name must be a string"})
        elif method == "SUBSCRIBE":
            self._subscribe(connection, names, number)
        elif method == "UNSUBSCRIBE":
            self.hub.unsubscribe(connection, names)
            self._reply(connection, {"result": None, "id": number})
        elif method == "LIST_SUBSCRIPTIONS":
            self._reply(connection, {"result": list(connection.names), "id": number})
        elif method in {"SET_PROPERTY", "GET_PROPERTY"}:
            self._property(connection, method, params, number)
        else:
            self._reply(connection, {"code": 2, "msg": f"Invalid request: unknown variant `{method[:40]}`"})

    def _subscribe(self, connection: Connection, names: list[str], number: int | str | None) -> None:
        if len(connection.names.keys() | set(names)) > self.most_streams:
            self._reply(connection, {"error": {"code": 4, "msg": "Too many subscriptions"}})
            connection.close(1008, "Invalid request")
            return
        self._reply(connection, {"result": None, "id": number})
        self.hub.subscribe(connection, names)

    def _property(self, connection: Connection, method: str, params: list[Any], number: int | str | None) -> None:
        if method == "SET_PROPERTY" and len(params) == 2 and params[0] == "combined":
            connection.combined = bool(params[1])
            self._reply(connection, {"result": None, "id": number})
        else:
            self._reply(connection, {"result": connection.combined, "id": number})

    def _reply(self, connection: Connection, body: dict[str, Any]) -> None:
        self.hub.send(connection, orjson.dumps(body).decode())

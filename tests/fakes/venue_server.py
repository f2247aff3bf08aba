"""A venue that answers as it is told to, over real HTTP and real WebSocket, and remembers what it was asked.

HTTP is written by hand on sockets, so that answers can stay away, be cut off or be HTML. Tests script it with `on`.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in; `target` and `body` are the exact bytes as text."""

    method: str
    path: str
    target: str
    body: str
    headers: dict[str, str]

    @property
    def query(self) -> str:
        """Everything after the question mark, undecoded."""
        return self.target.partition("?")[2]

    @property
    def params(self) -> dict[str, str]:
        """Parameters of query and body."""
        return dict(parse_qsl(self.query)) | dict(parse_qsl(self.body))


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. `silent`: never answer; `cut`: drop the connection instead; `wire`: these bytes instead of an answer.

    `hang_up`: close the connection in order afterwards.
    """

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    cut: bool = False
    wire: bytes | None = None
    hang_up: bool = False

    def raw(self) -> bytes:
        """The answer on the wire."""
        if self.wire is not None:
            return self.wire
        content = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        lines = [f"HTTP/1.1 {self.status} Scripted", f"Content-Length: {len(content)}", *(f"{k}: {v}" for k, v in self.headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + content


Answer = Reply | Callable[[Asked], Reply]


class Stream:
    """One WebSocket connection that a client made."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        assert socket.request is not None
        self.target = socket.request.path
        self.user_agent = socket.request.headers.get("User-Agent", "")
        self.asked: list[dict[str, Any]] = []
        self.open = True

    @property
    def subscribed(self) -> set[str]:
        """Names that are subscribed after all that was asked."""
        names: set[str] = set()
        for request in self.asked:
            if request["method"] == "SUBSCRIBE":
                names |= set(request["params"])
            elif request["method"] == "UNSUBSCRIBE":
                names -= set(request["params"])
        return names

    async def push(self, *payloads: object) -> None:
        """Send frames; bytes go as they are."""
        for payload in payloads:
            await self.socket.send((payload if isinstance(payload, bytes) else orjson.dumps(payload)).decode())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection in order."""
        await self.socket.close(code, reason)


class VenueServer:
    """The scripted venue. Use as an async context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.asked: list[Asked] = []
        self.streams: list[Stream] = []
        self.acknowledge = True
        self.on_request: Callable[[Stream, dict[str, Any]], Awaitable[None]] | None = None
        self._scripts: dict[tuple[str, str], list[Answer]] = {}
        self._http: asyncio.Server | None = None
        self._ws: Server | None = None
        self._handlers: set[asyncio.Task[Any]] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._http = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=self._tls)
        self._ws = await serve(self._listen, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._http is not None
        assert self._ws is not None
        self._http.close()
        for task in self._handlers:
            task.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        self._ws.close()
        await self._ws.wait_closed()

    @property
    def http_url(self) -> str:
        """REST base."""
        assert self._http is not None
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._http.sockets[0].getsockname()[1]}"

    @property
    def ws_url(self) -> str:
        """WebSocket base."""
        assert self._ws is not None
        return f"ws://127.0.0.1:{next(iter(self._ws.sockets)).getsockname()[1]}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Answers to one endpoint in order; the last one stays. Replaces an earlier script."""
        self._scripts[method, path] = list(answers)

    def asked_for(self, method: str, path: str) -> list[Asked]:
        """Requests to one endpoint so far."""
        return [request for request in self.asked if (request.method, request.path) == (method, path)]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one HTTP connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            while (request := await _read_request(reader)) is not None:
                self.asked.append(request)
                reply = self._answer(request)
                if reply.silent:
                    await asyncio.Event().wait()
                if reply.cut:
                    writer.transport.abort()
                    return
                writer.write(reply.raw())
                await writer.drain()
                if reply.hang_up:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._handlers.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answer(self, request: Asked) -> Reply:
        """The next answer of the endpoint's script."""
        script = self._scripts.get((request.method, request.path))
        if not script:
            return Reply(404, {"code": -5000, "msg": f"nothing scripted for {request.method} {request.path}"})
        answer = script.pop(0) if len(script) > 1 else script[0]
        return answer(request) if callable(answer) else answer

    async def _listen(self, socket: ServerConnection) -> None:
        """Serve one WebSocket connection until it ends."""
        stream = Stream(socket)
        self.streams.append(stream)
        try:
            async for message in socket:
                request = orjson.loads(message)
                stream.asked.append(request)
                if self.on_request is not None:
                    await self.on_request(stream, request)
                elif self.acknowledge:
                    await stream.push({"result": None, "id": request["id"]})
        except ConnectionClosed:
            return
        finally:
            stream.open = False


async def _read_request(reader: asyncio.StreamReader) -> Asked | None:
    """One request, or None when the client has closed."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target.partition("?")[0], target, body.decode(), headers)

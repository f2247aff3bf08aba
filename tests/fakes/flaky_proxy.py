"""A proxy in front of a venue that loses answers, invents refusals, and cuts streams. HTTP/1.1 and WebSocket, plain TCP."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

_UNKNOWN_503 = b'{"code":-1000,"msg":"Unknown error, please check your request or try again later."}'
_BUSY_503 = b'{"code":-1008,"msg":"Request throttled by system-level protection."}'
_ENTRY_LEG = b"-e"


class Fault(StrEnum):
    """What happens to requests that place an entry."""

    NONE = "none"
    LOST_ANSWER = "accept_then_timeout"
    LOST_REQUEST = "lost_request"
    UNKNOWN_503 = "503_executed"
    UNKNOWN_503_NOT = "503_not_executed"
    BUSY_503 = "503_overload"
    STREAM_CUT = "stream_cut"


@dataclass
class FlakyProxy:
    """One listener; `fault` may be changed at any time. `stream_down` refuses WebSockets while it is set."""

    upstream: str
    fault: Fault = Fault.NONE
    stream_down: bool = False
    entries: int = 0
    _server: asyncio.Server | None = None
    _streams: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut_streams()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut_streams(self) -> None:
        """Reset every WebSocket that is open."""
        for writer in list(self._streams):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer, on a connection of its own to the venue; False when the client's is over."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        if b"upgrade: websocket" in head.lower():
            if not self.stream_down:
                await self._pipe(head + body, reader, writer)
            return False
        entry = head.startswith(b"POST") and _is_entry(head + body)
        fault = self.fault if entry else Fault.NONE
        self.entries += entry
        if fault in {Fault.UNKNOWN_503_NOT, Fault.BUSY_503}:
            writer.write(_answer(_UNKNOWN_503 if fault is Fault.UNKNOWN_503_NOT else _BUSY_503))
            await writer.drain()
            return True
        if fault is Fault.LOST_REQUEST:
            return False
        answer = await self._ask(head + body)
        if fault is Fault.STREAM_CUT:
            self.cut_streams()
        if fault is Fault.LOST_ANSWER:
            writer.transport.abort()
            return False
        writer.write(_answer(_UNKNOWN_503) if fault is Fault.UNKNOWN_503 else answer)
        await writer.drain()
        return True

    async def _ask(self, request: bytes) -> bytes:
        where = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            return answer + await reader.readexactly(_length(answer))
        finally:
            writer.close()

    async def _pipe(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        where = urlsplit(self.upstream)
        up_reader, up_writer = await asyncio.open_connection(where.hostname, where.port)
        up_writer.write(request)
        self._streams.add(writer)
        try:
            await asyncio.wait(
                {asyncio.create_task(_copy(reader, up_writer)), asyncio.create_task(_copy(up_reader, writer))},
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._streams.discard(writer)
            up_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _is_entry(request: bytes) -> bool:
    """Whether it places an order whose client id is that of an entry."""
    _, found, rest = request.partition(b"newClientOrderId=")
    return bool(found) and rest.split(b"&")[0].split(b" ")[0].endswith(_ENTRY_LEG)


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body

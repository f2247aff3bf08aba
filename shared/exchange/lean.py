"""A small HTTP/1.1 transport for httpx: what a venue's REST needs, at a fraction of the cost of a general one.

Keep-alive connections, one request at a time on each, the one used last first. Bodies with a length, in chunks, or until the
end. No proxies, no HTTP/2, no streaming: for those httpx's own transport serves.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, SupportsIndex

import httpx

_MAX_HEAD_BYTES = 1 << 16
_CHUNK_END = b"\r\n"
_NO_BODY = {204, 304}
_Origin = tuple[str, str, int]
_Headers = list[tuple[bytes, bytes]]


class _Reader(asyncio.StreamReader):
    """Knows whether its connection may be used again: not after the end, nor when bytes are there that nobody asked for."""

    def __init__(self) -> None:
        super().__init__(limit=_MAX_HEAD_BYTES)
        self._fed = 0
        self._taken = 0
        self._ended = False

    @property
    def clean(self) -> bool:
        """Everything that came in has been read, and more may come."""
        return not self._ended and self._fed == self._taken

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Bytes have come in."""
        self._fed += len(bytes(data))
        super().feed_data(data)

    def feed_eof(self) -> None:
        """The other side has closed."""
        self._ended = True
        super().feed_eof()

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        """Bytes up to a separator, counted."""
        data = await super().readuntil(separator)
        self._taken += len(data)
        return data

    async def readexactly(self, n: int) -> bytes:
        """So many bytes, counted."""
        data = await super().readexactly(n)
        self._taken += len(data)
        return data


@dataclass(slots=True)
class _Line:
    """One open connection and when it became idle."""

    reader: _Reader
    writer: asyncio.StreamWriter
    idle_since_s: float = 0.0


class LeanTransport(httpx.AsyncBaseTransport):
    """Connections to any number of origins; `most` open at a time over all of them, idle ones kept for `idle_s`."""

    def __init__(self, *, most: int = 64, idle_s: float = 30.0, verify: ssl.SSLContext | None = None) -> None:
        self._room = asyncio.Semaphore(most)
        self._idle_s = idle_s
        self._verify = verify
        self._idle: dict[_Origin, list[_Line]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose body is in memory and read the whole answer.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout: nothing was sent.
            httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError: it may have arrived.
        """
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        try:
            async with asyncio.timeout(timeouts.get("pool")):
                await self._room.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("no free connection", request=request) from None
        try:
            return await self._exchange(request, timeouts)
        finally:
            self._room.release()

    async def aclose(self) -> None:
        """Close what is idle."""
        for lines in self._idle.values():
            for line in lines:
                line.writer.close()
        self._idle.clear()

    async def _exchange(self, request: httpx.Request, timeouts: Mapping[str, float | None]) -> httpx.Response:
        """One request on one connection, which is kept only after a complete answer."""
        url = request.url
        origin = (url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80))
        line = self._kept(origin) or await self._open(origin, request, timeouts.get("connect"))
        keep = False
        try:
            async with asyncio.timeout(timeouts.get("read")):
                line.writer.write(_head(request) + request.content)
                response, keep = await _read_response(line.reader, request)
        except TimeoutError:
            raise httpx.ReadTimeout("no answer in time", request=request) from None
        except asyncio.IncompleteReadError as cut:
            raise httpx.RemoteProtocolError(f"connection closed after {len(cut.partial)} bytes", request=request) from cut
        except (OSError, asyncio.LimitOverrunError) as lost:
            raise httpx.ReadError(f"connection lost: {lost}", request=request) from lost
        except ValueError as odd:
            raise httpx.RemoteProtocolError(f"not HTTP: {odd}", request=request) from odd
        finally:
            if keep:
                line.idle_since_s = asyncio.get_running_loop().time()
                self._idle.setdefault(origin, []).append(line)
            else:
                line.writer.close()
        return response

    def _kept(self, origin: _Origin) -> _Line | None:
        """An idle connection that is still good, the youngest first."""
        lines = self._idle.get(origin, [])
        oldest_s = asyncio.get_running_loop().time() - self._idle_s
        while lines:
            line = lines.pop()
            if line.reader.clean and not line.writer.is_closing() and line.idle_since_s > oldest_s:
                return line
            line.writer.close()
        return None

    async def _open(self, origin: _Origin, request: httpx.Request, timeout_s: float | None) -> _Line:
        """A new connection."""
        scheme, host, port = origin
        if scheme == "https" and self._verify is None:
            self._verify = httpx.create_ssl_context(trust_env=False)
        loop = asyncio.get_running_loop()
        reader = _Reader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            async with asyncio.timeout(timeout_s):
                transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=self._verify if scheme == "https" else None)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection to {host}:{port} in time", request=request) from None
        except OSError as error:
            raise httpx.ConnectError(f"cannot connect to {host}:{port}: {error}", request=request) from error
        return _Line(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


def _head(request: httpx.Request) -> bytes:
    """Request line and headers."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % item for item in request.headers.raw]
    return b"\r\n".join([*lines, b"", b""])


async def _read_response(reader: asyncio.StreamReader, request: httpx.Request) -> tuple[httpx.Response, bool]:
    """The answer, and whether the connection may be used again. Interim answers (1xx) are passed over."""
    status = 0
    while status < 200:
        status, headers = _parse_head(await reader.readuntil(b"\r\n\r\n"))
    framing = {name.lower(): value.lower() for name, value in headers}
    keep = b"close" not in framing.get(b"connection", b"")
    if status in _NO_BODY or request.method == "HEAD":
        body = b""
    elif b"chunked" in framing.get(b"transfer-encoding", b""):
        body = await _read_chunks(reader)
    elif b"content-length" in framing:
        body = await reader.readexactly(int(framing[b"content-length"]))
    else:
        body, keep = await reader.read(), False
    return httpx.Response(status, headers=headers, content=body, request=request), keep


def _parse_head(head: bytes) -> tuple[int, _Headers]:
    """Status and headers of an answer."""
    first, *lines = head[:-4].split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError(f"answer begins with {first[:20]!r}")
    headers: _Headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise ValueError(f"header line {line[:40]!r}")
        headers.append((name, value.strip()))
    return int(rest[:3]), headers


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks, trailers dropped."""
    parts: list[bytes] = []
    while size := int((await reader.readuntil(_CHUNK_END)).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(_CHUNK_END) != _CHUNK_END:
        pass
    return b"".join(parts)

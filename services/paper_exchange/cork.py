"""One packet per answer: what is written within one turn of the loop leaves together.

The server writes the head and the body of an answer one after the other, and each frame of a WebSocket by itself; every write
would be a call of the system and a packet of its own.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST = 65_536
"""Bytes at which no more is collected, so that the transport sees when a client does not read."""


class Corked(asyncio.Transport):
    """A transport that collects before it writes."""

    def __init__(self, inner: asyncio.Transport) -> None:
        super().__init__()
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write at the end of this turn of the loop."""
        if not data:
            return
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Write what was collected now."""
        if not self._parts:
            return
        parts, self._parts, self._size = self._parts, [], 0
        if not self._inner.is_closing():
            self._inner.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Write what was collected, then close."""
        self.flush()
        self._inner.close()

    def abort(self) -> None:
        """Close at once."""
        self._inner.abort()

    def is_closing(self) -> bool:
        """Whether the transport is closed or about to be."""
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Addresses, socket."""
        return self._inner.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol read, after an upgrade."""
        self._inner.set_protocol(protocol)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._inner.resume_reading()


class CorkedHttp(H11Protocol):
    """HTTP over corked transports; WebSockets take the transport over."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(Corked(transport))

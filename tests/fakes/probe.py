"""Asks our own processes for small JSON documents over connections that stay open: many times a second, with little work."""

import asyncio
import contextlib
import json
from typing import Any

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Probe:
    """GET and nothing else; a connection that was lost is made anew once (the process behind a port may be another one by now)."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], Connection] = {}

    async def get(self, host: str, port: int, path: str) -> dict[str, Any]:
        """The document.

        Raises:
            OSError: nobody answers there.
        """
        known = self._open.pop((host, port), None)
        if known is not None:
            with contextlib.suppress(OSError):
                return await self._ask((host, port), known, path)
        return await self._ask((host, port), await asyncio.open_connection(host, port), path)

    async def _ask(self, where: tuple[str, int], connection: Connection, path: str) -> dict[str, Any]:
        reader, writer = connection
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {where[0]}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            _, _, rest = head.partition(b"content-length:")
            found: dict[str, Any] = json.loads(await reader.readexactly(int(rest.partition(b"\r\n")[0])))
        except EOFError as error:
            writer.close()
            raise ConnectionResetError(f"{where[0]}:{where[1]} hung up") from error
        except BaseException:
            writer.close()
            raise
        before = self._open.pop(where, None)
        if before is not None:  # two asked at once: one connection is enough
            before[1].close()
        self._open[where] = connection
        return found

    async def close(self) -> None:
        """Hang up everywhere."""
        for _, writer in self._open.values():
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in self._open.values()), return_exceptions=True)
        self._open.clear()

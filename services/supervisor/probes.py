"""Whether a server answers. Each probe is one short try; the supervisor repeats them."""

import asyncio
import contextlib
import json
from typing import Any

import httpx

_TIMEOUT_S = 2.0


async def nats_answers(port: int, host: str = "127.0.0.1") -> bool:
    """nats-server greets with INFO and has JetStream."""
    greeting = await _exchange(host, port, b"")
    with contextlib.suppress(ValueError, KeyError):
        return bool(json.loads(greeting.removeprefix(b"INFO "))["jetstream"])
    return False


async def redis_answers(port: int, password: str, host: str = "127.0.0.1") -> bool:
    """redis-server accepts the password and has loaded its data."""
    return await _exchange(host, port, f"AUTH {password}\r\nPING\r\n".encode(), lines=2) == b"+OK\r\n+PONG\r\n"


async def _exchange(host: str, port: int, question: bytes, lines: int = 1) -> bytes:
    """What a server says to a question; nothing when it does not answer."""
    writer = None
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port, limit=2**20)
            writer.write(question)
            return b"".join([await reader.readline() for _ in range(lines)])
    except (OSError, TimeoutError, ValueError):
        return b""
    finally:
        if writer is not None:
            writer.close()


async def http_json(client: httpx.AsyncClient, url: str) -> tuple[int, Any]:
    """Status code and JSON body; `(0, None)` when nobody answers."""
    try:
        answer = await client.get(url, timeout=_TIMEOUT_S)
        return answer.status_code, answer.json()
    except (httpx.HTTPError, ValueError):
        return 0, None


async def http_ok(client: httpx.AsyncClient, url: str) -> bool:
    """Whether the answer is 200."""
    return (await http_json(client, url))[0] == 200

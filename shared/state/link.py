"""One connection pool to Redis: scripts, time limits and errors in one place."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from shared.domain.errors import ConfigError, StateCorrupt, StoreUnavailable
from shared.state.keys import Keys

_CORRUPT = ("WRONGTYPE", "CORRUPT", "not an integer", "attempt to")
"""Words of errors that come from what is stored (the last one: a script that found no number)."""


def nonce() -> str:
    """A text that is never used twice: marks a write, so that its repetition can be told from another one."""
    return secrets.token_hex(8)


class RedisLink:
    """Runs commands with a deadline. Nothing else in the product talks to redis-py.

    redis-py's own retries are off: it would repeat after a read timeout as well. A call whose connection broke (an idle one
    always does after a restart of the server) is made once more, so every call must be safe to repeat.
    """

    def __init__(self, url: str, *, timeout_s: float = 1.0, max_connections: int = 32) -> None:
        self._timeout_s = timeout_s
        self._scripts: dict[str, tuple[str, str]] = {}
        try:
            self._where = _address(url)
            self._pool = BlockingConnectionPool.from_url(
                url,
                max_connections=max_connections,
                timeout=timeout_s,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                driver_info=None,
                decode_responses=True,
                encoding_errors="surrogateescape",  # bytes that are not text stay as they are and fail where they are read
            )
        except ValueError:
            raise ConfigError("the Redis address is not valid: expected redis://[user:password@]host:port/number") from None
        self._client: Redis = Redis.from_pool(self._pool)

    async def call(self, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        """Run one command or script. Text comes back as `str`.

        Raises:
            StoreUnavailable: no answer within the time limit, or an error of Redis. It may have been executed.
            StateCorrupt: a key holds something else than the product stores there.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                try:
                    return await command(self._client)
                except RedisConnectionError:
                    await self._pool.disconnect(inuse_connections=False)
                    return await command(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._verdict(error) from error

    async def script(self, name: str, keys: Sequence[str], *args: str | int) -> Any:
        """Run `lua/<name>.lua`; it is sent whole only when the server does not know it yet."""
        text, sha = self._load(name)

        async def run(client: Redis) -> Any:
            try:
                return await client.evalsha(sha, len(keys), *keys, *args)
            except NoScriptError:
                return await client.eval(text, len(keys), *keys, *args)

        return await self.call(run)

    async def close(self) -> None:
        """Close all connections."""
        try:
            await self._client.aclose()
        except (RedisError, OSError) as error:
            raise self._verdict(error) from error

    def _load(self, name: str) -> tuple[str, str]:
        if name not in self._scripts:
            text = (resources.files("shared.state") / "lua" / f"{name}.lua").read_text(encoding="utf-8")
            self._scripts[name] = (text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
        return self._scripts[name]

    def _verdict(self, error: Exception) -> StoreUnavailable | StateCorrupt:
        """The error without the address's password: only host, port and what kind of error it was."""
        if isinstance(error, ResponseError) and any(word in str(error) for word in _CORRUPT):
            return StateCorrupt(f"Redis at {self._where} holds a value of another kind than expected: {error}")
        return StoreUnavailable(f"Redis at {self._where} did not answer within {self._timeout_s} s or refused ({type(error).__name__})")


def _address(url: str) -> str:
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


class RedisPart:
    """What the parts of `RedisState` share."""

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        self._link = link
        self._keys = keys

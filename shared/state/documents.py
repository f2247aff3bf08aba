"""Small JSON documents in one hash per kind, and how stored text becomes values again."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.domain.errors import StateCorrupt
from shared.state.link import RedisPart
from shared.state.port import Lease, Replaced
from shared.state.store import MemoryPart


def dump(value: Mapping[str, Any]) -> str:
    """A document as JSON text.

    Raises:
        TypeError: it holds something that JSON has no form for (a Decimal must be made text first).
    """
    return orjson.dumps(dict(value)).decode()


def parse(key: str, field: str, text: str) -> dict[str, Any]:
    """JSON text as a document.

    Raises:
        StateCorrupt: it is not a JSON object.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StateCorrupt(f"expected a JSON object in {key} [{field}], got something else: restore or remove it") from error
    if not isinstance(value, dict):
        raise StateCorrupt(f"expected a JSON object in {key} [{field}], got a {type(value).__name__}: restore or remove it")
    return value


class RedisDocuments(RedisPart):
    """Documents in Redis hashes."""

    async def put(self, key: str, field: str, value: Mapping[str, Any]) -> None:
        """See `State.put`."""
        text = dump(value)
        await self._link.call(lambda client: client.hset(key, field, text))

    async def get(self, key: str, field: str) -> dict[str, Any] | None:
        """See `State.get`."""
        text = await self._link.call(lambda client: client.hget(key, field))
        return None if text is None else parse(key, field, text)

    async def get_many(self, key: str, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See `State.get_many`."""
        texts = await self._link.call(lambda client: client.hmget(key, list(fields))) if fields else []
        return {field: parse(key, field, text) for field, text in zip(fields, texts, strict=True) if text is not None}

    async def get_all(self, key: str) -> dict[str, dict[str, Any]]:
        """See `State.get_all`."""
        rows = await self._link.call(lambda client: client.hgetall(key))
        return {field: parse(key, field, text) for field, text in rows.items()}

    async def drop(self, key: str, *fields: str) -> None:
        """See `State.drop`."""
        if fields:
            await self._link.call(lambda client: client.hdel(key, *fields))

    async def put_fenced(self, key: str, field: str, value: Mapping[str, Any], lease: Lease) -> bool:
        """See `State.put_fenced`."""
        return bool(await self._link.script("put_fenced", (self._keys.fence(lease.role), key), lease.token, field, dump(value)))

    async def replace_fenced(
        self, key: str, documents: Mapping[str, Mapping[str, Any]], lease: Lease, *, only_if_empty: bool = False
    ) -> Replaced:
        """See `State.replace_fenced`."""
        parts = [part for field, value in documents.items() for part in (field, dump(value))]
        keys = (self._keys.fence(lease.role), key)
        return _REPLACED[int(await self._link.script("replace_fenced", keys, lease.token, int(only_if_empty), *parts))]


_REPLACED = {1: Replaced.DONE, 0: Replaced.FENCED, -1: Replaced.NOT_EMPTY}


class MemoryDocuments(MemoryPart):
    """Documents in the memory store, as JSON text like in Redis."""

    async def put(self, key: str, field: str, value: Mapping[str, Any]) -> None:
        """See `State.put`."""
        self._store.check()
        self._store.hashes.setdefault(key, {})[field] = dump(value)

    async def get(self, key: str, field: str) -> dict[str, Any] | None:
        """See `State.get`."""
        self._store.check()
        text = self._store.hashes.get(key, {}).get(field)
        return None if text is None else parse(key, field, text)

    async def get_many(self, key: str, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """See `State.get_many`."""
        self._store.check()
        texts = self._store.hashes.get(key, {})
        return {field: parse(key, field, texts[field]) for field in fields if field in texts}

    async def get_all(self, key: str) -> dict[str, dict[str, Any]]:
        """See `State.get_all`."""
        self._store.check()
        return {field: parse(key, field, text) for field, text in self._store.hashes.get(key, {}).items()}

    async def drop(self, key: str, *fields: str) -> None:
        """See `State.drop`."""
        self._store.check()
        for field in fields:
            self._store.hashes.get(key, {}).pop(field, None)

    async def put_fenced(self, key: str, field: str, value: Mapping[str, Any], lease: Lease) -> bool:
        """See `State.put_fenced`."""
        self._store.check()
        if self._store.fences.get(self._keys.fence(lease.role)) != lease.token:
            return False
        await self.put(key, field, value)
        return True

    async def replace_fenced(
        self, key: str, documents: Mapping[str, Mapping[str, Any]], lease: Lease, *, only_if_empty: bool = False
    ) -> Replaced:
        """See `State.replace_fenced`."""
        self._store.check()
        texts = {field: dump(value) for field, value in documents.items()}
        if self._store.fences.get(self._keys.fence(lease.role)) != lease.token:
            return Replaced.FENCED
        if only_if_empty and self._store.hashes.get(key):
            return Replaced.NOT_EMPTY
        self._store.hashes[key] = texts
        return Replaced.DONE

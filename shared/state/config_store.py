"""Setting overrides as a whole, with a revision and their history."""

from collections.abc import Mapping
from typing import Any

from shared.domain.errors import StateCorrupt
from shared.state.documents import dump, parse
from shared.state.link import RedisPart, nonce
from shared.state.port import ConfigRevision
from shared.state.store import MemoryPart

KEEP = 1000
"""How many revisions the history keeps."""

NONE_YET = ConfigRevision(0, {}, "", 0)


class RedisConfig(RedisPart):
    """Overrides in Redis: a hash for the current revision, a list for all of them."""

    async def config(self) -> ConfigRevision:
        """See `State.config`."""
        text = await self._link.call(lambda client: client.hget(self._keys.config, "document"))
        return NONE_YET if text is None else _parse(self._keys.config, text)

    async def config_apply(
        self, overrides: Mapping[str, str], *, expected_revision: int, author: str, now_ms: int
    ) -> ConfigRevision | None:
        """See `State.config_apply`."""
        made = ConfigRevision(expected_revision + 1, dict(overrides), author, now_ms)
        document = dump({"revision": made.revision, "overrides": made.overrides, "author": author, "changed_ms": now_ms})
        keys = (self._keys.config, self._keys.config_history)
        applied = await self._link.script("config_apply", keys, expected_revision, document, nonce(), KEEP)
        return made if applied else None

    async def config_history(self, limit: int = 50) -> list[ConfigRevision]:
        """See `State.config_history`."""
        if limit < 1:
            return []
        rows = await self._link.call(lambda client: client.lrange(self._keys.config_history, 0, limit - 1))
        return [_parse(self._keys.config_history, text) for text in rows]


def _parse(key: str, text: str) -> ConfigRevision:
    raw: dict[str, Any] = parse(key, "document", text)
    try:
        overrides = {str(name): str(value) for name, value in raw["overrides"].items()}
        return ConfigRevision(int(raw["revision"]), overrides, str(raw["author"]), int(raw["changed_ms"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise StateCorrupt(f"expected revision, overrides, author and changed_ms in {key}: restore it") from error


class MemoryConfig(MemoryPart):
    """Overrides in the memory store: all revisions, oldest first."""

    async def config(self) -> ConfigRevision:
        """See `State.config`."""
        self._store.check()
        made = self._store.configs.get(self._keys.config)
        return made[-1] if made else NONE_YET

    async def config_apply(
        self, overrides: Mapping[str, str], *, expected_revision: int, author: str, now_ms: int
    ) -> ConfigRevision | None:
        """See `State.config_apply`."""
        if (await self.config()).revision != expected_revision:
            return None
        made = ConfigRevision(expected_revision + 1, dict(overrides), author, now_ms)
        self._store.configs.setdefault(self._keys.config, []).append(made)
        return made

    async def config_history(self, limit: int = 50) -> list[ConfigRevision]:
        """See `State.config_history`."""
        self._store.check()
        return list(reversed(self._store.configs.get(self._keys.config, [])))[: max(limit, 0)]

"""What an effectful handler already did with a message."""

from shared.domain.errors import StateCorrupt
from shared.state.link import RedisPart, nonce
from shared.state.store import MemoryPart

BEGUN = "begun"
"""What `ledger_begin` answers for a message whose handling began and did not finish."""

_BEGUN_MARK = "b:"
_RESULT_MARK = "r:"


class RedisLedger(RedisPart):
    """Ledger entries in Redis, one key each with its own lifetime."""

    async def ledger_begin(self, durable: str, message_id: str, ttl_s: int) -> str | None:
        """See `State.ledger_begin`."""
        key = self._keys.ledger(durable, message_id)
        was = await self._link.script("ledger_begin", (key,), f"{_BEGUN_MARK}{nonce()}", ttl_s)
        if was is None:
            return None
        if was.startswith(_RESULT_MARK):
            return str(was.removeprefix(_RESULT_MARK))
        if was.startswith(_BEGUN_MARK):
            return BEGUN
        raise StateCorrupt(f"expected a ledger entry in {key}: remove it after checking what the message did")

    async def ledger_finish(self, durable: str, message_id: str, result: str, ttl_s: int) -> None:
        """See `State.ledger_finish`."""
        key = self._keys.ledger(durable, message_id)
        await self._link.call(lambda client: client.set(key, f"{_RESULT_MARK}{result}", ex=ttl_s))


class MemoryLedger(MemoryPart):
    """Ledger entries in the memory store."""

    async def ledger_begin(self, durable: str, message_id: str, ttl_s: int) -> str | None:
        """See `State.ledger_begin`."""
        self._store.check()
        key, now_ms = self._keys.ledger(durable, message_id), self._store.clock.now_ms()
        was, expires_ms = self._store.ledger.get(key, (None, 0))
        if was is not None and expires_ms > now_ms:
            return was
        self._store.ledger[key] = (BEGUN, now_ms + ttl_s * 1000)
        return None

    async def ledger_finish(self, durable: str, message_id: str, result: str, ttl_s: int) -> None:
        """See `State.ledger_finish`."""
        self._store.check()
        self._store.ledger[self._keys.ledger(durable, message_id)] = (result, self._store.clock.now_ms() + ttl_s * 1000)

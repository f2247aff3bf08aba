"""The one step between a durable intent and its request to the venue."""

from collections.abc import Mapping
from typing import Any

from shared.domain.control import TradingState
from shared.state.documents import dump
from shared.state.link import RedisPart
from shared.state.port import Lease, Permit
from shared.state.store import MemoryPart


class RedisPermits(RedisPart):
    """Permission to send, in one Lua script."""

    async def may_send(self, intent_id: str, *, before: Mapping[str, Any], after: Mapping[str, Any], epoch: int, lease: Lease) -> Permit:
        """See `State.may_send`."""
        keys = (self._keys.control, self._keys.fence(lease.role), self._keys.intents)
        return Permit(await self._link.script("may_send", keys, intent_id, lease.token, epoch, dump(before), dump(after)))


class MemoryPermits(MemoryPart):
    """Permission to send, in the memory store."""

    async def may_send(self, intent_id: str, *, before: Mapping[str, Any], after: Mapping[str, Any], epoch: int, lease: Lease) -> Permit:
        """See `State.may_send`."""
        self._store.check()
        control = self._store.controls.get(self._keys.control)
        if control is None:
            return Permit.UNSET
        if control.state is not TradingState.RUNNING:
            return Permit.NOT_RUNNING
        if control.epoch != epoch:
            return Permit.OLD_EPOCH
        if self._store.fences.get(self._keys.fence(lease.role)) != lease.token:
            return Permit.FENCED
        intents = self._store.hashes.setdefault(self._keys.intents, {})
        if intents.get(intent_id) not in {dump(before), dump(after)}:
            return Permit.CHANGED
        intents[intent_id] = dump(after)
        return Permit.OK

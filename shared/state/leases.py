"""Roles that one instance holds at a time (with fencing tokens), and the live members of a service."""

from shared.domain.errors import StateCorrupt
from shared.state.link import RedisPart
from shared.state.port import Lease
from shared.state.store import MemoryPart


class RedisLeases(RedisPart):
    """Leases and members in Redis; its clock decides what has expired."""

    async def acquire(self, role: str, owner: str, ttl_ms: int) -> Lease | None:
        """See `State.acquire`."""
        token = await self._link.script("lease_acquire", (self._keys.lease(role), self._keys.fence(role)), owner, ttl_ms)
        return None if token is None else Lease(role, owner, int(token))

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        """See `State.renew`."""
        return bool(await self._link.script("lease_renew", (self._keys.lease(lease.role),), lease.owner, lease.token, ttl_ms))

    async def release(self, lease: Lease) -> None:
        """See `State.release`."""
        await self._link.script("lease_release", (self._keys.lease(lease.role),), lease.owner, lease.token)

    async def holder(self, role: str) -> Lease | None:
        """See `State.holder`."""
        key = self._keys.lease(role)
        owner, token = await self._link.call(lambda client: client.hmget(key, ["owner", "token"]))
        if owner is None and token is None:
            return None
        if owner is None or token is None or not token.isdigit():
            raise StateCorrupt(f"expected owner and token in {key}: remove it, the role is taken anew")
        return Lease(role, owner, int(token))

    async def join(self, service: str, member: str, ttl_ms: int) -> tuple[str, ...]:
        """See `State.join`."""
        return tuple(sorted(await self._link.script("members_join", (self._keys.members(service),), member, ttl_ms)))

    async def leave(self, service: str, member: str) -> None:
        """See `State.leave`."""
        await self._link.call(lambda client: client.zrem(self._keys.members(service), member))


class MemoryLeases(MemoryPart):
    """Leases and members in the memory store; its clock decides what has expired."""

    async def acquire(self, role: str, owner: str, ttl_ms: int) -> Lease | None:
        """See `State.acquire`."""
        held = await self.holder(role)
        if held is not None and held.owner != owner:
            return None
        now_ms, fence = self._store.clock.now_ms(), self._keys.fence(role)
        if held is None:
            self._store.fences[fence] = self._store.fences.get(fence, now_ms // 1000) + 1
            held = Lease(role, owner, self._store.fences[fence])
        self._store.leases[self._keys.lease(role)] = (held, now_ms + ttl_ms)
        return held

    async def renew(self, lease: Lease, ttl_ms: int) -> bool:
        """See `State.renew`."""
        if await self.holder(lease.role) != lease:
            return False
        self._store.leases[self._keys.lease(lease.role)] = (lease, self._store.clock.now_ms() + ttl_ms)
        return True

    async def release(self, lease: Lease) -> None:
        """See `State.release`."""
        if await self.holder(lease.role) == lease:
            del self._store.leases[self._keys.lease(lease.role)]

    async def holder(self, role: str) -> Lease | None:
        """See `State.holder`."""
        self._store.check()
        lease, expires_ms = self._store.leases.get(self._keys.lease(role), (None, 0))
        return lease if expires_ms > self._store.clock.now_ms() else None

    async def join(self, service: str, member: str, ttl_ms: int) -> tuple[str, ...]:
        """See `State.join`."""
        self._store.check()
        now_ms, key = self._store.clock.now_ms(), self._keys.members(service)
        live = {name: expires_ms for name, expires_ms in self._store.members.get(key, {}).items() if expires_ms > now_ms}
        self._store.members[key] = live | {member: now_ms + ttl_ms}
        return tuple(sorted(self._store.members[key]))

    async def leave(self, service: str, member: str) -> None:
        """See `State.leave`."""
        self._store.check()
        self._store.members.get(self._keys.members(service), {}).pop(member, None)

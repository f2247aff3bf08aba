"""One active instance: a fenced lease in Redis, held while the process lives, watched by those who stand by."""

import asyncio

from shared.domain.errors import LeaseLost, StoreUnavailable
from shared.runtime.context import Context
from shared.state.port import Lease

TTL_MS = 2_400
RENEW_S = 0.6
POLL_S = 0.3
ALONE_S = 0.5
SEEN_STORE_S = 15.0
"""How long a service that starts alone waits for a store that never answered, and for one that did: in the second case another
instance may well be active, and goes on being so."""
_CLOCKS_MS = 900
"""How far this machine's clock and the store's may differ where a token tells that the store began anew; with the half second by
which a whole second is off, less than another instance would have kept a lease."""


def role_of(service: str) -> str:
    """The lease's name for a service."""
    return f"active-{service}"


async def become_active(ctx: Context, service: str) -> None:
    """Wait until this instance holds the lease (or is told to stop).

    One that starts alone also becomes active, without a lease, when the store stays away: two of them at work are better than
    none, since what they do has the same ids.
    """
    patience = _Patience(ctx)
    while not ctx.stopping.is_set():
        started = ctx.clock.monotonic_s()
        try:
            lease = await ctx.state.acquire(role_of(service), ctx.producer.instance, TTL_MS)
        except StoreUnavailable as error:
            ctx.log.warning("lease_store_unavailable", detail=str(error))
            if patience.over():
                ctx.log.warning("active_without_lease", role=role_of(service))
                return
            lease = None
        else:
            patience.answered()
        if lease is not None:
            ctx.lease = lease
            ctx.lease_deadline_s = started + TTL_MS / 1000
            ctx.log.info("active", role=lease.role, token=lease.token)
            return
        await _pause(ctx, POLL_S)


class _Patience:
    """How long the store has been away."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._since_s = ctx.clock.monotonic_s()
        self._most_s = ALONE_S

    def answered(self) -> None:
        """It is there."""
        self._since_s, self._most_s = self._ctx.clock.monotonic_s(), SEEN_STORE_S

    def over(self) -> bool:
        """Whether to go on without it."""
        return self._ctx.options.starts_alone and self._ctx.clock.monotonic_s() - self._since_s > self._most_s


async def keep(ctx: Context, service: str, *, outage_tolerated: bool) -> None:
    """Renew the lease until told to stop.

    With `outage_tolerated` the process goes on without a certain lease while Redis is down (protection must not stop);
    `ctx.holds_lease()` is then False. Without, it waits too, but a lease that another instance took ends the process.

    Raises:
        LeaseLost: another instance has the lease, or had it since we did: what we remember is not how it left things.
    """
    while not ctx.stopping.is_set():
        await _pause(ctx, RENEW_S)
        if ctx.stopping.is_set():
            continue
        started = ctx.clock.monotonic_s()
        try:
            if ctx.lease is not None and await ctx.state.renew(ctx.lease, TTL_MS):
                ctx.lease_deadline_s = started + TTL_MS / 1000
                continue
            again = await ctx.state.acquire(role_of(service), ctx.producer.instance, TTL_MS)
        except StoreUnavailable as error:
            ctx.log.warning("lease_not_renewed", detail=str(error), outage_tolerated=outage_tolerated)
            continue
        if again is None:
            raise LeaseLost(f"another instance holds {role_of(service)}; this one stops acting and restarts as a standby")
        if ctx.lease is not None and _was_away(ctx.lease, again, ctx.clock.wall_ms()):
            ctx.lease = again
            await hand_over(ctx)
            raise LeaseLost(f"another instance held {role_of(service)} meanwhile; this one starts anew with what is stored")
        ctx.lease = again
        ctx.lease_deadline_s = started + TTL_MS / 1000


def _was_away(old: Lease, new: Lease, wall_ms: int) -> bool:
    """Whether somebody else had the lease between two of ours: the next token would have been ours otherwise.

    A store that lost its count hands out the second after the present one; nobody was before us there.
    """
    begun_anew = abs(wall_ms - 500 - (new.token - 1) * 1000) < _CLOCKS_MS
    return new.token > old.token + 1 and not begun_anew


async def hand_over(ctx: Context) -> None:
    """Give the lease up on the way out, so that the standby need not wait for it to expire."""
    if ctx.lease is None:
        return
    try:
        await ctx.state.release(ctx.lease)
    except StoreUnavailable as error:
        ctx.log.warning("lease_not_released", detail=str(error))
    ctx.lease = None


async def _pause(ctx: Context, seconds: float) -> None:
    """Sleep, but wake at once when stopping."""
    try:
        async with asyncio.timeout(seconds):
            await ctx.stopping.wait()
    except TimeoutError:
        return

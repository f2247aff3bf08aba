"""Writes that only the active instance may make.

After an outage of the store the lease has run out, and this very instance may be handed a new token while a write with the old
one is on its way: that write is refused, though nobody else acts. So a refusal ends the process only if no new token comes.
"""

import asyncio
from collections.abc import Awaitable, Callable

from shared.domain.errors import LeaseLost
from shared.runtime.context import Context
from shared.state.port import Lease

PATIENCE_S = 1.0
"""Longer than the pause between two renewals, each of which brings a new token or the end."""
_LOOK_S = 0.02


def lease_of(ctx: Context) -> Lease:
    """The lease of this instance.

    Raises:
        LeaseLost: it never held one.
    """
    if ctx.lease is None:
        raise LeaseLost("this instance never held the executor's lease")
    return ctx.lease


async def fenced(ctx: Context, what: str, write: Callable[[Lease], Awaitable[bool]]) -> None:
    """Write with the present lease; `write` says whether the store took it.

    Raises:
        LeaseLost: another instance acts for this account.
    """
    while True:
        lease = lease_of(ctx)
        if await write(lease):
            return
        if not await _renewed(ctx, lease):
            raise LeaseLost(f"another instance holds {lease.role}; {what} is its own now")


async def _renewed(ctx: Context, old: Lease) -> bool:
    """Whether a lease with another token comes in time."""
    end_s = ctx.clock.monotonic_s() + PATIENCE_S
    while ctx.lease == old:
        if ctx.clock.monotonic_s() > end_s:
            return False
        await asyncio.sleep(_LOOK_S)
    return True

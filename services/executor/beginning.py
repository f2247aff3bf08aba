"""The first trading state of a store that has none: a new installation, or one that lost everything."""

import asyncio

from shared.domain.control import TradingState
from shared.runtime.context import Context
from shared.state.port import Control
from shared.state.sections import first_state
from shared.state.state_file import StateFile


async def begin(ctx: Context) -> Control:
    """The trading state. Where there is none: running on paper, paused with real money, and never more than the state file recorded.

    What was paused or stopped when the store was lost does not trade because it was lost, nor because the file cannot be used: then
    it is paused.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    present = await ctx.state.control()
    if present is not None:
        return present
    usual = TradingState.RUNNING if ctx.settings.core.paper else TradingState.PAUSED
    found = await asyncio.to_thread(StateFile(ctx.settings.core.state_file, ctx.settings.core.account).read)
    for problem in found.problems:
        ctx.log.error("state_file_refused", detail=problem)
    unknown = TradingState.PAUSED if found.problems else usual
    first = unknown if found.snapshot is None else first_state(found.snapshot.sections, usual)
    if first is not usual:
        ctx.log.warning("trading_state_from_file", state=first.value)
    return await ctx.state.init_control(first, author="executor", now_ms=ctx.clock.now_ms())

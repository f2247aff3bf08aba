"""The bus into the view: heartbeats and logs as they come, trades from the beginning, the rest since yesterday."""

import asyncio
from collections.abc import Sequence
from typing import Literal

from services.dashboard.logic.funnel import DAY_MS
from services.dashboard.logic.view import View
from shared.contracts.topic import (
    AI_POSTMORTEM,
    ALERT_RAISED,
    BRACKET_EVENT,
    CANDIDATE,
    CANDLE,
    HEARTBEAT,
    LOG,
    ORDER_EVENT,
    PLANNED,
    POSITION_EVENT,
    SKIP,
    TRADE_CLOSED,
)
from shared.runtime.context import Context

BREATH = 100
"""Messages between two moments for others while a backlog is read."""
LONGEST_MS = 2 * DAY_MS
SHORTEST_MS = 900_000


class Tailing:
    """Three tails. Messages of other accounts on the same bus are not ours to show."""

    def __init__(self, ctx: Context, view: View) -> None:
        self._ctx = ctx
        self._view = view

    async def presence(self) -> None:
        """Heartbeats and logs."""
        await self._follow((HEARTBEAT.pattern, LOG.pattern), "new")

    async def trades(self) -> None:
        """Every closed trade: the equity curve begins with the first."""
        await self._follow((TRADE_CLOSED.pattern,), "all")

    async def day(self) -> None:
        """What the funnel and the decisions of today and yesterday are made of."""
        candles = f"{CANDLE.prefix}.{self._ctx.settings.strategy.interval.value}.*"
        others = (CANDIDATE, SKIP, PLANNED, ORDER_EVENT, POSITION_EVENT, BRACKET_EVENT, ALERT_RAISED, AI_POSTMORTEM)
        await self._follow((candles, *(topic.pattern for topic in others)), self._since())

    def _since(self) -> int:
        """When yesterday (venue time) was published: in a replay a day takes less of our time."""
        clock = self._ctx.clock
        rate = clock.horizon_ms(1000) / 1000
        day_so_far_ms = clock.now_ms() % DAY_MS
        back_ms = int((day_so_far_ms + DAY_MS) / rate)
        return clock.wall_ms() - min(max(back_ms, SHORTEST_MS), LONGEST_MS)

    async def _follow(self, patterns: Sequence[str], since: Literal["new", "all"] | int) -> None:
        account, clock, count = self._ctx.producer.account, self._ctx.clock, 0
        async for payload, meta in self._ctx.bus.tail(patterns, since=since):
            if meta.account == account:
                self._view.apply(payload, meta, clock.wall_ms())
            count += 1
            if count % BREATH == 0:
                await asyncio.sleep(0)

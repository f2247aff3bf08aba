"""When the outcome of a send is not known: ask the venue by client id until the answer can no longer change."""

import asyncio

from services.executor.logic.intent import Intent
from services.executor.logic.record import Record
from shared.domain.errors import RateLimited, Transient
from shared.domain.order import Fill, OrderStatus, VenueOrder, client_id
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context

ASK_FIRST_S = 0.2
ASK_MAX_S = 2.0
MARGIN_MS = 3_000
"""Beyond recvWindow: a request can take effect no later than recvWindow after its timestamp, plus the venue's own lag."""


class Doubt:
    """Finds out what became of an order."""

    def __init__(self, ctx: Context, private: PrivateClient) -> None:
        self._ctx = ctx
        self._private = private
        self._unknown = ctx.metrics.counter("unknown_outcomes_total", "Sends whose outcome was asked for, by how it ended", ("resolved",))

    async def settle(self, intent: Intent) -> VenueOrder | None:
        """The entry as the venue has it; None when it steadily says "unknown" until the send can no longer take effect.

        Waits as long as the venue cannot be asked: only an answer settles it.
        """
        until = intent.sent_wall_ms + self._ctx.settings.core.recv_window_ms + MARGIN_MS
        pause_s = ASK_FIRST_S
        while True:
            try:
                order = await self._private.query_order(intent.symbol, intent.client_id, conditional=False)
            except Transient as error:
                self._ctx.log.warning("outcome_not_known_yet", client_id=intent.client_id, detail=str(error))
                pause_s = max(pause_s, error.retry_after_s) if isinstance(error, RateLimited) else pause_s
            else:
                if order is not None and not (order.status is OrderStatus.NEW and order.filled == 0):
                    self._unknown.labels("found").inc()
                    return order
                if order is None and self._ctx.clock.wall_ms() > until:
                    self._unknown.labels("absent").inc()
                    return None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, ASK_MAX_S)

    async def owner_of(self, record: Record, fill: Fill) -> str:
        """The client id behind an execution that came without one: the position's own orders are asked one by one."""
        names = [(client_id(record.position_id, "e"), False)]
        names += [(client_id(record.position_id, leg, n), True) for leg in ("s", "t") for n in range(3)]
        names += [(client_id(record.position_id, "x", n), False) for n in range(record.revision + 1)]
        for name, conditional in names:
            order = await self._private.query_order(record.symbol, name, conditional=conditional)
            if order is not None and fill.order_id in {order.order_id, order.triggered_order_id}:
                return name
        return ""

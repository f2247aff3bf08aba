"""When the outcome of a send is not known: ask the venue by client id until the answer can no longer change."""

import asyncio

from services.executor.logic.intent import Intent
from shared.domain.errors import RateLimited, Transient
from shared.domain.order import Fill, OrderStatus, VenueOrder
from shared.exchange.parse_orders import parse_order
from shared.exchange.private import PrivateClient
from shared.exchange.venues.shape import Endpoint
from shared.runtime.context import Context

ASK_FIRST_S = 0.2
ASK_MAX_S = 2.0
SEND_WITHIN_S = 0.5
"""A permission to send is void after this: what waits longer than a person's "stop" may take is not sent."""
MARGIN_MS = 3_000
"""How late an order that the venue took may show in its answers."""
_NAMES_MOST = 5_000


class Doubt:
    """Finds out what became of an order."""

    def __init__(self, ctx: Context, private: PrivateClient, *, margin_ms: int = MARGIN_MS) -> None:
        self._ctx = ctx
        self._private = private
        self._names: dict[int, str] = {}
        self._window_ms = int(SEND_WITHIN_S * 1000) + ctx.settings.core.recv_window_ms + margin_ms
        self._unknown = ctx.metrics.counter("unknown_outcomes_total", "Sends whose outcome was asked for, by how it ended", ("resolved",))

    async def settle(self, intent: Intent) -> VenueOrder | None:
        """The entry as the venue has it; None when it steadily says "unknown" until the send can no longer take effect.

        A request is stamped within `SEND_WITHIN_S` of the durable `sent`, takes effect no later than recvWindow after its
        stamp, and shows a little later. Waits as long as the venue cannot be asked: only an answer settles it.
        """
        until = intent.sent_wall_ms + self._window_ms
        pause_s = ASK_FIRST_S
        while True:
            asked_ms = self._ctx.clock.wall_ms()
            try:
                order = await self._private.query_order(intent.symbol, intent.client_id, conditional=False)
            except Transient as error:
                self._ctx.log.warning("outcome_not_known_yet", client_id=intent.client_id, detail=str(error))
                pause_s = max(pause_s, error.retry_after_s) if isinstance(error, RateLimited) else pause_s
            else:
                if order is not None and (intent.limit_price is not None or not _under_way(order)):
                    self._unknown.labels("found").inc()
                    return order
                if order is None and asked_ms > until:
                    self._unknown.labels("absent").inc()
                    return None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, ASK_MAX_S)

    def hear(self, order_id: int, client_id: str) -> None:
        """The user stream named an order."""
        if len(self._names) >= _NAMES_MOST:
            del self._names[next(iter(self._names))]
        self._names[order_id] = client_id

    async def named(self, fill: Fill) -> str:
        """The client id behind an execution that came without one ("" when the venue no longer knows the order)."""
        if fill.order_id not in self._names:
            payload = await self._private.read(Endpoint.ORDER, [("symbol", fill.symbol), ("orderId", str(fill.order_id))])
            self.hear(fill.order_id, parse_order(payload).client_id)
        return self._names[fill.order_id]


def _under_way(order: VenueOrder) -> bool:
    """A market order that the venue still works on and that bought nothing yet."""
    return order.status is OrderStatus.NEW and order.filled == 0

"""What the user stream told: entries of ours with their time, and orders that are over. Reads alone may be stale."""

from collections import OrderedDict
from collections.abc import Iterable

from shared.domain.order import OrderStatus, VenueOrder, parse_client_id
from shared.exchange.events import AccountUpdate, AlgoUpdate, OrderUpdate, UserEvent

_MOST = 5_000
_OVER = {
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.EXPIRED_IN_MATCH,
    OrderStatus.REJECTED,
    OrderStatus.TRIGGERED,
    OrderStatus.FINISHED,
}


class Hearing:
    """`entries`: which position of ours was opened last in a symbol, by the tag in its client id. `hot`: symbols to look at.

    `alarm`: a position may be without a stop, since an entry was executed or a stop has ended.
    """

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.hot: set[str] = set()
        self.alarm = False
        self._over: OrderedDict[tuple[bool, int], None] = OrderedDict()

    def hear(self, event: UserEvent) -> tuple[str, int] | None:
        """Take an event; (symbol, venue time) when it is an execution of an entry of ours."""
        if isinstance(event, AccountUpdate):
            self.hot |= {change.symbol for change in event.positions}
            for change in event.positions:
                if change.amount == 0:
                    self.entries.pop(change.symbol, None)
            return None
        if not isinstance(event, OrderUpdate | AlgoUpdate):
            return None
        order = event.order
        self.hot.add(order.symbol)
        if order.status in _OVER:
            self.alarm = self.alarm or order.type.is_stop
            self._over[order.algo, order.order_id] = None
            while len(self._over) > _MOST:
                self._over.popitem(last=False)
        parts = parse_client_id(order.client_id)
        if isinstance(event, AlgoUpdate) or event.fill is None or parts is None or parts.leg != "e":
            return None
        self.entries[order.symbol] = parts.intent_hash
        self.alarm = True
        return order.symbol, event.fill.time_ms

    def still_open(self, orders: Iterable[VenueOrder]) -> list[VenueOrder]:
        """Without those whose end we heard of: a list that shows them is stale."""
        return [o for o in orders if (o.algo, o.order_id) not in self._over]

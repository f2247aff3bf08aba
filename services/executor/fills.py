"""Executions over REST, for what the user stream did not bring."""

from dataclasses import replace

from services.executor.book import Book
from services.executor.doubt import Doubt
from services.executor.logic.record import Record, own_fills
from shared.domain.errors import Permanent
from shared.domain.order import Fill, client_id
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context

_BEFORE_MS = 1_000
_PAGE = 1_000


class Fills:
    """Reads and books; what is booked already changes nothing."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, doubt: Doubt) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._doubt = doubt

    async def book(self, record: Record) -> None:
        """Read a position's executions and book those that the user stream did not bring."""
        if record.owned and record.entry_order_id is None:
            record = await self._with_entry(record)
        fills = await self._private.user_trades(record.symbol, start_ms=record.opened_ms - _BEFORE_MS)
        while len(fills) % _PAGE == 0 and fills:
            more = await self._private.user_trades(record.symbol, from_id=fills[-1].trade_id + 1)
            if not more:
                break
            fills += more
        known = {line.trade_id for line in record.fills}
        for fill in own_fills(record, fills):
            if fill.trade_id not in known and self._book.of(record.position_id, record.symbol) is not None:
                await self._book.fill(replace(fill, client_id=fill.client_id or await self._name(fill)))

    async def _with_entry(self, record: Record) -> Record:
        """The record with the number of its entry order."""
        order = await self._private.query_order(record.symbol, client_id(record.position_id, "e"), conditional=False)
        return record if order is None else replace(record, entry_order_id=order.order_id)

    async def _name(self, fill: Fill) -> str:
        """Who traded; a venue that has forgotten the order does not stop the booking."""
        try:
            return await self._doubt.named(fill)
        except Permanent as error:
            self._ctx.log.warning("fill_without_name", symbol=fill.symbol, order_id=fill.order_id, code=error.code)
            return ""

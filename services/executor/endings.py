"""After the last fill: leftovers are cancelled, fees and funding are booked, the trade is told, what it held is freed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.executor.core import Core
from services.executor.fees import Fees
from services.executor.logic import announce
from services.executor.logic.documents import record_document
from services.executor.logic.funding import crosses_funding, funding_of
from services.executor.logic.record import Record
from shared.domain.units import Usd

BOOKED_LATE_MS = 20_000
"""Funding is booked a few seconds after the hour."""
Settle = Callable[[Record], Awaitable[None]]


class Endings:
    """Sees each closed position through to its end; a crash anywhere in between repeats it with the same messages."""

    def __init__(self, core: Core, fees: Fees, settle: Settle) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._chores = core.chores
        self._outbox = core.outbox
        self._fees = fees
        self._settle = settle
        self._waiting: dict[str, Record] = {}
        self._working: set[str] = set()

    @property
    def position_ids(self) -> set[str]:
        """Positions that ended and still hold their exposure."""
        return set(self._waiting)

    def begin(self, record: Record) -> None:
        """A position ended."""
        self._waiting[record.position_id] = record
        self._start(record)

    async def again(self) -> None:
        """Try what did not succeed (the venue or the store was away)."""
        for record in list(self._waiting.values()):
            if record.position_id not in self._working:
                self._start(record)

    def _start(self, record: Record) -> None:
        self._working.add(record.position_id)

        async def clear() -> None:
            for order in await self._private.open_orders(record.symbol):
                if order.client_id.startswith(f"mr-{record.position_id}-"):
                    await self._private.cancel(record.symbol, order=order)

        async def end() -> None:
            try:
                await self._end(record)
            except BaseException:
                self._working.discard(record.position_id)
                raise

        self._chores.add(f"leftovers of {record.symbol}", clear)
        self._chores.add(f"end of {record.symbol}", end)

    async def _end(self, record: Record) -> None:
        record = replace(await self._fees.settled(record), funding=await self._funding(record))
        await self._ctx.state.put(self._ctx.keys.closing, record.position_id, record_document(record))

        async def told() -> None:
            await self._settle(record)
            self._waiting.pop(record.position_id, None)
            self._working.discard(record.position_id)

        self._outbox.put([announce.trade_closed(record)], told)

    async def _funding(self, record: Record) -> Usd:
        """What was paid or received at the funding times that the position was open."""
        closed_ms = record.fills[-1].time_ms
        if not crosses_funding(record.opened_ms, closed_ms):
            return record.funding
        rows = await self._private.income(
            symbol=record.symbol, kind="FUNDING_FEE", start_ms=record.opened_ms, end_ms=closed_ms + BOOKED_LATE_MS
        )
        return funding_of([(row.time_ms, row.amount) for row in rows], record.opened_ms, closed_ms)

"""The executor's positions: in memory, in Redis, and told to the others. One writer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from services.executor.fees import Fees
from services.executor.fencing import fenced
from services.executor.logic import announce
from services.executor.logic.documents import record_document, record_from
from services.executor.logic.record import Phase, Record, apply_fill, apply_mark, canonical, shown
from shared.contracts.order import Leg, PositionEventKind
from shared.domain.errors import StoreUnavailable
from shared.domain.order import Fill, VenueOrder
from shared.domain.units import Price, Qty
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox
from shared.state.port import Lease


@dataclass(slots=True)
class Bracket:
    """The protective orders of one position as last seen at the venue; `checked_ms` 0 = never."""

    orders: dict[Leg, VenueOrder] = field(default_factory=dict)
    pending: bool = False
    checked_ms: int = 0

    def state(self, leg: Leg) -> str:
        """resting, pending or missing."""
        order = self.orders.get(leg)
        if order is not None and order.status.open:
            return "resting"
        return "pending" if self.pending else "missing"


class Book:
    """Records by symbol (one-way mode: one position per symbol). `on_closed` hears of each end, once."""

    def __init__(self, ctx: Context, outbox: Outbox, fees: Fees, *, on_closed: Callable[[Record], None]) -> None:
        self._ctx = ctx
        self._fees = fees
        self._on_closed = on_closed
        self._outbox = outbox
        self.records: dict[str, Record] = {}
        self.brackets: dict[str, Bracket] = {}
        self.marks: dict[str, Price] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._dirty: set[str] = set()
        self._changed = asyncio.Condition()

    def lock(self, symbol: str) -> asyncio.Lock:
        """Serialises work on one symbol."""
        return self._locks[symbol]

    def bracket(self, symbol: str) -> Bracket:
        """The protective orders of a symbol's position."""
        return self.brackets.setdefault(symbol, Bracket())

    def of(self, position_id: str, symbol: str) -> Record | None:
        """The record of that very position, not of a later one of the symbol."""
        record = self.records.get(symbol)
        return record if record is not None and record.position_id == position_id else None

    async def load(self) -> None:
        """Records of an earlier life; ends that were not told are told now."""
        for document in (await self._ctx.state.get_all(self._ctx.keys.positions)).values():
            record = record_from(document)
            self.records[record.symbol] = record
        for document in (await self._ctx.state.get_all(self._ctx.keys.closing)).values():
            record = record_from(document)
            known = self.records.get(record.symbol)
            if known is not None and known.position_id == record.position_id:
                del self.records[record.symbol]
            self._on_closed(record)

    async def put(self, record: Record) -> None:
        """Remember a record, durably. While Redis is down it is kept in memory and written later."""
        self.records[record.symbol] = record
        await self._write(record.symbol)
        async with self._changed:
            self._changed.notify_all()

    async def drop(self, symbol: str) -> None:
        """Forget a record that never had a fill."""
        self.records.pop(symbol, None)
        self.brackets.pop(symbol, None)
        await self._ctx.state.drop(self._ctx.keys.positions, symbol)

    async def fill(self, fill: Fill) -> Record | None:
        """Apply an execution; None when no position of ours is known for the symbol."""
        before = self.records.get(fill.symbol)
        if before is None:
            return None
        fill = canonical(fill)
        after = apply_fill(before, fill, self._fees.paid(fill))
        if after is before:
            return before
        self._outbox.put([announce.fill_event(after, fill, fill.time_ms)])
        if after.phase is Phase.CLOSED:
            await self.end(after)
        else:
            await self.put(after)
            self._outbox.put([announce.position_event(after, announce.kind_of(before, after), fill.time_ms)])
        return after

    async def price_fees(self) -> None:
        """Fees in other assets whose worth was not known when they were paid (on a timer)."""
        for record in list(self.records.values()):
            if not self._fees.due(record):
                continue
            fills = {line.trade_id: line for line in (await self._fees.settled(record)).fills}
            now = self.of(record.position_id, record.symbol)
            if now is not None:
                lines = tuple(fills.get(line.trade_id, line) for line in now.fills)
                await self.put(replace(now, fills=lines, revision=now.revision + 1))

    async def announce_change(self, symbol: str, ts_ms: int) -> None:
        """Tell an open position as it is now, for example once its bracket stands."""
        record = self.records.get(symbol)
        if record is None or not record.fills:
            return
        record = replace(record, revision=record.revision + 1)
        await self.put(record)
        self._outbox.put([announce.position_event(record, PositionEventKind.CHANGED, ts_ms)])

    async def end(self, record: Record) -> None:
        """A position ended: it moves to "closing", where it stays until its end was told."""
        self.records.pop(record.symbol, None)
        self.brackets.pop(record.symbol, None)
        self._outbox.put([announce.position_event(record, PositionEventKind.CLOSED, record.fills[-1].time_ms)])
        try:
            await self._ctx.state.put(self._ctx.keys.closing, record.position_id, record_document(record))
        except StoreUnavailable as error:
            # the stored position is still the open one: after a crash the venue's executions close it again
            self._ctx.log.warning("end_not_stored", symbol=record.symbol, detail=str(error))
        self._on_closed(record)
        async with self._changed:
            self._changed.notify_all()

    async def settle(self, record: Record) -> None:
        """The end of a position was told: free what it held and forget it. Safe to repeat."""
        await self._ctx.state.exposure_release(record.position_id)
        if record.symbol not in self.records:
            await self._ctx.state.drop(self._ctx.keys.positions, record.symbol)
        await self._ctx.state.drop(self._ctx.keys.closing, record.position_id)

    async def wait_for_fills(self, record: Record, quantity: Qty, timeout_s: float) -> bool:
        """Whether the fills of an entry arrived from the user stream in time."""

        def arrived() -> bool:
            now = self.records.get(record.symbol)
            return now is None or now.position_id != record.position_id or now.entry_quantity >= quantity

        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(arrived)
        except TimeoutError:
            return False
        return True

    def mark(self, symbol: str, price: Price, time_ms: int) -> None:
        """A mark price was seen."""
        self.marks[symbol] = price
        record = self.records.get(symbol)
        if record is not None:
            after = apply_mark(record, price, time_ms)
            if after is not record:
                self.records[symbol] = after
            self._dirty.add(symbol)

    async def hint_exit(self, symbol: str, reason: str) -> None:
        """Remember why we are about to close."""
        record = self.records.get(symbol)
        if record is not None:
            await self.put(replace(record, exit_hint=reason))

    async def flush(self) -> None:
        """Write what changed since the last time (marks, or after Redis came back)."""
        for symbol in list(self._dirty):
            self._dirty.discard(symbol)
            if symbol in self.records:
                await self._write(symbol)

    async def _write(self, symbol: str) -> None:
        try:
            await fenced(self._ctx, f"the position in {symbol}", lambda lease: self._put(symbol, lease))
        except StoreUnavailable as error:
            self._dirty.add(symbol)
            self._ctx.log.warning("position_not_stored", symbol=symbol, detail=str(error))
            return
        if symbol not in self.records:
            # it ended while the write was on its way
            await self._ctx.state.drop(self._ctx.keys.positions, symbol)

    async def _put(self, symbol: str, lease: Lease) -> bool:
        """The record as it is at this try; one that ended meanwhile is not written."""
        if symbol not in self.records:
            return True
        return await self._ctx.state.put_fenced(self._ctx.keys.positions, symbol, self._document(symbol), lease)

    def _document(self, symbol: str) -> dict[str, Any]:
        """The record with what else readers want to see."""
        record, bracket = self.records[symbol], self.bracket(symbol)
        document = record_document(record)
        mark, entry = self.marks.get(symbol), record.entry_price
        document["mark_price"] = None if mark is None else str(mark)
        document["unrealised_usd"] = None if mark is None or entry is None else str(shown((mark - entry) * record.net_quantity))
        document["stop_state"] = bracket.state(Leg.STOP)
        document["target_state"] = bracket.state(Leg.TARGET)
        document["bracket_checked_ms"] = bracket.checked_ms
        document["updated_ms"] = self._ctx.clock.now_ms()
        return document

"""The executor's positions: in memory, in Redis, and told to the others. One writer."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from services.executor.logic import announce
from services.executor.logic.documents import record_document, record_from
from services.executor.logic.record import Phase, Record, apply_fill, apply_mark
from shared.contracts.order import Leg, PositionEventKind
from shared.domain.errors import StoreUnavailable
from shared.domain.order import Fill, VenueOrder
from shared.domain.units import Price, Qty
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox


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
    """Records by symbol (one-way mode: one position per symbol)."""

    def __init__(self, ctx: Context, outbox: Outbox, *, on_closed: Callable[[Record], None]) -> None:
        self._ctx = ctx
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

    async def load(self) -> None:
        """Records of an earlier life; closed ones that were not announced are announced now."""
        for document in (await self._ctx.state.get_all(self._ctx.keys.positions)).values():
            record = record_from(document)
            self.records[record.symbol] = record
        for document in (await self._ctx.state.get_all(self._ctx.keys.closing)).values():
            self._announce_end(record_from(document))

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
        after = apply_fill(before, fill)
        if after is before:
            return before
        self._outbox.put([announce.fill_event(after, fill, fill.time_ms)])
        if after.phase is Phase.CLOSED:
            await self._close(after)
        else:
            await self.put(after)
            self._outbox.put([announce.position_event(after, announce.kind_of(before, after), fill.time_ms)])
        return after

    async def announce_change(self, symbol: str, ts_ms: int) -> None:
        """Tell an open position as it is now, for example once its bracket stands."""
        record = self.records.get(symbol)
        if record is None or not record.fills:
            return
        record = replace(record, revision=record.revision + 1)
        await self.put(record)
        self._outbox.put([announce.position_event(record, PositionEventKind.CHANGED, ts_ms)])

    async def _close(self, record: Record) -> None:
        """A position ended: keep it under "closing" until it is announced."""
        self.records.pop(record.symbol, None)
        await self._ctx.state.put(self._ctx.keys.closing, record.position_id, record_document(record))
        await self._ctx.state.drop(self._ctx.keys.positions, record.symbol)
        self._announce_end(record)
        self.brackets.pop(record.symbol, None)
        self._on_closed(record)
        async with self._changed:
            self._changed.notify_all()

    def _announce_end(self, record: Record) -> None:
        kind = PositionEventKind.CLOSED
        messages = [announce.position_event(record, kind, record.fills[-1].time_ms), announce.trade_closed(record)]

        async def after() -> None:
            await self._ctx.state.exposure_release(record.position_id)
            await self._ctx.state.drop(self._ctx.keys.closing, record.position_id)

        self._outbox.put(messages, after)

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

    def mark(self, symbol: str, price: Price) -> None:
        """A mark price was seen."""
        self.marks[symbol] = price
        record = self.records.get(symbol)
        if record is not None:
            after = apply_mark(record, price)
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
            if symbol in self.records:
                await self._ctx.state.put(self._ctx.keys.positions, symbol, self._document(symbol))
            self._dirty.discard(symbol)

    async def _write(self, symbol: str) -> None:
        try:
            await self._ctx.state.put(self._ctx.keys.positions, symbol, self._document(symbol))
            self._dirty.discard(symbol)
        except StoreUnavailable as error:
            self._dirty.add(symbol)
            self._ctx.log.warning("position_not_stored", symbol=symbol, detail=str(error))

    def _document(self, symbol: str) -> dict[str, Any]:
        """The record with what else readers want to see."""
        record, bracket = self.records[symbol], self.bracket(symbol)
        document = record_document(record)
        mark, entry = self.marks.get(symbol), record.entry_price
        document["mark_price"] = None if mark is None else str(mark)
        document["unrealised_usd"] = None if mark is None or entry is None else str((mark - entry) * record.net_quantity)
        document["stop_state"] = bracket.state(Leg.STOP)
        document["target_state"] = bracket.state(Leg.TARGET)
        document["bracket_checked_ms"] = bracket.checked_ms
        document["updated_ms"] = self._ctx.clock.now_ms()
        return document

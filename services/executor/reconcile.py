"""The executor's picture against the venue's: at start, every 30 seconds, after each reconnect.

A failed read raises and changes nothing: unknown is not none.
"""

from dataclasses import dataclass, field

from services.executor.book import Book
from services.executor.entries import Entries
from services.executor.logic import announce
from services.executor.logic.record import FillLine, Phase, Planned, Record
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg, PositionEventKind
from shared.domain.order import VenueOrder, intent_hash
from shared.domain.position import VenuePosition
from shared.domain.units import Usd
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox


@dataclass(slots=True)
class Report:
    """What one reconciliation found."""

    positions: int = 0
    adopted: int = 0
    closed: int = 0
    mismatched: int = 0
    stops_missing: int = 0
    dropped: list[str] = field(default_factory=list)


class Reconciler:
    """Compares and repairs the book; the venue is the truth."""

    def __init__(self, ctx: Context, private: PrivateClient, book: Book, entries: Entries, outbox: Outbox) -> None:
        self._ctx = ctx
        self._private = private
        self._book = book
        self._entries = entries
        self._outbox = outbox
        self._found = ctx.metrics.counter("reconcile_differences_total", "Differences between book and venue", ("kind",))

    async def run(self) -> Report:
        """One comparison of everything."""
        positions = {p.symbol: p for p in await self._private.positions()}
        orders = await self._private.open_orders()
        unfinished = {intent.intent_id for intent in await self._entries.unfinished()}
        report = Report(positions=len(positions))
        for symbol in sorted(self._book.records.keys() | positions.keys()):
            async with self._book.lock(symbol):
                await self._compare(symbol, positions.get(symbol), unfinished, report)
                self._see_orders(symbol, [o for o in orders if o.symbol == symbol], report)
        await self._free_exposure(unfinished)
        return report

    async def _compare(self, symbol: str, seen: VenuePosition | None, unfinished: set[str], report: Report) -> None:
        record = self._book.records.get(symbol)
        if record is None and seen is None:
            return
        if record is not None and (record.position_id in unfinished or self._agrees(record, seen)):
            return
        fresh = {p.symbol: p for p in await self._private.positions()}.get(symbol)
        if record is None:
            if fresh is not None:
                report.adopted += 1
                await self.adopt(fresh)
            return
        if not record.fills and fresh is None:
            await self._book.drop(symbol)
            report.dropped.append(record.position_id)
            return
        await self._entries.book_fills(record)
        after = self._book.records.get(symbol)
        if after is None:
            report.closed += 1
            self._found.labels("closed").inc()
        elif not self._agrees(after, fresh):
            self._mismatch(after, fresh, report)

    @staticmethod
    def _agrees(record: Record, seen: VenuePosition | None) -> bool:
        return record.net_quantity == (seen.amount if seen is not None else 0) and bool(record.fills)

    async def adopt(self, seen: VenuePosition) -> Record:
        """A position that nobody of us opened: shown and reported, not traded."""
        self._found.labels("adopted").inc()
        opened_ms = seen.update_ms or self._ctx.clock.now_ms()
        line = FillLine(-1, "", seen.amount, seen.entry_price, Usd(seen.amount * 0), Usd(seen.amount * 0), opened_ms)
        record = Record(
            position_id="x" + intent_hash(f"{seen.symbol}:{opened_ms}:{seen.amount}"),
            symbol=seen.symbol,
            direction=seen.direction,
            phase=Phase.OPEN,
            opened_ms=opened_ms,
            owned=False,
            planned=Planned(),
            fills=(line,),
            leverage=seen.leverage,
            revision=1,
        )
        await self._book.put(record)
        self._outbox.put(
            [
                announce.position_event(record, PositionEventKind.OPENED, opened_ms),
                self._alert("foreign_position", record, f"{seen.amount} at {seen.entry_price}"),
            ]
        )
        return record

    def _mismatch(self, record: Record, seen: VenuePosition | None, report: Report) -> None:
        report.mismatched += 1
        self._found.labels("mismatch").inc()
        amount = "nothing" if seen is None else str(seen.amount)
        self._ctx.log.error("position_mismatch", symbol=record.symbol, ours=str(record.net_quantity), venue=amount)
        self._outbox.put([self._alert("position_mismatch", record, f"booked {record.net_quantity}, the venue has {amount}")])

    def _see_orders(self, symbol: str, orders: list[VenueOrder], report: Report) -> None:
        """Bring the known protective orders up to date."""
        if symbol not in self._book.records:
            return
        bracket = self._book.bracket(symbol)
        if bracket.pending:
            return
        seen = {announce.leg_of(order.client_id): order for order in orders}
        bracket.orders = {leg: seen[leg] for leg in (Leg.STOP, Leg.TARGET) if leg in seen}
        bracket.checked_ms = self._ctx.clock.now_ms()
        if Leg.STOP not in bracket.orders:
            report.stops_missing += 1

    async def _free_exposure(self, unfinished: set[str]) -> None:
        """Reservations without a position or an intent are left from a crash."""
        closing = await self._ctx.state.get_all(self._ctx.keys.closing)
        held = unfinished | closing.keys() | {record.position_id for record in self._book.records.values()}
        for reservation in await self._ctx.state.exposure_entries():
            if reservation not in held:
                self._ctx.log.info("exposure_freed", reservation=reservation)
                await self._ctx.state.exposure_release(reservation)

    def _alert(self, code: str, record: Record, detail: str) -> Outgoing:
        now = self._ctx.clock.now_ms()
        params = {"symbol": record.symbol, "detail": detail}
        alert = Alert(severity=Severity.WARNING, code=code, alert_id=f"{record.position_id}:{record.revision}", params=params)
        return Outgoing(alert, ts_ms=now)

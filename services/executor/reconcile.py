"""The executor's picture against the venue's: at start, every 30 seconds, after each reconnect.

A failed read raises and changes nothing: unknown is not none.
"""

import asyncio
from dataclasses import dataclass, field

from services.executor.adoption import adopted, settled
from services.executor.core import Core
from services.executor.endings import Endings
from services.executor.fills import Fills
from services.executor.logic import announce
from services.executor.logic.intent import Step
from services.executor.logic.record import Record
from shared.config.choices import UnownedPolicy
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg, PositionEventKind
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition


@dataclass(slots=True)
class Report:
    """What one reconciliation found."""

    positions: int = 0
    adopted: int = 0
    closed: int = 0
    mismatched: int = 0
    stops_missing: int = 0
    foreign_orders: int = 0
    dropped: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether anything was not as expected."""
        return bool(self.adopted or self.closed or self.mismatched or self.stops_missing or self.dropped)

    def params(self) -> dict[str, str]:
        """As texts, for logs and alerts."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__ if name != "dropped"}


class Reconciler:
    """Compares and repairs the book; the venue is the truth."""

    def __init__(self, core: Core, *, fills: Fills, endings: Endings) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._book = core.book
        self._intents = core.intents
        self._fills = fills
        self._endings = endings
        self._outbox = core.outbox
        self._foreign_seen: set[int] = set()
        self._found = core.ctx.metrics.counter("reconcile_differences_total", "Differences between book and venue", ("kind",))

    async def run(self) -> Report:
        """One comparison of everything. A symbol that somebody works on is left to them."""
        reserved = await self._ctx.state.exposure_entries()
        seen, orders = await asyncio.gather(self._private.positions(), self._private.open_orders())
        positions = {p.symbol: p for p in seen}
        report = Report(positions=len(positions))
        for symbol in sorted(self._book.records.keys() | positions.keys()):
            if self._book.lock(symbol).locked():
                continue
            async with self._book.lock(symbol):
                mine = [o for o in orders if o.symbol == symbol]
                await self._compare(symbol, positions.get(symbol), mine, report)
                self._see_orders(symbol, mine, report)
        self._foreign_orders(orders, report)
        await self._free_exposure(set(reserved))
        return report

    async def _compare(self, symbol: str, seen: VenuePosition | None, orders: list[VenueOrder], report: Report) -> None:
        record = self._book.records.get(symbol)
        if record is None and seen is None:
            return
        if any(i.step is not Step.RESTING for i in self._intents.of_symbol(symbol)) or (record is not None and _agrees(record, seen)):
            return
        fresh = {p.symbol: p for p in await self._private.positions()}.get(symbol)
        if record is None:
            if fresh is not None:
                report.adopted += 1
                await self.adopt(fresh, orders)
            return
        if not record.fills and fresh is None:
            if not self._intents.of_symbol(symbol):
                await self._book.drop(symbol)
                report.dropped.append(record.position_id)
            return
        await self._fills.book(record)
        await self._after_fills(symbol, fresh, orders, report)

    async def _after_fills(self, symbol: str, fresh: VenuePosition | None, orders: list[VenueOrder], report: Report) -> None:
        """All executions are booked now: what still differs is somebody else's doing."""
        record = self._book.records.get(symbol)
        if record is None:
            report.closed += 1
            self._found.labels("closed").inc()
        elif record.entry_price is not None and record.net_quantity * record.direction.sign < 0:
            await self._book.end(settled(record))
            report.closed += 1
        elif not _agrees(record, fresh):
            self._mismatch(record, fresh, report)
        if symbol not in self._book.records and fresh is not None:
            report.adopted += 1
            await self.adopt(fresh, orders)

    async def adopt(self, seen: VenuePosition, orders: list[VenueOrder]) -> Record:
        """A position without a record: one of ours when its protective orders say so, else somebody else's, shown and reported."""
        self._found.labels("adopted").inc()
        record = adopted(seen, orders, seen.update_ms or self._ctx.clock.now_ms())
        await self._book.put(record)
        self._outbox.put([announce.position_event(record, PositionEventKind.OPENED, record.opened_ms)])
        if not record.owned and self._ctx.settings.exits.unowned_positions is not UnownedPolicy.IGNORE:
            self._outbox.put([self._alert("foreign_position", record, f"{seen.amount} at {seen.entry_price}")])
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

    def _foreign_orders(self, orders: list[VenueOrder], report: Report) -> None:
        """Orders that nobody of us placed: told once, never touched."""
        prefixes = self._ctx.settings.exits.legacy_order_prefixes
        foreign = [o for o in orders if announce.leg_of(o.client_id) is Leg.FOREIGN and not o.client_id.startswith(tuple(prefixes))]
        report.foreign_orders = len(foreign)
        for order in foreign:
            if order.order_id in self._foreign_seen:
                continue
            self._foreign_seen.add(order.order_id)
            params = {"symbol": order.symbol, "side": order.side.value, "type": order.type.value, "client_id": order.client_id}
            alert = Alert(severity=Severity.WARNING, code="foreign_order", alert_id=str(order.order_id), params=params)
            self._outbox.put([Outgoing(alert, ts_ms=order.update_ms or self._ctx.clock.now_ms())])

    async def _free_exposure(self, reserved: set[str]) -> None:
        """Reservations without a position or an intent are left from a crash. `reserved` was read before everything else."""
        closing = await self._ctx.state.get_all(self._ctx.keys.closing)
        held = self._intents.unfinished.keys() | self._intents.entering | self._endings.position_ids | closing.keys()
        held |= {record.position_id for record in self._book.records.values()}
        for reservation in sorted(reserved - held):
            self._ctx.log.info("exposure_freed", reservation=reservation)
            await self._ctx.state.exposure_release(reservation)

    def _alert(self, code: str, record: Record, detail: str) -> Outgoing:
        params = {"symbol": record.symbol, "detail": detail}
        alert = Alert(severity=Severity.WARNING, code=code, alert_id=f"{record.position_id}:{record.revision}", params=params)
        return Outgoing(alert, ts_ms=self._ctx.clock.now_ms())


def _agrees(record: Record, seen: VenuePosition | None) -> bool:
    return record.net_quantity == (seen.amount if seen is not None else 0) and bool(record.fills)

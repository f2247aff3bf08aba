"""The executor. Consumes plan and control; publishes order, position and trade events.

Owns in Redis: intents, positions, the account view, exposure. Calls the venue's account: REST and the user stream.
One instance is active per account, by a fenced lease. Effectful handlers: `on_plan`, `on_control`.
"""

from decimal import Decimal

from services.executor.account import AccountKeeper
from services.executor.book import Book
from services.executor.entries import Entries
from services.executor.logic.announce import leg_of
from services.executor.logic.intent import Intent
from services.executor.logic.record import Record
from services.executor.protection import Protection
from services.executor.reconcile import Reconciler
from shared.contracts import topic
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import ExitReason, Leg
from shared.domain.control import TradingState
from shared.domain.errors import ConfigError
from shared.domain.units import Price
from shared.exchange.events import AccountUpdate, AlgoUpdate, OrderUpdate, UserEvent
from shared.exchange.market import MarketEvent, MarkPrice
from shared.exchange.private import PrivateClient
from shared.exchange.stream import MarketStream, UserStream
from shared.runtime.chores import Chore, Chores
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox
from shared.runtime.service import Service, every, loop, on

RECONCILE_S = 30.0
ACCOUNT_S = 2.0
FLUSH_S = 1.0


def build(ctx: Context) -> Service:
    """The whole wiring."""
    executor = Executor(ctx)
    return Service(
        "executor",
        (
            on(topic.PLANNED, executor.entries.on_plan, effectful=True),
            on(topic.CONTROL_COMMAND, executor.on_control, effectful=True, start="new"),
            loop(executor.users.run),
            loop(executor.marks.run),
            loop(executor.outbox.run),
            loop(executor.chores.run),
            every(RECONCILE_S, executor.reconcile),
            every(ACCOUNT_S, executor.account.refresh),
            every(FLUSH_S, executor.book.flush),
        ),
        warm=executor.warm,
        one_active=True,
    )


class Executor:
    """Holds the parts together; the decisions are in `logic`."""

    def __init__(self, ctx: Context) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._private = PrivateClient(venue.http, venue.policy, venue.clock, quote=ctx.settings.core.quote)
        self.outbox = Outbox(ctx)
        self.chores = Chores(ctx)
        self.book = Book(ctx, self.outbox, on_closed=self._clear_leftovers)
        self.protection = Protection(ctx, self._private, self.book, self.outbox)
        self.entries = Entries(ctx, self._private, self.book, self.protection, self.outbox)
        self.reconciler = Reconciler(ctx, self._private, self.book, self.entries, self.outbox)
        self.account = AccountKeeper(ctx, self._private)
        self.users = UserStream(self._private, venue.policy, venue.clock, self._on_user, self._on_resync, options=venue.streams)
        self.marks = MarketStream(venue.policy, venue.clock, ["!markPrice@arr@1s"], self._on_market, options=venue.streams)
        ctx.activity.track("frames", lambda: self.users.frames_handled + self.marks.frames_handled)

    async def warm(self) -> None:
        """Rebuild from the venue and Redis; entries wait until this is done."""
        if await self._private.position_mode():
            raise ConfigError("the account is in hedge mode: expected one-way mode; close all positions and switch it at the venue")
        self.entries.instruments = await self._ctx.venue.public.exchange_info()
        await self.entries.margins.load(self._private)
        first = TradingState.RUNNING if self._ctx.settings.core.paper else TradingState.PAUSED
        await self._ctx.state.init_control(first, author="executor", now_ms=self._ctx.clock.now_ms())
        await self.book.load()
        await self.reconcile()
        await self.account.refresh()
        for intent in await self.entries.unfinished():
            self.chores.add(f"resume {intent.client_id}", self._resumed(intent))

    def _resumed(self, intent: Intent) -> Chore:
        """Finish an intent of an earlier life."""

        async def resume() -> None:
            async with self.book.lock(intent.symbol):
                self.outbox.put(await self.entries.resume(intent))

        return resume

    async def reconcile(self) -> None:
        """Compare with the venue and say what was found."""
        report = await self.reconciler.run()
        if report.adopted or report.closed or report.mismatched or report.dropped or report.stops_missing:
            self._ctx.log.info("reconciled", **{name: str(getattr(report, name)) for name in report.__dataclass_fields__})

    async def _on_resync(self) -> None:
        """The user stream (re)connected: what happened in between comes from REST."""
        self.chores.add("reconcile after reconnect", self.reconcile)

    async def _on_user(self, event: UserEvent) -> None:
        if isinstance(event, OrderUpdate):
            self._see(event)
            if event.fill is not None and await self.book.fill(event.fill) is None:
                self.chores.add(f"foreign fill {event.fill.symbol}", self.reconcile)
        elif isinstance(event, AlgoUpdate):
            self._see(event)
        elif isinstance(event, AccountUpdate):
            await self.account.on_update(event)

    def _see(self, event: OrderUpdate | AlgoUpdate) -> None:
        """Keep the state of protective orders; the triggered child of a stop does not bring the stop back."""
        order = event.order
        leg = leg_of(order.client_id)
        if leg not in {Leg.STOP, Leg.TARGET} or order.symbol not in self.book.records or not order.type.conditional:
            return
        bracket = self.book.bracket(order.symbol)
        known = bracket.orders.get(leg)
        if known is None or order.client_id == known.client_id or order.status.open:
            bracket.orders[leg] = order
            bracket.checked_ms = self._ctx.clock.now_ms()

    async def _on_market(self, event: MarketEvent) -> None:
        if isinstance(event, MarkPrice) and event.symbol in self.book.records:
            self.book.mark(event.symbol, Price(Decimal(repr(event.mark))))

    def _clear_leftovers(self, record: Record) -> None:
        """A position ended: its other protective order must not wait for the next one."""

        async def clear() -> None:
            for order in await self._private.open_orders(record.symbol):
                if order.client_id.startswith(f"mr-{record.position_id}-"):
                    await self._private.cancel(record.symbol, order=order)

        self.chores.add(f"leftovers of {record.symbol}", clear)

    async def on_control(self, command: ControlCommand, _meta: Meta) -> list[Outgoing]:
        """Flatten, or close one position. State and epoch are already changed in Redis."""
        if command.command is Command.FLATTEN:
            await self._close(None, ExitReason.FLATTEN, command.author)
        elif command.command is Command.CLOSE_POSITION and command.symbol:
            await self._close(command.symbol, ExitReason.MANUAL, command.author)
        return []

    async def _close(self, symbol: str | None, reason: ExitReason, author: str) -> None:
        """Close positions at market, as the venue has them now."""
        for seen in await self._private.positions():
            if symbol is not None and seen.symbol != symbol:
                continue
            async with self.book.lock(seen.symbol):
                record = self.book.records.get(seen.symbol)
                if record is None:
                    record = await self.reconciler.adopt(seen)
                await self.protection.exit_now(record, seen.quantity, reason, f"asked by {author}")

"""The executor. Consumes plan and control; publishes order, position and trade events.

Owns in Redis: intents, positions, the account view, exposure. Calls the venue's account: REST and the user stream.
One instance is active per account, by a fenced lease. Effectful handlers: `on_plan`, `on_control`.
"""

from decimal import Decimal

from services.executor.beginning import begin
from services.executor.coalesced import Coalesced
from services.executor.control import LOOK_S
from services.executor.logic.announce import leg_of
from services.executor.logic.intent import Intent, Step
from services.executor.parts import Parts
from services.executor.steps import Steps, go_on
from shared.contracts import topic
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg
from shared.domain.errors import ConfigError, StoreUnavailable
from shared.domain.units import Price
from shared.exchange.events import AccountUpdate, AlgoUpdate, ConfigUpdate, OrderUpdate, UserEvent
from shared.exchange.market import MarketEvent, MarkPrice
from shared.exchange.stream import MarketStream, UserStream
from shared.runtime.chores import Chore
from shared.runtime.context import Context
from shared.runtime.service import On, Service, every, loop, on

RECONCILE_S = 30.0
ACCOUNT_S = 2.0
FLUSH_S = 1.0
ENDINGS_S = 5.0
FEES_S = 5.0
FORGET_S = 60.0
GATE_S = 5.0
INSTRUMENTS_S = 3600.0
PLAN_ACK_WAIT_S = 3.0
"""How soon a crashed instance's plans come to the next one: they are good for seconds only."""


def build(ctx: Context) -> Service:
    """The whole wiring."""
    return build_with(ctx)


def build_with(ctx: Context, *, steps: Steps = go_on, margin_ms: int | None = None) -> Service:
    """The same; `steps` is called at each moment of an entry, `margin_ms` is how late an order may show at the venue."""
    executor = Executor(ctx, Parts(ctx, steps, margin_ms))
    parts = executor.parts
    return Service(
        "executor",
        (
            On(topic.PLANNED, parts.entries.on_plan, effectful=True, ack_wait_s=PLAN_ACK_WAIT_S),
            on(topic.CONTROL_COMMAND, parts.control.on_control, effectful=True, start="new"),
            loop(executor.users.run),
            loop(executor.marks.run),
            loop(parts.outbox.run),
            loop(parts.chores.run),
            every(RECONCILE_S, executor.reconcile),
            every(ACCOUNT_S, parts.account.refresh),
            every(FLUSH_S, parts.book.flush),
            every(LOOK_S, executor.look),
            every(LOOK_S, parts.resting.check),
            every(ENDINGS_S, parts.endings.again),
            every(FEES_S, parts.book.price_fees),
            every(FORGET_S, parts.intents.forget_old),
            every(GATE_S, parts.live_gate.watch),
            every(INSTRUMENTS_S, executor.read_instruments),
        ),
        warm=executor.warm,
        one_active=True,
    )


class Executor:
    """Brings the venue's streams and the parts together; the decisions are in `logic`."""

    def __init__(self, ctx: Context, parts: Parts) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self.parts = parts
        self._store_away = False
        self._soon = Coalesced(parts.chores, "reconcile", self.reconcile)
        self.users = UserStream(parts.private, venue.policy, venue.clock, self.hear, self._on_resync, options=venue.streams)
        self.marks = MarketStream(venue.policy, venue.clock, ["!markPrice@arr@1s"], self._on_market, options=venue.streams)
        ctx.activity.track("frames", lambda: self.users.frames_handled + self.marks.frames_handled)

    async def warm(self) -> None:
        """Rebuild from the venue and Redis; entries wait until this is done, exits never do."""
        parts, ctx = self.parts, self._ctx
        if await parts.private.position_mode():
            raise ConfigError("the account is in hedge mode: expected one-way mode; `mraster doctor --fix` switches it when it is flat")
        await self.read_instruments()
        await begin(ctx)
        await parts.live_gate.look()
        await parts.breakers.load()
        await parts.control.load()
        await parts.intents.load()
        await parts.book.load()
        report = await parts.reconciler.run()
        await parts.account.sample()
        await parts.account.refresh()
        left = list(parts.intents.unfinished.values())
        if report.positions or left:
            params = {**report.params(), "unfinished_entries": str(len(left))}
            alert = Alert(severity=Severity.INFO, code="restart_report", alert_id=ctx.producer.instance, params=params)
            parts.outbox.put([Outgoing(alert, ts_ms=ctx.clock.now_ms())])
            ctx.log.info("restart_report", **params)
        self._finish(left)

    async def read_instruments(self) -> None:
        """Ticks, steps and margin tables; they change rarely."""
        instruments = await self._ctx.venue.public.exchange_info()
        self.parts.opening.instruments = instruments
        self.parts.exits.instruments = instruments
        await self.parts.entries.margins.load(self.parts.private)

    def _finish(self, intents: list[Intent]) -> None:
        """Entries that nobody is working on: what may have been sent is asked for, what never was is over with its plan."""
        for intent in intents:
            if self.parts.book.lock(intent.symbol).locked() or intent.intent_id in self.parts.intents.entering:
                continue
            if intent.step is not Step.RESERVED or self._ctx.clock.now_ms() > intent.valid_until_ms:
                self.parts.chores.add(f"resume {intent.client_id}", self._resumed(intent))

    def _resumed(self, intent: Intent) -> Chore:
        """Finish an intent of an earlier life."""

        async def resume() -> None:
            async with self.parts.book.lock(intent.symbol):
                now = self.parts.intents.unfinished.get(intent.intent_id)
                if now is not None:
                    self.parts.outbox.put(await self.parts.opening.resume(now))

        return resume

    async def reconcile(self) -> None:
        """Compare with the venue and say what was found."""
        self._finish(list(self.parts.intents.unfinished.values()))
        report = await self.parts.reconciler.run()
        if report.differs:
            self._ctx.log.info("reconciled", **report.params())

    async def look(self) -> None:
        """Follow the trading state. When the store was away and is back, everything is compared at once."""
        try:
            await self.parts.control.look()
        except StoreUnavailable:
            self._store_away = True
            raise
        if self._store_away:
            self._store_away = False
            self._soon.ask("the store's return")

    async def _on_resync(self) -> None:
        """The user stream (re)connected: what happened in between comes from REST."""
        self.parts.entries.setup.forget()
        self._soon.ask("a reconnect")

    async def hear(self, event: UserEvent) -> None:
        """An event of the account, in the venue's order."""
        if isinstance(event, OrderUpdate):
            await self._on_order(event)
        elif isinstance(event, AlgoUpdate):
            self._see(event)
        elif isinstance(event, AccountUpdate):
            await self.parts.account.on_update(event)
        elif isinstance(event, ConfigUpdate):
            self.parts.entries.setup.on_update(event)

    async def _on_order(self, event: OrderUpdate) -> None:
        self._see(event)
        self.parts.doubt.hear(event.order.order_id, event.order.client_id)
        if event.fill is not None:
            record = await self.parts.book.fill(event.fill)
            if record is None or record.net_quantity * record.direction.sign < 0:
                self._soon.ask(f"a foreign fill in {event.fill.symbol}")
        self.parts.resting.on_order(event)

    def _see(self, event: OrderUpdate | AlgoUpdate) -> None:
        """Keep the state of protective orders; the triggered child of a stop does not bring the stop back."""
        order = event.order
        leg = leg_of(order.client_id)
        if leg not in {Leg.STOP, Leg.TARGET} or order.symbol not in self.parts.book.records or not order.type.conditional:
            return
        bracket = self.parts.book.bracket(order.symbol)
        known = bracket.orders.get(leg)
        if known is None or order.client_id == known.client_id or order.status.open:
            bracket.orders[leg] = order
            bracket.checked_ms = self._ctx.clock.now_ms()

    async def _on_market(self, event: MarketEvent) -> None:
        if not isinstance(event, MarkPrice):
            return
        self.parts.fees.hear(event)
        if event.symbol in self.parts.book.records:
            self.parts.book.mark(event.symbol, Price(Decimal(repr(event.mark))), event.time_ms)
        self.parts.resting.on_time(event.time_ms)
        self.parts.account.on_time(event.time_ms)

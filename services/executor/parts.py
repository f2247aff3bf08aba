"""The parts of the executor and who knows whom."""

from services.executor.account import AccountKeeper
from services.executor.anchoring import Anchoring
from services.executor.book import Book
from services.executor.breaker_keeper import BreakerKeeper
from services.executor.control import Control
from services.executor.core import Core
from services.executor.doubt import MARGIN_MS, Doubt
from services.executor.endings import Endings
from services.executor.entries import Entries
from services.executor.exits import Exits
from services.executor.fees import Fees
from services.executor.fills import Fills
from services.executor.intents import Intents
from services.executor.live_gate import LiveGate
from services.executor.logic.record import Record
from services.executor.opening import Opening
from services.executor.protection import Protection
from services.executor.reconcile import Reconciler
from services.executor.resting import Resting
from services.executor.sending import Sending
from services.executor.steps import Steps
from shared.exchange.private import PrivateClient
from shared.runtime.chores import Chores
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

WORKERS = 8


class Parts:
    """Made once per process; holds no decisions of its own."""

    def __init__(self, ctx: Context, steps: Steps, margin_ms: int | None) -> None:
        venue = ctx.venue
        self.private = PrivateClient(venue.http, venue.policy, venue.clock, quote=ctx.settings.core.quote)
        self.outbox = Outbox(ctx)
        self.chores = Chores(ctx, WORKERS)
        self.breakers = BreakerKeeper(ctx, self.outbox)
        self.live_gate = LiveGate(ctx, self.outbox)
        self.account = AccountKeeper(ctx, self.private, self.breakers, self.chores, live=self.live_gate.row)
        self.intents = Intents(ctx)
        self.fees = Fees(ctx)
        self.book = Book(ctx, self.outbox, self.fees, on_closed=self._closed)
        self.doubt = Doubt(ctx, self.private, margin_ms=MARGIN_MS if margin_ms is None else margin_ms)
        core = Core(ctx, self.private, self.outbox, self.chores, self.book, self.intents)
        self.endings = Endings(core, self.fees, self.book.settle)
        self.fills = Fills(ctx, self.private, self.book, self.doubt)
        self.exits = Exits(ctx, self.private, self.book, self.outbox)
        self.protection = Protection(ctx, self.private, self.book, self.exits, self.outbox)
        self.anchoring = Anchoring(ctx, self.private, self.book, self.exits, self.protection)
        self.opening = Opening(core, guarding=(self.protection, self.anchoring), fills=self.fills, doubt=self.doubt, steps=steps)
        self.sending = Sending(core, opening=self.opening, steps=steps)
        self.entries = Entries(core, opening=self.opening, sending=self.sending, breakers=self.breakers, live_gate=self.live_gate)
        self.resting = Resting(core, opening=self.opening)
        self.reconciler = Reconciler(core, fills=self.fills, endings=self.endings)
        self.control = Control(core, exits=self.exits, resting=self.resting, reconciler=self.reconciler, relaunched=self._relaunched)

    def _closed(self, record: Record) -> None:
        """A position ended: it counts for the breakers, then its end is told."""
        self.breakers.closed(record)
        self.endings.begin(record)

    async def _relaunched(self) -> None:
        """A person starts anew: nothing remembered about the venue is trusted, and the breakers begin where the account is."""
        self.entries.setup.forget()
        await self.breakers.reset((await self.private.account()).equity)

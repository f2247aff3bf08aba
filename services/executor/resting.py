"""Limit entries that wait in the book: looked at when the venue tells of them, cancelled when their time is over."""

import math

from services.executor.core import Core
from services.executor.logic.intent import Intent, Step
from services.executor.opening import Opening
from shared.domain.order import parse_client_id
from shared.exchange.events import OrderUpdate

AGAIN_S = 1.0
"""Pause before a cancel that failed for good, or was given up, is tried again."""


class Resting:
    """Everything ends in one look at the order: protect what was filled, finish what is over."""

    def __init__(self, core: Core, *, opening: Opening) -> None:
        self._ctx = core.ctx
        self._private = core.private
        self._book = core.book
        self._intents = core.intents
        self._opening = opening
        self._chores = core.chores
        self._outbox = core.outbox
        self._ending: dict[str, float] = {}
        """Intents with a cancel: no other one is begun before this monotonic time (never while the first is under way)."""
        self._looking: set[str] = set()

    def waiting(self) -> list[Intent]:
        """Entries that rest now."""
        return [intent for intent in self._intents.unfinished.values() if intent.step is Step.RESTING]

    def on_order(self, event: OrderUpdate) -> None:
        """A limit entry was filled in part or whole, cancelled, or expired.

        The stream may be faster than the answer to the request: the look waits for the symbol's lock, so it comes after
        the answer that knows less.
        """
        parts = parse_client_id(event.order.client_id)
        if parts is None or parts.leg != "e":
            return
        for intent in self._intents.of_symbol(event.order.symbol):
            unsettled = intent.limit_price is not None and intent.step in {Step.SENT, Step.RESTING}
            if unsettled and intent.client_id == event.order.client_id and (event.fill is not None or not event.status.open):
                self.look(intent)

    def on_time(self, now_ms: int) -> None:
        """Venue time went on: entries whose time is over are cancelled."""
        for intent in self.waiting():
            if intent.deadline_ms is not None and now_ms >= intent.deadline_ms:
                self.cancel(intent, "time_limit")

    async def check(self) -> None:
        """The same on a timer, for a market stream that says nothing."""
        self.on_time(self._ctx.clock.now_ms())

    def cancel_all(self, reason: str, symbol: str | None = None, intent_id: str = "") -> None:
        """Trading is to stop, or somebody wants them gone. Safe to repeat: what is being cancelled is left alone."""
        for intent in self.waiting():
            if symbol in {None, intent.symbol} and intent_id in {"", intent.intent_id}:
                self.cancel(intent, reason)

    def look(self, intent: Intent) -> None:
        """Ask the venue for the order and act on what it says; fills that come before the question is asked share one look."""
        if intent.intent_id in self._looking:
            return
        self._looking.add(intent.intent_id)

        async def look() -> None:
            async with self._book.lock(intent.symbol):
                self._looking.discard(intent.intent_id)
                now = self._intents.unfinished.get(intent.intent_id)
                if now is not None:
                    self._outbox.put(await self._opening.resume(now))

        self._chores.add(f"look at {intent.client_id}", look)

    def cancel(self, intent: Intent, reason: str) -> None:
        """Cancel and act on what is left of it, unless that is being done."""
        name, now_s = intent.intent_id, self._ctx.clock.monotonic_s
        if now_s() < self._ending.get(name, 0.0):
            return
        self._ending[name] = math.inf

        async def cancel() -> None:
            async with self._book.lock(intent.symbol):
                await self._cancel(name, reason)

        def over() -> None:
            if name in self._intents.unfinished:
                self._ending[name] = now_s() + AGAIN_S
            else:
                self._ending.pop(name, None)

        self._chores.add(f"cancel {intent.client_id}", cancel, over)

    async def _cancel(self, intent_id: str, reason: str) -> None:
        intent = self._intents.unfinished.get(intent_id)
        if intent is None:
            return
        order = await self._private.query_order(intent.symbol, intent.client_id, conditional=False)
        if order is not None and order.status.open:
            order = await self._private.cancel(intent.symbol, order=order)
        if order is None:
            self._outbox.put(await self._opening.resume(intent))
        else:
            self._outbox.put(await self._opening.answered(intent, order, again=True, reason=reason))

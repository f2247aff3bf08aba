"""The account as it is now, for everybody else: one document in Redis."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from services.executor.breaker_keeper import BreakerKeeper, row
from shared.domain.position import AccountView
from shared.domain.units import Usd
from shared.exchange.events import AccountUpdate
from shared.exchange.private import PrivateClient
from shared.runtime.chores import Chores
from shared.runtime.context import Context

NOW, OPENING = "now", "opening"
SAMPLE_MS = 60_000
_TRANSFERS = {"DEPOSIT", "WITHDRAW", "ADMIN_DEPOSIT", "ADMIN_WITHDRAW", "ASSET_TRANSFER"}


class AccountKeeper:
    """Reads balances on a timer for the screen, and at every minute of venue time for the breakers."""

    def __init__(
        self,
        ctx: Context,
        private: PrivateClient,
        breakers: BreakerKeeper,
        chores: Chores,
        *,
        live: Callable[[], dict[str, Any] | None],
    ) -> None:
        self._ctx = ctx
        self._private = private
        self._breakers = breakers
        self._chores = chores
        self._live = live
        self._opening: Decimal | None = None
        self._sampled = -1
        self._queued = False
        self._equity = ctx.metrics.gauge("equity_usd", "Wallet plus unrealised PnL")

    async def refresh(self) -> None:
        """Read and store for readers; decides nothing."""
        view = await self._private.account()
        await self._first(view)
        self._equity.set(float(view.equity))
        await self._ctx.state.put(self._ctx.keys.account_view, NOW, self._document(view))

    async def sample(self) -> None:
        """Read for the breakers."""
        self._queued = False
        await self._breakers.sample((await self._private.account()).equity)

    def on_time(self, event_ms: int) -> None:
        """Venue time went on: sample once per minute of it, so that the peak and the day's opening do not depend on our timers."""
        minute = event_ms // SAMPLE_MS
        if minute > self._sampled and not self._queued:
            self._sampled, self._queued = minute, True
            self._chores.add("sample equity", self.sample)

    async def on_update(self, event: AccountUpdate) -> None:
        """The user stream told of a change; the totals come from the next read. Money paid in or out is no profit or loss."""
        self._ctx.activity.count("account_updates", len(event.balances))
        if event.reason in _TRANSFERS:
            quote = self._ctx.settings.core.quote
            amount = sum((b.change for b in event.balances if b.asset == quote and b.change is not None), Decimal(0))
            self._breakers.transferred(Usd(amount))

    async def _first(self, view: AccountView) -> None:
        """What the account began with, kept for ever."""
        if self._opening is not None:
            return
        known = await self._ctx.state.get(self._ctx.keys.account_view, OPENING)
        if known is None:
            known = {"wallet_usd": str(view.wallet), "at_ms": self._ctx.clock.now_ms()}
            await self._ctx.state.put(self._ctx.keys.account_view, OPENING, known)
        self._opening = Decimal(known["wallet_usd"])

    def _document(self, view: AccountView) -> dict[str, Any]:
        day_opening = self._breakers.day_opening
        return {
            "wallet_usd": str(view.wallet),
            "unrealised_usd": str(view.unrealised),
            "equity_usd": str(view.equity),
            "available_usd": str(view.available),
            "margin_usd": str(view.initial_margin),
            "opening_usd": None if self._opening is None else str(self._opening),
            "day_opening_usd": None if day_opening is None else str(day_opening),
            "day_pnl_usd": None if day_opening is None else str(view.equity - day_opening),
            "live": self._live(),
            "breakers": [row(breaker) for breaker in self._breakers.stand(view.equity)],
            "updated_ms": self._ctx.clock.now_ms(),
            "updated_wall_ms": self._ctx.clock.wall_ms(),
        }

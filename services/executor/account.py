"""The account as it is now, for everybody else: one document in Redis."""

from decimal import Decimal
from typing import Any

from shared.domain.position import AccountView
from shared.exchange.events import AccountUpdate
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context

NOW, OPENING, DAY = "now", "opening", "day"
_DAY_MS = 86_400_000


class AccountKeeper:
    """Reads balances on a timer and after each change; remembers what the account and the day began with."""

    def __init__(self, ctx: Context, private: PrivateClient) -> None:
        self._ctx = ctx
        self._private = private
        self._opening: Decimal | None = None
        self._day: tuple[int, Decimal] | None = None
        self._equity = ctx.metrics.gauge("equity_usd", "Wallet plus unrealised PnL")

    async def refresh(self) -> None:
        """Read and store."""
        view = await self._private.account()
        await self._first(view)
        await self._begin_day(view)
        self._equity.set(float(view.equity))
        await self._ctx.state.put(self._ctx.keys.account_view, NOW, self._document(view))

    async def on_update(self, event: AccountUpdate) -> None:
        """The user stream told of a change; the totals come from the next read."""
        self._ctx.activity.count("account_updates", len(event.balances))

    async def _first(self, view: AccountView) -> None:
        """What the account began with, kept for ever."""
        if self._opening is not None:
            return
        known = await self._ctx.state.get(self._ctx.keys.account_view, OPENING)
        if known is None:
            known = {"wallet_usd": str(view.wallet), "at_ms": self._ctx.clock.now_ms()}
            await self._ctx.state.put(self._ctx.keys.account_view, OPENING, known)
        self._opening = Decimal(known["wallet_usd"])

    async def _begin_day(self, view: AccountView) -> None:
        """Equity at the first read of each UTC day of the venue."""
        today = self._ctx.clock.now_ms() // _DAY_MS
        if self._day is not None and self._day[0] == today:
            return
        known = await self._ctx.state.get(self._ctx.keys.account_view, DAY)
        if known is None or known["day"] != today:
            known = {"day": today, "equity_usd": str(view.equity)}
            await self._ctx.state.put(self._ctx.keys.account_view, DAY, known)
        self._day = (today, Decimal(known["equity_usd"]))

    def _document(self, view: AccountView) -> dict[str, Any]:
        day_opening = self._day[1] if self._day is not None else None
        return {
            "wallet_usd": str(view.wallet),
            "unrealised_usd": str(view.unrealised),
            "equity_usd": str(view.equity),
            "available_usd": str(view.available),
            "margin_usd": str(view.initial_margin),
            "opening_usd": None if self._opening is None else str(self._opening),
            "day_opening_usd": None if day_opening is None else str(day_opening),
            "day_pnl_usd": None if day_opening is None else str(view.equity - day_opening),
            "updated_ms": self._ctx.clock.now_ms(),
            "updated_wall_ms": self._ctx.clock.wall_ms(),
        }

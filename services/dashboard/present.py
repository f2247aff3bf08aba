"""The present: documents and trading state from Redis, and what the venue says about itself."""

import asyncio
from typing import Any

from services.dashboard.logic.answers import Mode, Trading, Unknown
from services.dashboard.logic.mode import live_mode, paper_mode
from services.dashboard.logic.view import Doors, View
from shared.domain.errors import MrasterError, Permanent, StateCorrupt, StoreUnavailable, Transient
from shared.exchange.call import Call
from shared.exchange.venues.shape import Endpoint
from shared.runtime.context import Context
from shared.state.port import Control

READ_EVERY_S = 0.5
VENUE_EVERY_S = 2.0
PAPER_STATUS = "/paper/v1/status"


class Present:
    """Reads on a timer; what cannot be read keeps its last value and its age, and the page is told."""

    def __init__(self, ctx: Context, view: View) -> None:
        self._ctx = ctx
        self._view = view
        self._store_ok: bool | None = None
        self._venue_ok = False

    async def read(self) -> None:
        """All documents once."""
        ctx = self._ctx
        try:
            control, positions, brackets, account = await asyncio.gather(
                ctx.state.control(),
                ctx.state.get_all(ctx.keys.positions),
                ctx.state.get_all(ctx.keys.brackets),
                ctx.state.get(ctx.keys.account_view, "now"),
            )
        except (StoreUnavailable, StateCorrupt) as error:
            self._told(good=False, detail=str(error))
            return
        self._view.set_trading(trading_of(control))
        self._view.set_positions(positions, brackets)
        self._view.set_account(account)
        self._view.set_store_read(ctx.clock.wall_ms())
        self._told(good=True, detail="")

    def _told(self, *, good: bool, detail: str) -> None:
        """Remember whether the store answered; say so when it changes."""
        if good is not self._store_ok and (not good or self._store_ok is not None):
            log = self._ctx.log.info if good else self._ctx.log.warning
            log("store_answers" if good else "store_silent", detail=detail)
        self._store_ok = good
        self._view.set_doors(Doors(bus=self._ctx.bus.connected, store=good, venue=self._venue_ok))

    async def ask_venue(self) -> None:
        """Which prices the venue trades, and whether it answers."""
        mode = await self._mode()
        self._venue_ok = mode.unknown is not Unknown.VENUE_UNAVAILABLE
        self._view.set_mode(mode)

    async def _mode(self) -> Mode:
        venue = self._ctx.venue_or_none
        paper = self._ctx.settings.core.paper
        if venue is None:
            return paper_mode(None, Unknown.VENUE_UNAVAILABLE) if paper else live_mode(Unknown.VENUE_UNAVAILABLE)
        path = PAPER_STATUS if paper else venue.policy.path(Endpoint.TIME)
        try:
            answer: Any = await venue.http.request(Call(method="GET", path=path))
        except Transient:
            return paper_mode(None, Unknown.VENUE_UNAVAILABLE) if paper else live_mode(Unknown.VENUE_UNAVAILABLE)
        except (Permanent, MrasterError) as error:
            self._ctx.log.warning("venue_status_unreadable", detail=str(error), code=error.code)
            return paper_mode(None, Unknown.NOT_REPORTED) if paper else live_mode(None)
        return paper_mode(answer, None) if paper else live_mode(None)


def trading_of(control: Control | None) -> Trading:
    """The stored state as an answer."""
    if control is None:
        return Trading(state=None, epoch=None, unknown=Unknown.NOT_WRITTEN)
    return Trading(
        state=control.state, epoch=control.epoch, reason=control.reason, author=control.author, changed_ms=control.changed_ms or None
    )

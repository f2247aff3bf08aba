"""Looks at the venue, compares with what should be, and repairs. One loop, so that nothing is done twice at the same time."""

import asyncio
import contextlib

from services.bracket_guard.asked import move_of
from services.bracket_guard.checks import Checks
from services.bracket_guard.fast_tp import FastTp
from services.bracket_guard.hearing import Hearing
from services.bracket_guard.logic.moves import Move
from services.bracket_guard.logic.pace import POSITIONS_COST, SWEEP_COST, SYMBOL_COST, Pace
from services.bracket_guard.notebook import Notebook
from services.bracket_guard.plans import Plans
from services.bracket_guard.wishes import Wishes
from shared.contracts.bracket import StopRefusal
from shared.contracts.control import StopMove
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import PositionEvent
from shared.domain.errors import Fatal, MrasterError
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition
from shared.exchange.call import Priority
from shared.exchange.events import UserEvent
from shared.exchange.private import PrivateClient
from shared.exchange.stream import MarketStream, UserStream
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox

CALM_S = 5.0
DOUBT_S = 1.0
URGENT_S = 0.36
BREATH_S = 0.05
"""After a failed read, so that a venue that refuses at once is not asked in a tight loop."""
LEAST_S = 0.2
EASY_S = 0.5
SWEEP_S = 60.0
FEW = 6
IN_TURN = 1
"""Up to FEW calm positions, the orders of all are read in each look; of more, one in turn beside the sweeps: reading all of 50
each time would use half of the venue's weight."""


class Guard:
    """Brings reads, plans and checks together."""

    def __init__(self, ctx: Context) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._private = PrivateClient(venue.http, venue.policy, venue.clock, quote=ctx.settings.core.quote, reads=Priority.PROTECT)
        self.outbox = Outbox(ctx)
        self._notebook = Notebook(ctx)
        self._hearing = Hearing()
        self._plans = Plans(ctx, self._notebook, self._hearing)
        self._fast_tp = FastTp(ctx, self._plans, self.propose)
        self._checks = Checks(ctx, self._private, self.outbox, self._plans, self._notebook)
        self.users = UserStream(self._private, venue.policy, venue.clock, self._on_user, self._on_resync, options=venue.streams)
        self.marks = MarketStream(venue.policy, venue.clock, ["!markPrice@arr@1s"], self._fast_tp.on_market, options=venue.streams)
        self._wishes = Wishes(ctx.clock.monotonic_s)
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._positions: dict[str, VenuePosition] = {}
        self._turn = 0
        self._turn_s = 0.0
        self._sweep_s = 0.0
        self._looked_s = 0.0
        self._pace = Pace()
        self._failed = ctx.metrics.counter("reads_failed_total", "Reads of the venue that failed: nothing was changed")
        ctx.activity.track("frames", lambda: self.users.frames_handled + self.marks.frames_handled)
        ctx.activity.track("busy", lambda: int(self._wake.is_set()))

    async def warm(self) -> None:
        """What the venue lists, what was remembered, then a first complete look."""
        await self.read_instruments()
        await self._notebook.load()
        self._checks.restore()
        await self._guarded()

    async def read_instruments(self) -> None:
        """Ticks and steps."""
        self._plans.instruments = await self._ctx.venue.public.exchange_info()

    async def on_position(self, event: PositionEvent, _meta: Meta) -> list[Outgoing]:
        """A position changed: look at once."""
        self._ctx.activity.count("position_events", 1 if event.owned else 0)
        self._hearing.hot.add(event.symbol)
        self._wake.set()
        return []

    async def on_stop_move(self, command: StopMove, meta: Meta) -> list[Outgoing]:
        """A person wants a stop moved; the answer is a bracket event, once the venue has confirmed or the move is refused."""
        self._ctx.log.info(
            "stop_move", symbol=command.symbol, kind=command.kind.value, author=command.author, command_id=command.command_id
        )
        move, late = move_of(command, meta, self._ctx.clock)
        if late:
            self._checks.moving.refuse(move, StopRefusal.EXPIRED)
        else:
            self.propose(move)
        return []

    def propose(self, move: Move) -> None:
        """Move a stop: carried out by the next look, which comes at once."""
        self._wishes.put(move)
        self._hurry.set()
        self._wake.set()

    async def watch(self) -> None:
        """Look again and again: soon while something is in doubt, at once after news."""
        while not self._ctx.stopping.is_set():
            await self._pause()
            with self._ctx.activity.working():
                self._wake.clear()
                await self._guarded()

    async def _pause(self) -> None:
        """Until there is news or the time is up, but not sooner than a moment after the last look."""
        checks = self._checks
        pause_s = URGENT_S if checks.doubts.urgent else DOUBT_S if checks.doubts.any else CALM_S
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        if self._early_s() > 0 and not self._hurry.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._early_s()):
                    await self._hurry.wait()
        if not self._wishes:
            await asyncio.sleep(max(0.0, self._early_s()))
        self._hurry.clear()

    def _early_s(self) -> float:
        """How long the next look has to wait; news of a missing stop cuts it short, and a lock-step replay waits for us."""
        if self._ctx.venue.clock.rate == 0:
            return 0.0
        now_s, urgent = self._ctx.clock.monotonic_s(), self._checks.doubts.urgent or self._hearing.alarm
        least_s = LEAST_S if urgent else EASY_S
        return max(self._looked_s + least_s - now_s, self._pace.wait_s(now_s, urgent=urgent))

    async def _on_user(self, event: UserEvent) -> None:
        entry = self._hearing.hear(event)
        if entry is not None:
            self._checks.naked.filled(*entry)
        if self._hearing.alarm:
            self._hurry.set()
        if self._hearing.hot:
            self._wake.set()

    async def _on_resync(self) -> None:
        """The user stream (re)connected: look at everything."""
        self._sweep_s = 0.0
        self._wake.set()

    async def _guarded(self) -> None:
        """A failed read means unknown: nothing is changed, and it is tried again."""
        self._looked_s = self._ctx.clock.monotonic_s()
        hot, alarm = self._hearing.hot, self._hearing.alarm
        self._hearing.hot, self._hearing.alarm = set(), False
        try:
            await self._look(hot, alarm=alarm)
        except Fatal:
            raise
        except MrasterError as error:
            self._failed.inc()
            self._ctx.log.warning("venue_not_read", code=error.code, detail=str(error))
            self._soon(hot, alarm=alarm)
            await asyncio.sleep(BREATH_S)
        await self._notebook.save()

    def _soon(self, symbols: set[str], *, alarm: bool) -> None:
        """What the news were about could not be read: read it as soon as the pace allows, not when the calm time is over."""
        self._hearing.hot |= symbols
        self._hearing.alarm |= alarm
        if symbols or alarm or self._wishes:
            self._wake.set()

    async def _look(self, hot: set[str], *, alarm: bool) -> None:
        now_ms = self._ctx.clock.now_ms()
        found, _ = await asyncio.gather(self._private.positions(), self._plans.refresh())
        positions = {p.symbol: p for p in found}
        for late in self._wishes.expired():
            self._checks.moving.refuse(late, StopRefusal.EXPIRED)
        moves = self._wishes.take()
        try:
            await self._compare(positions, hot | moves.keys(), moves, alarm=alarm)
        finally:
            self._wishes.back(moves.values())
        if self._checks.again:
            self._hearing.hot |= self._checks.again
            self._checks.again = set()
            self._wake.set()
        self._positions = positions
        self._checks.show(positions, now_ms)

    async def _compare(self, positions: dict[str, VenuePosition], hot: set[str], moves: dict[str, Move], *, alarm: bool) -> None:
        """Read orders and check them; of `moves` those are left over that were not looked at."""
        now_ms, now_s = self._ctx.clock.now_ms(), self._ctx.clock.monotonic_s()
        chosen = self._choose(positions, hot)
        sweep = now_s >= self._sweep_s or len(chosen) * SYMBOL_COST >= SWEEP_COST
        self._pace.spend(POSITIONS_COST + (SWEEP_COST if sweep else len(chosen) * SYMBOL_COST), now_s)
        if sweep:
            orders = await self._all_orders(positions)
            self._sweep_s = now_s + SWEEP_S
        else:
            orders = await self._orders_of(chosen)
            self._soon(chosen - orders.keys(), alarm=alarm and not chosen <= orders.keys())
        for symbol in sorted(orders):
            held = await self._checks.check(symbol, positions.get(symbol), orders[symbol], moves.get(symbol), now_ms)
            moves.pop(symbol, None)
            if held is None:
                self._fast_tp.held.pop(symbol, None)
            else:
                self._fast_tp.held[symbol] = held

    def _choose(self, positions: dict[str, VenuePosition], hot: set[str]) -> set[str]:
        """Symbols whose orders are read now: news, doubts, positions that came or went or changed, and some in turn."""
        before = self._positions
        changed = {s for s in positions.keys() | before.keys() if not _same(positions.get(s), before.get(s))}
        calm = sorted(positions.keys() - hot - changed - self._checks.doubts.symbols)
        chosen = hot | changed | self._checks.doubts.symbols
        now_s = self._ctx.clock.monotonic_s()
        if now_s < self._turn_s:
            return chosen
        self._turn_s = now_s + CALM_S * 0.9
        if len(calm) <= FEW:
            return chosen | set(calm)
        self._turn = (self._turn + IN_TURN) % len(calm)
        return chosen | set((calm[self._turn :] + calm[: self._turn])[:IN_TURN])

    async def _all_orders(self, positions: dict[str, VenuePosition]) -> dict[str, list[VenueOrder]]:
        """Every open order of the account, by symbol."""
        orders = self._hearing.still_open(await self._private.open_orders())
        symbols = (
            positions.keys()
            | self._positions.keys()
            | self._notebook.desired.keys()
            | self._checks.doubts.symbols
            | {o.symbol for o in orders}
        )
        return {symbol: [o for o in orders if o.symbol == symbol] for symbol in symbols}

    async def _orders_of(self, symbols: set[str]) -> dict[str, list[VenueOrder]]:
        """Orders of some symbols; one that could not be read is left out and tried again."""
        names = sorted(symbols)
        reads = await asyncio.gather(*(self._private.open_orders(symbol) for symbol in names), return_exceptions=True)
        found: dict[str, list[VenueOrder]] = {}
        for symbol, read in zip(names, reads, strict=True):
            if isinstance(read, list):
                found[symbol] = self._hearing.still_open(read)
                continue
            if not isinstance(read, MrasterError) or isinstance(read, Fatal):
                raise read
            self._failed.inc()
            self._ctx.log.warning("orders_not_read", symbol=symbol, code=read.code, detail=str(read))
        return found


def _same(now: VenuePosition | None, before: VenuePosition | None) -> bool:
    return (None if now is None else now.amount) == (None if before is None else before.amount)

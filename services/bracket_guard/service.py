"""The bracket guard. Consumes position events (to look at once); publishes bracket events and alerts.

Owns in Redis: the desired brackets it acted on. Reads positions and orders of the venue itself, on its own timer, and
goes on with NATS or Redis down. One instance is active per account. Effectful: `check`.
"""

import asyncio
import contextlib

from services.bracket_guard.logic.desired import Desired, from_document, last_resort
from services.bracket_guard.logic.diff import Repair, RepairKind, diff, ours
from services.bracket_guard.logic.doubt import Doubts
from services.bracket_guard.repairs import Repairs
from shared.contracts import topic
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import PositionEvent
from shared.domain.errors import StoreUnavailable, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import VenueOrder, intent_hash, parse_client_id
from shared.domain.position import VenuePosition
from shared.exchange.private import PrivateClient
from shared.runtime.context import Context
from shared.runtime.outbox import Outbox
from shared.runtime.service import Service, Work, every, loop, on

CALM_S = 5.0
DOUBT_S = 0.5
SWEEP_S = 30.0
SLOW_INFO_S = 3600.0


def build(ctx: Context) -> Service:
    """The whole wiring."""
    guard = Guard(ctx)
    return Service(
        "bracket_guard",
        (
            on(topic.POSITION_EVENT, guard.on_position, start="new"),
            loop(guard.watch),
            loop(guard.outbox.run),
            every(SWEEP_S, guard.sweep),
            every(SLOW_INFO_S, guard.read_instruments),
        ),
        warm=guard.warm,
        one_active=True,
    )


class Guard:
    """Looks, compares, repairs."""

    def __init__(self, ctx: Context) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._private = PrivateClient(venue.http, venue.policy, venue.clock, quote=ctx.settings.core.quote)
        self.outbox = Outbox(ctx)
        self._repairs = Repairs(ctx, self._private, self.outbox)
        self._doubts = Doubts()
        self._instruments: dict[str, Instrument] = {}
        self._desired: dict[str, Desired] = {}
        self._wake = asyncio.Event()
        self._naked = ctx.metrics.histogram("naked_seconds", "How long a position was seen without a stop")
        self._positions = ctx.metrics.gauge("positions", "Open positions at the last complete read")
        self._naked_now = ctx.metrics.gauge("naked_positions", "Positions without a stop at the last complete read")
        self._failed = ctx.metrics.counter("reads_failed_total", "Reads of the venue that failed: nothing was changed")

    async def warm(self) -> None:
        """What the venue lists, then a first complete look."""
        await self.read_instruments()
        await self.sweep()

    async def read_instruments(self) -> None:
        """Ticks and steps."""
        self._instruments = await self._ctx.venue.public.exchange_info()

    async def on_position(self, event: PositionEvent, _meta: Meta) -> list[Outgoing]:
        """A position changed: look at once."""
        self._ctx.activity.count("position_events", 1 if event.owned else 0)
        self._wake.set()
        return []

    async def watch(self) -> None:
        """Look at every open position: soon again while something is in doubt."""
        while not self._ctx.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DOUBT_S if self._doubts.any else CALM_S):
                    await self._wake.wait()
            self._wake.clear()
            with self._ctx.activity.working():
                await self._guarded(self._look)

    async def sweep(self) -> None:
        """All orders of all symbols: finds orphans where no position is."""
        await self._guarded(self._sweep)

    async def _guarded(self, work: Work) -> None:
        """A failed read means unknown: nothing is changed, and it is tried again."""
        try:
            await work()
        except Transient as error:
            self._failed.inc()
            self._ctx.log.warning("venue_not_read", code=error.code, detail=str(error))

    async def _look(self) -> None:
        positions = {p.symbol: p for p in await self._private.positions()}
        await self._refresh_desired()
        symbols = sorted(positions.keys() | self._doubts.symbols)
        reads = await asyncio.gather(*(self._private.open_orders(symbol) for symbol in symbols))
        for symbol, orders in zip(symbols, reads, strict=True):
            await self._check(symbol, positions.get(symbol), orders)
        self._gauges(positions)

    async def _sweep(self) -> None:
        positions = {p.symbol: p for p in await self._private.positions()}
        orders = await self._private.open_orders()
        await self._refresh_desired()
        for symbol in sorted(positions.keys() | {o.symbol for o in orders}):
            await self._check(symbol, positions.get(symbol), [o for o in orders if o.symbol == symbol])
        self._gauges(positions)

    async def _refresh_desired(self) -> None:
        """The executor's plans; while Redis is down the last known ones stay in force."""
        try:
            documents = await self._ctx.state.get_all(self._ctx.keys.positions)
        except StoreUnavailable as error:
            self._ctx.log.warning("plans_not_read", detail=str(error), known=len(self._desired))
            return
        found = {symbol: from_document(document) for symbol, document in documents.items()}
        self._desired = {symbol: desired for symbol, desired in found.items() if desired is not None}

    async def _check(self, symbol: str, position: VenuePosition | None, orders: list[VenueOrder]) -> None:
        prefixes = self._ctx.settings.exits.legacy_order_prefixes
        desired = self._desired.get(symbol)
        if position is not None and desired is None:
            desired = self._without_plan(position, orders, prefixes)
        now_s = self._ctx.clock.monotonic_s()
        repairs = diff(symbol, position, desired, orders, prefixes)
        since_s = self._doubts.since_s(symbol, RepairKind.PLACE_STOP)
        due = self._doubts.due(symbol, repairs, now_s)
        if since_s is not None and self._doubts.since_s(symbol, RepairKind.PLACE_STOP) is None and position is not None:
            self._naked.observe(now_s - since_s)
        for repair in due:
            await self._repair(repair, position, desired, since_s)

    def _without_plan(self, position: VenuePosition, orders: list[VenueOrder], prefixes: tuple[str, ...]) -> Desired | None:
        """A position whose plan is not known: ours by its orders → a last-resort stop; the user's policy otherwise."""
        ids = [parse_client_id(o.client_id) for o in orders if ours(o, prefixes)]
        known = next((p.intent_hash for p in ids if p is not None), None)
        adopt = self._ctx.settings.exits.unowned_positions.value == "adopt"
        instrument = self._instruments.get(position.symbol)
        if instrument is None or (known is None and not adopt):
            return None
        name = known or intent_hash(f"adopted:{position.symbol}:{position.direction}:{position.entry_price}")
        return last_resort(position, instrument, name)

    async def _repair(self, repair: Repair, position: VenuePosition | None, desired: Desired | None, since_s: float | None) -> None:
        if self._ctx.lease is None:
            return
        naked_ms = None if since_s is None else round((self._ctx.clock.monotonic_s() - since_s) * 1000)
        done = await self._repairs.do(repair, position, desired, naked_ms)
        if done:
            self._doubts.forget(repair)

    def _gauges(self, positions: dict[str, VenuePosition]) -> None:
        naked = [s for s in positions if self._doubts.since_s(s, RepairKind.PLACE_STOP) is not None]
        self._positions.set(len(positions))
        self._naked_now.set(len(naked))
        self._ctx.facts["naked"] = str(len(naked))
        self._ctx.facts["positions"] = str(len(positions))

"""The scanner. Consumes closed trades (for the cool-down); publishes candles, candidates and skips.

Owns in Redis: what it watches and the last loss of each symbol (one hash). Windows are in memory, rebuilt from the venue.
Calls the venue's public REST and market streams. Any number of instances share the symbols by rendezvous hashing; a moment of
double ownership does no harm because the ids of messages are functions of symbol and candle.
"""

import asyncio
from functools import partial

from services.scanner.board import Board
from services.scanner.feed import Feed
from services.scanner.intake import Intake
from services.scanner.logic import universe
from services.scanner.logic.frame import Frame
from services.scanner.logic.sharding import owned
from services.scanner.repair import Repairs
from services.scanner.scan import LOSS_FIELD, Scan
from services.scanner.volumes import Volumes
from shared.config.registry import name_of
from shared.contracts import topic
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import TradeClosed
from shared.domain.errors import ConfigError, StoreUnavailable
from shared.runtime.chores import Chores
from shared.runtime.context import Context
from shared.runtime.members import REFRESH_S, Members
from shared.runtime.service import Service, every, loop, on

LATE_CHECK_S = 1.0
GLANCE_MS = 1
"""A new scanner looks who is there without staying: it announces itself once its histories are read, so that nobody stops too early."""


def build(ctx: Context) -> Service:
    """The whole wiring."""
    scanner = Scanner(ctx)
    if ctx.settings.core.run_once:
        return Service("scanner", (*scanner.outboxes, loop(scanner.once)), warm=scanner.warm)
    return Service(
        "scanner",
        (
            on(topic.TRADE_CLOSED, scanner.on_trade),
            loop(scanner.feed.run),
            loop(scanner.scan.run),
            *scanner.outboxes,
            loop(scanner.chores.run),
            every(ctx.settings.core.loop_sleep_s, scanner.housekeeping),
            every(LATE_CHECK_S, scanner.repairs.check),
            every(REFRESH_S, scanner.reshare),
            loop(scanner.hand_over),
        ),
        warm=scanner.warm,
    )


class Scanner:
    """Holds the parts together; what candles mean is in `logic`."""

    def __init__(self, ctx: Context) -> None:
        strategy = ctx.settings.strategy
        self._ctx = ctx
        self.board = Board(Frame.of(strategy.interval.value, strategy.htf_interval.value))
        self.chores = Chores(ctx)
        self.scan = Scan(ctx, self.board)
        self.outboxes = (loop(self.scan.decided.run), loop(self.scan.candles.run))
        self.feed = Feed(ctx, self.board, self.scan.offer)
        self.repairs = Repairs(ctx, self.board, self.feed, self.scan, self.chores)
        self.feed.resync = self.repairs.catch_up
        self.intake = Intake(ctx, self.board, self.feed, self.scan, self.repairs)
        self._volumes = Volumes(ctx, self.board)
        self.scan.on_bar = self._on_bar
        self.scan.meet = self.intake.meet_quickly
        self._members = Members(ctx)
        self._live: tuple[str, ...] = self._members.live
        self._universe: tuple[str, ...] = ()
        self._held: frozenset[str] = frozenset()
        self._sharing = asyncio.Lock()
        self._watched = ctx.metrics.gauge("watched_symbols", "Symbols that this instance scans")

    # --- which symbols ---------------------------------------------------------------------------------------------

    async def warm(self) -> None:
        """Universe, histories and market facts; ready when the newest closed candle of each symbol is in."""
        self._live = await self._ctx.state.join(self._ctx.producer.service, self._ctx.producer.instance, GLANCE_MS)
        await self._choose()
        if not self._universe:
            raise ConfigError(
                f"no contract to scan: expected at least one that trades in {self._ctx.settings.core.quote};"
                f" check {name_of('core.quote')}, {name_of('universe.include_symbols')}, {name_of('universe.exclude_symbols')}"
            )
        await self._share()

    async def _choose(self) -> None:
        """Read the venue's contracts and pick the ones to scan."""
        settings, public = self._ctx.settings, self._ctx.venue.public
        instruments, tickers = await asyncio.gather(public.exchange_info(), public.tickers_24h())
        self.intake.listed = instruments.keys()
        volumes = {ticker.symbol: ticker.quote_volume for ticker in tickers}
        chosen = universe.select(instruments, volumes, settings.universe, settings.core.quote)
        if not self.board.references:
            known = {symbol: volumes[symbol] for symbol in chosen if symbol in volumes}
            await self._volumes.load(known, self.repairs.newest_closed())
        if chosen != self._universe:
            missing = universe.unknown(instruments, settings.universe)
            if missing:
                self._ctx.log.warning("symbols_unknown", symbols=", ".join(missing))
            self._ctx.log.info("universe", symbols=len(chosen), before=len(self._universe))
            await self.feed.funding_intervals()
            await self._ctx.state.put(self._ctx.keys.universe, "watched", {"symbols": list(chosen), "changed_ms": self._ctx.clock.now_ms()})
            self._universe = chosen  # last: what failed before it is done again next time

    def _on_bar(self, bar: int) -> None:
        """A candle begins to come in; the first one of a day renews the volumes that ranks are read from."""
        if self._volumes.due(bar):
            self.chores.add("volumes", partial(self._volumes.renew, bar, self._universe))
            self.chores.add("funding intervals", self.feed.funding_intervals)

    async def housekeeping(self) -> None:
        """New and vanished contracts, and market facts that no stream has renewed."""
        await self._choose()
        await self._share()
        await self.feed.facts()
        await self.scan.offers.tidy(self.repairs.newest_closed())

    async def reshare(self) -> None:
        """Announce this instance; split anew when others came or went, or a position did (as a chore: histories take their time)."""
        await self._members.refresh()
        held = await self._positions()
        if self._members.live != self._live or held != self._held:
            if self._members.live != self._live:
                self._ctx.log.info("members", live=len(self._members.live))
            self._live, self._held = self._members.live, held
            self.chores.add("share", self._share)

    async def _positions(self) -> frozenset[str]:
        """Symbols that the account holds, as far as the venue lists them."""
        return frozenset(await self._ctx.state.get_all(self._ctx.keys.positions)) & frozenset(self.intake.listed)

    async def hand_over(self) -> None:
        """On the way out: the others need not wait until we are missed."""
        await self._ctx.stopping.wait()
        try:
            await self._members.leave()
        except StoreUnavailable as error:
            self._ctx.log.warning("members_not_told", detail=str(error))

    async def _share(self) -> None:
        """Scan what is ours: load what is new, leave what went to another instance, follow what is held but not ours."""
        board = self.board
        async with self._sharing:
            mine = owned(self._universe, self._ctx.producer.instance, self._live)
            held = tuple(sorted(self._held - set(mine)))
            if (mine, held) == (board.watched, board.followed):
                return
            new = [symbol for symbol in mine if symbol not in board.watched]
            strange = [symbol for symbol in held if symbol not in board.present]
            board.watch(tuple(s for s in mine if s in board.watched), tuple(s for s in held if s in board.present))
            await self.intake.load(new)
            await self.intake.meet(strange)
            board.watch(mine, held)
            self.feed.listen(board.present)
            self._watched.set(len(mine))
            self._ctx.facts["symbols"] = str(len(mine))

    # --- the account's part --------------------------------------------------------------------------------------------

    async def on_trade(self, trade: TradeClosed, _meta: Meta) -> list[Outgoing]:
        """Remember the last loss of a symbol for the cool-down."""
        if trade.net_usd < 0:
            await self._ctx.state.put(self._ctx.keys.universe, f"{LOSS_FIELD}{trade.symbol}", {"closed_ms": trade.closed_ms})
        return []

    async def once(self) -> None:
        """One scan cycle over the newest closed candles, a summary, and the end."""
        await self.scan.recheck(self.board.watched, any_age=True)
        self._ctx.log.info("scanned_once", symbols=len(self.board.watched), **self.scan.tally)
        self.scan.decided.put([], self._candles_then_finish)
        await self._ctx.finished.wait()

    async def _candles_then_finish(self) -> None:
        """The decisions are stored; when the candles are, too, the work is done."""

        async def finish() -> None:
            self._ctx.finish()

        self.scan.candles.put([], finish)

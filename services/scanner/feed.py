"""The venue as the scanner sees it: streams, and the facts that a start begins with."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.scanner.board import Board
from services.scanner.klines import Klines
from services.scanner.logic.inbox import Closed, Source
from shared.domain.candle import Candle
from shared.domain.errors import Permanent
from shared.exchange.market import BookTicker, KlineEvent, MarketEvent, MarkPrice
from shared.exchange.stream import MarketStream
from shared.runtime.context import Context

SINGLE_BOOKS = 150
"""Up to this many symbols, books come one stream per symbol; beyond, one stream carries the whole venue."""
_MARKS = "!markPrice@arr"

Offer = Callable[[Closed], None]
Resync = Callable[[tuple[str, ...]], Awaitable[None]]


class Feed:
    """Delivers closed candles to `offer` and facts to the board. `resync(symbols)` is asked to fill gaps after each (re)connect."""

    resync: Resync

    def __init__(self, ctx: Context, board: Board, offer: Offer) -> None:
        venue = ctx.venue
        self._ctx = ctx
        self._board = board
        self._offer = offer
        self._kline = f"@kline_{board.frame.interval}"
        self._symbols: dict[str, str] = {}
        self.klines = Klines(ctx, board.frame)
        self.stream = MarketStream(venue.policy, venue.clock, [], self.on_event, on_resync=self._on_resync, options=venue.streams)
        ctx.activity.track("frames", lambda: self.stream.frames_handled)

    async def run(self) -> None:
        """Deliver events for the life of the service."""
        await self.stream.run()

    def listen(self, symbols: Sequence[str]) -> None:
        """Subscribe to what is needed for these symbols and leave the rest."""
        self._symbols = {f"{symbol.lower()}{self._kline}": symbol for symbol in symbols}
        books = [f"{symbol.lower()}@bookTicker" for symbol in symbols] if len(symbols) <= SINGLE_BOOKS else ["!bookTicker"]
        self.stream.set_streams([*self._symbols, *books, _MARKS] if symbols else [])

    async def on_event(self, event: MarketEvent) -> None:
        """A frame of a stream; never waits."""
        if isinstance(event, KlineEvent):
            if event.closed:
                self.closed(event.candle, "stream")
        elif isinstance(event, BookTicker):
            if event.symbol in self._board.windows.row:
                self._board.put_book(event)
        elif isinstance(event, MarkPrice) and event.symbol in self._board.windows.row:
            self._board.put_mark(event)

    def closed(self, candle: Candle, source: Source) -> None:
        """Hand a closed candle on, with the moment of its arrival."""
        self._offer(Closed(candle, source, self._ctx.clock.monotonic_s()))

    async def _on_resync(self, streams: frozenset[str]) -> None:
        symbols = tuple(sorted(self._symbols[name] for name in streams if name in self._symbols))
        if symbols:
            await self.resync(symbols)

    async def facts(self) -> None:
        """Books and mark prices of all watched symbols over REST; old answers about candles are let go."""
        public = self._ctx.venue.public
        books, marks = await asyncio.gather(public.book_tickers(), public.premium_index())
        facts: list[MarketEvent] = [*books, *marks]
        for event in facts:
            await self.on_event(event)
        self.klines.expire()

    async def funding_intervals(self) -> None:
        """How often each contract pays funding; a venue that does not say is watched instead (`Board.put_mark`)."""
        try:
            self._board.set_funding_intervals(await self._ctx.venue.public.funding_info())
        except Permanent as error:
            self._ctx.log.warning("funding_intervals_unknown", code=error.code, detail=str(error))

"""The venue as the scanner sees it: streams, histories, and the facts that a start begins with."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from services.scanner.board import Board
from services.scanner.logic.inbox import Closed, Source
from shared.domain.candle import Candle
from shared.exchange.market import BookTicker, KlineEvent, MarketEvent, MarkPrice
from shared.exchange.public import MAX_KLINES
from shared.exchange.stream import MarketStream
from shared.runtime.context import Context

SINGLE_BOOKS = 150
"""Up to this many symbols, books come one stream per symbol; beyond, one stream carries the whole venue."""
READS_AT_ONCE = 8
PROGRESS_S = 5.0
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
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._kline = f"@kline_{board.frame.interval}"
        self._symbols: dict[str, str] = {}
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
        """Books and mark prices of all watched symbols over REST."""
        public = self._ctx.venue.public
        books, marks = await asyncio.gather(public.book_tickers(), public.premium_index())
        facts: list[MarketEvent] = [*books, *marks]
        for event in facts:
            await self.on_event(event)

    async def candles(self, symbol: str, first: int, last: int) -> list[Candle]:
        """Closed candles with the numbers `first` to `last`, as far as the venue has them, oldest first."""
        frame = self._board.frame
        found: dict[int, Candle] = {}
        begin = first
        while begin <= last:
            limit = min(MAX_KLINES, last - begin + 1)
            async with self._reads:
                page = await self._ctx.venue.public.klines(
                    symbol, frame.interval, limit=limit, start_ms=frame.open_ms(begin), end_ms=frame.close_ms(last)
                )
            found.update({frame.bar(candle.open_ms): candle for candle in page})
            begin += limit
        return [found[bar] for bar in sorted(found) if first <= bar <= last]

    async def histories(self, symbols: Iterable[str], last: int) -> dict[str, list[Candle]]:
        """What the indicators of candle `last` are computed from, for each symbol; says how far it is."""
        wanted = list(symbols)
        progress = Progress(self._ctx, len(wanted))
        start = self._board.frame.start(last)

        async def one(symbol: str) -> tuple[str, list[Candle]]:
            candles = await self.candles(symbol, start, last)
            progress.one_more()
            return symbol, candles

        return dict(await asyncio.gather(*(one(symbol) for symbol in wanted)))


class Progress:
    """Says now and then how many histories are read (a large universe waits for the venue's weight limit)."""

    def __init__(self, ctx: Context, total: int) -> None:
        self._ctx = ctx
        self._total = total
        self._done = 0
        self._told_s = ctx.clock.monotonic_s()

    def one_more(self) -> None:
        """One history is read."""
        self._done += 1
        now = self._ctx.clock.monotonic_s()
        if now - self._told_s >= PROGRESS_S or (self._done == self._total and self._total > 1):
            self._told_s = now
            self._ctx.log.info("histories_read", done=self._done, total=self._total)

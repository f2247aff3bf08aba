"""Candles that did not come by themselves: late ones, gaps, and what closed while the stream was away."""

import asyncio
from functools import partial

from services.scanner.board import Board
from services.scanner.feed import Feed
from services.scanner.scan import Scan
from shared.runtime.chores import Chores
from shared.runtime.context import Context

LATE_MS = 5_000
"""How long after a close, in our time, a candle may be missing before it is asked for."""
ASK_AGAIN_S = 10.0
"""A symbol whose candles do not come is not asked for more often than this."""


class Repairs:
    """Reads missing candles over REST and puts them into the inbox, where they take their turn."""

    def __init__(self, ctx: Context, board: Board, feed: Feed, scan: Scan, chores: Chores) -> None:
        self._ctx = ctx
        self._board = board
        self._feed = feed
        self._scan = scan
        self._chores = chores
        self._running: set[str] = set()
        self._asked_s: dict[str, float] = {}
        self._repaired = ctx.metrics.counter("candles_repaired_total", "Missing candles that were read over REST")
        self._cut = ctx.metrics.counter("histories_cut_total", "Histories begun anew because of a gap that could not be filled")

    def newest_closed(self) -> int:
        """Number of the candle that closed last, by venue time."""
        return self._board.frame.bar(self._ctx.clock.now_ms()) - 1

    async def catch_up(self, symbols: tuple[str, ...]) -> None:
        """The stream (re)connected: read what closed in between."""
        newest, inbox = self.newest_closed(), self._board.inbox
        await asyncio.gather(*(self._fill(symbol, newest) for symbol in symbols if inbox.newest(symbol) < newest))

    async def check(self) -> None:
        """Ask for candles that are due and for those that are missing before ones that are here."""
        board, clock = self._board, self._ctx.clock
        due = board.frame.bar(clock.now_ms() - clock.horizon_ms(LATE_MS)) - 1
        behind = {symbol: due for symbol in board.present if board.inbox.newest(symbol) < due}
        behind.update({gap.symbol: gap.last for gap in board.inbox.gaps()})
        now_s = clock.monotonic_s()
        for symbol, last in behind.items():
            if symbol not in self._running and now_s - self._asked_s.get(symbol, -ASK_AGAIN_S) >= ASK_AGAIN_S:
                self._asked_s[symbol] = now_s
                self._running.add(symbol)
                self._chores.add(f"repair {symbol}", partial(self._repair, symbol, last))

    async def _repair(self, symbol: str, last: int) -> None:
        """Fill a symbol's candles up to `last`; doing it twice reads twice and changes nothing."""
        try:
            await self._fill(symbol, last)
        finally:
            self._running.discard(symbol)

    async def _fill(self, symbol: str, last: int) -> None:
        """Read what is missing; a gap that the venue cannot fill ends the history before it."""
        board = self._board
        first = board.inbox.newest(symbol) + 1
        too_far = first > 0 and last - first >= board.frame.capacity
        if first <= 0 or too_far:
            first = board.frame.start(last)
        candles = await self._feed.klines.read(symbol, first, last)
        if too_far:
            self._forget(symbol)
        for candle in candles:
            self._feed.closed(candle, "rest")
        self._repaired.inc(len(candles))
        if any(gap.symbol == symbol for gap in board.inbox.gaps()):
            self._forget(symbol)

    def _forget(self, symbol: str) -> None:
        """Let a symbol's history begin with the next candle that is here."""
        self._board.windows.load(symbol, [])
        self._cut.inc()
        self._ctx.log.warning("history_cut", symbol=symbol)
        self._scan.wake()

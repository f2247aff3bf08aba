"""Symbols that come in: their histories, and what an earlier scanner left undone about them."""

import asyncio
from collections.abc import Collection, Sequence

from services.scanner.board import Board
from services.scanner.feed import Feed
from services.scanner.histories import Histories, History
from services.scanner.logic.inbox import Closed
from services.scanner.repair import Repairs
from services.scanner.scan import Scan, candle_message
from shared.domain.errors import MrasterError
from shared.runtime.context import Context

MEET_S = 1.0
"""How long decisions wait for the candles of a position that another scanner's symbol has."""
AGAIN_S = 30.0
"""After these candles could not be read."""


class Intake:
    """Loads symbols into the board. `listed` is what the venue has; others cannot be met."""

    def __init__(self, ctx: Context, board: Board, feed: Feed, scan: Scan, repairs: Repairs) -> None:
        self._ctx = ctx
        self._board = board
        self._feed = feed
        self._scan = scan
        self._repairs = repairs
        self._histories = Histories(ctx, board.frame, feed.klines)
        self._again_s: dict[str, float] = {}
        self.listed: Collection[str] = ()

    async def load(self, symbols: Sequence[str]) -> None:
        """Histories of symbols that are new here, and what an earlier scanner left undone about them."""
        if not symbols:
            return
        self._board.windows.admit(symbols)
        await self._feed.facts()
        for symbol, history in (await self._histories.read(symbols, self._repairs.newest_closed())).items():
            self._board.windows.load(symbol, history.candles)
            self._tell(symbol, history)
        self._board.windows.settle_all(ahead=False)
        if not self._ctx.settings.core.run_once:
            await self._scan.recheck(symbols)
            await self._scan.offers.tell()

    async def meet(self, symbols: Sequence[str], *, within_s: float | None = None) -> None:
        """Candles of held symbols that another scanner watches: what moves with them is counted, too.

        What cannot be read (within a time) is left alone for a while: nobody can say how these symbols move until then.
        """
        now_s = self._ctx.clock.monotonic_s()
        known = [symbol for symbol in symbols if symbol in self.listed and now_s >= self._again_s.get(symbol, now_s)]
        if not known:
            return
        self._board.windows.admit(known)
        try:
            async with asyncio.timeout(within_s):
                histories = await self._histories.read(known, self._repairs.newest_closed())
        except (MrasterError, TimeoutError) as error:
            self._again_s |= dict.fromkeys(known, self._ctx.clock.monotonic_s() + AGAIN_S)
            code = error.code if isinstance(error, MrasterError) else "too_slow"
            self._ctx.log.warning("position_not_followed", symbols=", ".join(known), code=code, detail=str(error), next_try_s=AGAIN_S)
            return
        for symbol, history in histories.items():
            self._board.windows.load(symbol, history.candles)
        self._board.watch(self._board.watched, tuple(sorted({*self._board.followed, *known})))
        self._feed.listen(self._board.present)

    async def meet_quickly(self, symbols: Sequence[str]) -> None:
        """The same while decisions wait for it."""
        await self.meet(symbols, within_s=MEET_S)

    def _tell(self, symbol: str, history: History) -> None:
        """Publish candles that nobody published since the last known one; before any was known, only the newest."""
        frame, told = self._board.frame, history.told
        candles = history.candles[-1:] if told is None else history.candles
        missing = [c for c in candles if told is None or frame.bar(c.open_ms) > told]
        now_s = self._ctx.clock.monotonic_s()
        self._scan.candles.put([candle_message(Closed(c, "rest", now_s), c.close_ms) for c in missing])
        if missing and told is not None:
            self._ctx.log.info("candles_caught_up", symbol=symbol, candles=len(missing))

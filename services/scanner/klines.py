"""Candles over REST, kept for a moment: whoever asks again soon costs the venue nothing."""

import asyncio
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.scanner.logic.frame import Frame
from shared.domain.candle import Candle
from shared.exchange.public import MAX_KLINES
from shared.indicators.types import Floats
from shared.runtime.context import Context

READS_AT_ONCE = 8


class _Kept(NamedTuple):
    """Candles of one symbol as arrays (objects of a whole universe would weigh a hundred megabytes), and when they were read."""

    read_s: float
    bars: NDArray[np.int64]
    values: Floats


class Klines:
    """Reads closed candles, which are final: what was read within `kline_cache_s` is not asked for again.

    Only candles that the venue gave are kept; one that it did not have is asked for each time.
    """

    def __init__(self, ctx: Context, frame: Frame) -> None:
        self._ctx = ctx
        self._frame = frame
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def read(self, symbol: str, first: int, last: int) -> list[Candle]:
        """Closed candles with the numbers `first` to `last`, as far as the venue has them, oldest first."""
        found = self._known(symbol, first, last)
        missing = [bar for bar in range(first, last + 1) if bar not in found]
        if missing:
            found |= await self._ask(symbol, missing[0], missing[-1])
            self._keep(symbol, found)
        return [found[bar] for bar in sorted(found)]

    async def _ask(self, symbol: str, first: int, last: int) -> dict[int, Candle]:
        """The venue's answer, page by page."""
        frame, public = self._frame, self._ctx.venue.public
        found: dict[int, Candle] = {}
        for begin in range(first, last + 1, MAX_KLINES):
            limit = min(MAX_KLINES, last - begin + 1)
            async with self._reads:
                page = await public.klines(symbol, frame.interval, limit=limit, start_ms=frame.open_ms(begin), end_ms=frame.close_ms(last))
            found.update({frame.bar(candle.open_ms): candle for candle in page})
        return {bar: candle for bar, candle in found.items() if first <= bar <= last}

    def _known(self, symbol: str, first: int, last: int) -> dict[int, Candle]:
        """What was read a moment ago."""
        self.expire()
        kept = self._kept.get(symbol)
        if kept is None:
            return {}
        chosen = np.flatnonzero((kept.bars >= first) & (kept.bars <= last))
        return {int(kept.bars[n]): self._candle(symbol, int(kept.bars[n]), kept.values[n].tolist()) for n in chosen}

    def _candle(self, symbol: str, bar: int, values: list[float]) -> Candle:
        opened, high, low, close, volume, quote_volume, trades = values
        open_ms = self._frame.open_ms(bar)
        return Candle(symbol, self._frame.interval, open_ms, opened, high, low, close, volume, quote_volume, int(trades))

    def _keep(self, symbol: str, found: dict[int, Candle]) -> None:
        """Remember an answer, together with what it rests on, which is as old as it is."""
        if self._ctx.settings.core.kline_cache_s <= 0 or not found:
            return
        before = self._kept.pop(symbol, None)
        bars = np.array(sorted(found), dtype=np.int64)
        rows = [found[bar] for bar in bars.tolist()]
        values = np.array([(c.open, c.high, c.low, c.close, c.volume, c.quote_volume, c.trades) for c in rows], dtype=np.float64)
        self._kept[symbol] = _Kept(before.read_s if before else self._ctx.clock.monotonic_s(), bars, values)
        if before:
            self._kept.move_to_end(symbol, last=False)

    def expire(self) -> None:
        """Let go of what is too old; the oldest answers stand first."""
        limit_s = self._ctx.clock.monotonic_s() - self._ctx.settings.core.kline_cache_s
        while self._kept and next(iter(self._kept.values())).read_s <= limit_s:
            self._kept.popitem(last=False)

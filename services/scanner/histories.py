"""What indicators are computed from: the candles that were published before, and the venue for the rest."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.scanner.klines import Klines
from services.scanner.logic.frame import Frame
from services.scanner.logic.stored import Stored, price_of
from services.scanner.published import last_published, published
from shared.domain.candle import Candle
from shared.runtime.context import Context

PROGRESS_S = 5.0
SLACK_MS = 60_000


class History(NamedTuple):
    """Candles, oldest first; `told` is the number of the last one that was published already, None when there is none."""

    candles: list[Candle]
    told: int | None


class Histories:
    """Reads histories: the stream of candles first, REST second.

    The stream keeps two days, which is most of a history of short candles and all of what a restart missed; the venue is then
    asked for the oldest part and for the newest, and its word about the last published candle decides whether the stream speaks
    of the same market (on paper, prices may have come from somewhere else before).
    """

    def __init__(self, ctx: Context, frame: Frame, klines: Klines) -> None:
        self._ctx = ctx
        self._frame = frame
        self._klines = klines
        self._counted = ctx.metrics.counter("history_candles_total", "Candles that histories were read from, by source", ("source",))

    async def read(self, symbols: Iterable[str], last: int) -> dict[str, History]:
        """What the indicators of candle `last` are computed from, for each symbol; says how far it is."""
        wanted = list(symbols)
        told = await last_published(self._ctx.bus, self._frame, wanted)
        start = self._frame.start(last)
        stored = await self._published(told, start, last)
        progress = _Progress(self._ctx, len(wanted))

        async def one(symbol: str) -> tuple[str, History]:
            candles = await self._one(symbol, start, last, stored.get(symbol, {}))
            progress.one_more()
            return symbol, History(candles, told.get(symbol))

        return dict(await asyncio.gather(*(one(symbol) for symbol in wanted)))

    async def _published(self, told: dict[str, int], start: int, last: int) -> dict[str, dict[int, Candle]]:
        """The stream's candles of all symbols that it has the recent ones of."""
        useful = {symbol: bar for symbol, bar in told.items() if start <= bar <= last}
        if not useful:
            return {}
        clock = self._ctx.clock
        per_second = clock.horizon_ms(1000) / 1000
        age_ms = (last - start + 2) * self._frame.length_ms / per_second
        return await published(self._ctx.bus, self._frame, useful, clock.wall_ms() - int(age_ms) - SLACK_MS)

    async def _one(self, symbol: str, start: int, last: int, known: Mapping[int, Candle]) -> list[Candle]:
        """One history."""
        stored = Stored.of(known, start, last)
        if stored is None:
            return self._taken(await self._klines.read(symbol, start, last), [])
        newest = await self._klines.read(symbol, stored.newest, last)
        same = bool(newest) and price_of(newest[0]) == price_of(stored.candles[-1])
        if not same:
            self._ctx.log.warning("stream_of_another_market", symbol=symbol, close_ms=self._frame.close_ms(stored.newest))
            return self._taken(await self._klines.read(symbol, start, last), [])
        oldest = await self._klines.read(symbol, start, stored.first - 1) if stored.first > start else []
        return self._taken([*oldest, *newest[1:]], stored.candles)

    def _taken(self, asked: list[Candle], stored: list[Candle]) -> list[Candle]:
        """Both parts in order, counted."""
        self._counted.labels("rest").inc(len(asked))
        self._counted.labels("stream").inc(len(stored))
        return sorted([*asked, *stored], key=lambda candle: candle.open_ms)


class _Progress:
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

"""Reads what is usual for each symbol from the venue, once per UTC day: 30 daily candles each (weight 1), slowly.

500 symbols cost about 500 of the venue's weight per day, at most 120 per minute. What cannot be read stays unknown and does not warn.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from services.sentinel.logic.profile import DAY_MS, DAYS, Profile, by_name, due, listings, usual_volume
from shared.domain.errors import MrasterError, Transient
from shared.runtime.context import Context

PACE_S, LEAST_PACE_S = 0.5, 0.05
"""Between two symbols; in a fast replay shorter, since its days are."""
LOOK_S = 1.0
RETRY_S = 60.0


class Profiles:
    """Fills a profile in place. `symbols` are those that are judged, `now_ms` the time of their newest statistics."""

    def __init__(self, ctx: Context, profile: Profile, symbols: Callable[[], Iterable[str]], now_ms: Callable[[], int]) -> None:
        self._ctx = ctx
        self._profile = profile
        self._symbols = symbols
        self._now_ms = now_ms
        self._day: int | None = None

    @property
    def stands(self) -> bool:
        """Whether time only moves when somebody asks: then reading must not race with it."""
        return self._ctx.venue.clock.rate == 0

    @property
    def waiting(self) -> bool:
        """Whether time must not move on before the profile of this day is read."""
        return self.stands and due(self._day, self._now_ms())

    async def run(self) -> None:
        """Read once per day until the service stops; in lock-step `at_once` does it."""
        while not self._ctx.stopping.is_set():
            pause_s = LOOK_S
            if not self.stands and due(self._day, self._now_ms()):
                day = self._now_ms() // DAY_MS
                if await self._read(max(LEAST_PACE_S, PACE_S / max(1.0, self._ctx.venue.clock.rate))):
                    self._day = day
                else:
                    pause_s = RETRY_S
            await self._pause(pause_s)

    async def at_once(self) -> None:
        """Read now if time stands still and a day has begun. One attempt a day: a replay must not wait for ever."""
        if self.waiting:
            self._day = self._now_ms() // DAY_MS
            await self._read(0.0)

    async def _read(self, pace_s: float) -> bool:
        """Listings and all symbols; False when the venue could not be asked, or the service stops."""
        try:
            await self._read_listings()
            for symbol in by_name(self._symbols()):
                if self._ctx.stopping.is_set():
                    return False
                await self._read_one(symbol)
                if pace_s:
                    await self._pause(pace_s)
        except Transient as error:
            self._ctx.log.warning("profiles_wait", code=error.code, detail=str(error), known=len(self._profile.usual))
            return False
        self._ctx.log.info("profiles_read", volumes=len(self._profile.usual), listings=len(self._profile.listed_ms))
        return True

    async def _read_listings(self) -> None:
        """When symbols were listed; without that nobody counts as young."""
        try:
            instruments = await self._ctx.venue.public.exchange_info()
        except Transient:
            raise
        except MrasterError as error:
            self._ctx.log.warning("listings_unknown", code=error.code, detail=str(error))
        else:
            self._profile.listed_ms = listings({symbol: one.onboard_ms for symbol, one in instruments.items()})

    async def _read_one(self, symbol: str) -> None:
        """One symbol; a refusal concerns only it."""
        try:
            candles = await self._ctx.venue.public.klines(symbol, "1d", limit=DAYS + 1)
        except Transient:
            raise
        except MrasterError as error:
            self._ctx.log.info("profile_unknown", symbol=symbol, code=error.code, detail=str(error))
            return
        usual = usual_volume([candle.quote_volume for candle in candles])
        if usual is None:
            self._profile.usual.pop(symbol, None)
        else:
            self._profile.usual[symbol] = usual

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ctx.stopping.wait()

"""Market data over REST."""

from shared.domain.candle import Candle
from shared.domain.instrument import Instrument
from shared.exchange.clock import VenueClock
from shared.exchange.http import VenueHttp
from shared.exchange.market import BookTicker, Depth, MarkPrice, Ticker24h
from shared.exchange.venues.shape import VenuePolicy


class PublicClient:
    """Reads that need no credentials."""

    def __init__(self, http: VenueHttp, policy: VenuePolicy, clock: VenueClock) -> None:
        self._http = http
        self._policy = policy
        self._clock = clock

    async def server_time(self) -> int:
        """Venue time in milliseconds; synchronises the clock on the way."""
        raise NotImplementedError

    async def exchange_info(self) -> dict[str, Instrument]:
        """All perpetual contracts by symbol, whatever their status and quote asset."""
        raise NotImplementedError

    async def klines(
        self, symbol: str, interval: str, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Closed candles, oldest first; the open one that the venue adds is left out."""
        raise NotImplementedError

    async def tickers_24h(self) -> list[Ticker24h]:
        """Statistics of the last day of all symbols."""
        raise NotImplementedError

    async def book_tickers(self) -> list[BookTicker]:
        """Best bid and ask of all symbols."""
        raise NotImplementedError

    async def premium_index(self) -> list[MarkPrice]:
        """Mark price, index price and predicted funding of all symbols."""
        raise NotImplementedError

    async def depth(self, symbol: str, *, limit: int = 20) -> Depth:
        """A book snapshot."""
        raise NotImplementedError

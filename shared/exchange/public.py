"""Market data over REST."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from shared.domain.candle import Candle, interval_ms
from shared.domain.errors import ContractViolation
from shared.domain.instrument import Instrument
from shared.exchange.call import Call
from shared.exchange.clock import VenueClock
from shared.exchange.http import VenueHttp
from shared.exchange.market import BookTicker, Depth, MarkPrice, Ticker24h
from shared.exchange.parse_market import (
    parse_book_tickers,
    parse_depth,
    parse_exchange_info,
    parse_funding_info,
    parse_klines,
    parse_premium_index,
    parse_tickers,
)
from shared.exchange.venues.shape import Endpoint, VenuePolicy, depth_weight, klines_weight

MAX_KLINES = 1500
_DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)


class PublicClient:
    """Reads that need no credentials. Errors are those of `VenueHttp.request`; odd answers are `ContractViolation`."""

    def __init__(self, http: VenueHttp, policy: VenuePolicy, clock: VenueClock) -> None:
        self._http = http
        self._policy = policy
        self._clock = clock

    async def server_time(self) -> int:
        """Venue time in milliseconds; brings the clock together with the venue on the way."""
        await self._http.sync_clock()
        return self._clock.now_ms()

    async def exchange_info(self) -> dict[str, Instrument]:
        """All perpetual contracts by symbol, whatever their status and quote asset; the rate limits are taken over."""
        info = parse_exchange_info(await self._get(Endpoint.EXCHANGE_INFO, [], 1))
        if info.limits is not None:
            self._http.limiter.configure(info.limits)
        for symbol, reason in info.skipped:
            _LOG.warning("contract %s left out: %s", symbol, reason)
        return info.instruments

    async def klines(
        self, symbol: str, interval: str, *, limit: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Candle]:
        """Closed candles, oldest first, at most `limit` rows asked for; the open one that the venue adds is left out.

        With `start_ms` the oldest rows from there, without it the newest.

        Raises:
            ValueError: an unknown interval, or a limit outside 1..1500.
        """
        interval_ms(interval)
        if not 1 <= limit <= MAX_KLINES:
            raise ValueError(f"klines: expected a limit of 1 to {MAX_KLINES}, got {limit}")
        params = [("symbol", symbol), ("interval", interval), ("limit", str(limit))]
        params += [(name, str(value)) for name, value in (("startTime", start_ms), ("endTime", end_ms)) if value is not None]
        payload = await self._get(Endpoint.KLINES, params, klines_weight(limit))
        now_ms = self._clock.now_ms()
        return [candle for candle in parse_klines(payload, symbol, interval) if candle.close_ms < now_ms]

    async def tickers_24h(self) -> list[Ticker24h]:
        """Statistics of the last day of all symbols that trade."""
        return _readable(parse_tickers, await self._every(Endpoint.TICKER_24H))

    async def book_tickers(self) -> list[BookTicker]:
        """Best bid and ask of all symbols."""
        return _readable(parse_book_tickers, await self._every(Endpoint.BOOK_TICKER))

    async def premium_index(self) -> list[MarkPrice]:
        """Mark price, index price and predicted funding of all symbols."""
        return _readable(parse_premium_index, await self._every(Endpoint.PREMIUM_INDEX))

    async def funding_info(self) -> dict[str, int]:
        """How often contracts pay funding, in milliseconds, by symbol. What is not listed pays every eight hours."""
        return dict(_readable(parse_funding_info, await self._every(Endpoint.FUNDING_INFO)))

    async def depth(self, symbol: str, *, limit: int = 20) -> Depth:
        """A book snapshot.

        Raises:
            ValueError: the venue has no snapshots of that many levels.
        """
        if limit not in _DEPTHS:
            raise ValueError(f"depth: expected a limit of {_DEPTHS}, got {limit}")
        payload = await self._get(Endpoint.DEPTH, [("symbol", symbol), ("limit", str(limit))], depth_weight(limit))
        return parse_depth(payload, symbol)

    async def _every(self, endpoint: Endpoint) -> Any:
        """A read of all symbols at once."""
        return await self._get(endpoint, [], self._policy.weight(endpoint, every=True))

    async def _get(self, endpoint: Endpoint, params: list[tuple[str, str]], weight: int) -> Any:
        """A public read."""
        return await self._http.request(Call(method="GET", path=self._policy.path(endpoint), params=params, weight=weight))


def _readable(parse: Callable[[Any], list[_T]], payload: Any) -> list[_T]:
    """The rows that can be read: one odd listing does not blind us to all others. When none can, that is an error."""
    if not isinstance(payload, list):
        return parse(payload)
    values: list[_T] = []
    refused: ContractViolation | None = None
    for item in payload:
        try:
            values += parse([item])
        except ContractViolation as error:
            _LOG.warning("row left out: %s", error)
            refused = error
    if refused is not None and not values:
        raise refused
    return values

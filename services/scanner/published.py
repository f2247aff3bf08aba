"""What the stream of candles already has."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Literal

from services.scanner.logic.frame import Frame
from shared.bus.port import Bus
from shared.contracts.market import CandleClosed
from shared.contracts.topic import CANDLE
from shared.domain.candle import Candle

QUIET_S = 0.3
"""A stream that says nothing for so long has nothing more to say."""
NAMED = 40
"""Up to so many symbols are followed by name; beyond, all candles are looked at."""


async def last_published(bus: Bus, frame: Frame, symbols: Sequence[str]) -> dict[str, int]:
    """Number of the last published candle of each symbol; symbols without one are left out."""
    wanted = set(symbols)
    found: dict[str, int] = {}
    async with aclosing(_candles(bus, frame, symbols, "last_per_subject")) as candles:
        async for candle in candles:
            if candle.symbol in wanted:
                found[candle.symbol] = frame.bar(candle.open_ms)
            if not wanted - found.keys():
                break
    return found


async def published(bus: Bus, frame: Frame, newest: Mapping[str, int], since_ms: int) -> dict[str, dict[int, Candle]]:
    """Candles by symbol and number that were published since a moment (our time), up to the `newest` of each symbol."""
    found: dict[str, dict[int, Candle]] = {symbol: {} for symbol in newest}
    waiting = set(newest)
    async with aclosing(_candles(bus, frame, list(newest), since_ms)) as candles:
        async for candle in candles:
            if candle.symbol not in found:
                continue
            bar = frame.bar(candle.open_ms)
            found[candle.symbol][bar] = candle_of(candle)
            if bar >= newest[candle.symbol]:
                waiting.discard(candle.symbol)
            if not waiting:
                break
    return found


async def _candles(
    bus: Bus, frame: Frame, symbols: Sequence[str], since: Literal["last_per_subject"] | int
) -> AsyncGenerator[CandleClosed, None]:
    """Stored candles, until there are no more."""
    named = [CANDLE.subject(frame.interval, symbol) for symbol in symbols]
    stream = bus.tail(named if len(named) <= NAMED else [f"{CANDLE.prefix}.{frame.interval}.*"], since=since)
    try:
        while True:
            payload, _meta = await asyncio.wait_for(anext(stream), QUIET_S)
            if isinstance(payload, CandleClosed):
                yield payload
    except TimeoutError:
        return
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def candle_of(message: CandleClosed) -> Candle:
    """The candle that a message is about."""
    m = message
    return Candle(m.symbol, m.interval, m.open_ms, m.open, m.high, m.low, m.close, m.volume, m.quote_volume, m.trades)

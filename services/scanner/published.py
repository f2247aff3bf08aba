"""What the stream of candles already has."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from services.scanner.logic.frame import Frame
from shared.bus.port import Bus
from shared.contracts.market import CandleClosed
from shared.contracts.topic import CANDLE

QUIET_S = 0.3


async def last_published(bus: Bus, frame: Frame, symbols: Sequence[str]) -> dict[str, int]:
    """Number of the last published candle of each symbol; symbols without one are left out."""
    wanted = set(symbols)
    found: dict[str, int] = {}
    stream = bus.tail([f"{CANDLE.prefix}.{frame.interval}.*"], since="last_per_subject")
    try:
        while wanted - found.keys():
            payload, _meta = await asyncio.wait_for(anext(stream), QUIET_S)
            if isinstance(payload, CandleClosed) and payload.symbol in wanted:
                found[payload.symbol] = frame.bar(payload.open_ms)
    except TimeoutError:
        return found
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
    return found

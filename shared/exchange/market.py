"""Market data as floats: what the public endpoints and the market streams deliver."""

from dataclasses import dataclass

from shared.domain.candle import Candle


@dataclass(frozen=True, slots=True)
class Ticker24h:
    """Statistics of the last 24 hours. `change_ratio` 0.01 is one percent; volumes in base and quote units."""

    symbol: str
    last: float
    open: float
    high: float
    low: float
    change_ratio: float
    volume: float
    quote_volume: float
    trades: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and ask."""

    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    time_ms: int


@dataclass(frozen=True, slots=True)
class MarkPrice:
    """Mark and index price with the predicted rate of the next funding.

    `next_funding_ms` is 0 when the venue has not scheduled one; `time_ms` is the venue time of the values.
    """

    symbol: str
    mark: float
    index: float
    funding_rate: float
    next_funding_ms: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class KlineEvent:
    """The state of one candle, open or closed, as the stream pushes it."""

    candle: Candle
    closed: bool
    event_ms: int


@dataclass(frozen=True, slots=True)
class AggTrade:
    """Trades of one taker at one price, added up. `buyer_is_maker` True means that the taker sold."""

    symbol: str
    trade_id: int
    price: float
    quantity: float
    buyer_is_maker: bool
    time_ms: int
    event_ms: int


@dataclass(frozen=True, slots=True)
class Depth:
    """A snapshot of the book: (price, quantity) from the best level outwards."""

    symbol: str
    last_update_id: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    time_ms: int


MarketEvent = KlineEvent | BookTicker | MarkPrice | Ticker24h | AggTrade
"""Whatever a market stream delivers to its listener."""

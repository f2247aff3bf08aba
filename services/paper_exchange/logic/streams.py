"""Names of market streams."""

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.candle import INTERVALS


class Kind(StrEnum):
    """What a stream carries."""

    KLINE = "kline"
    CONTINUOUS = "continuousKline"
    TRADE_RAW = "trade"
    MARK = "markPrice"
    MARK_ALL = "!markPrice@arr"
    BOOK = "bookTicker"
    BOOK_ALL = "!bookTicker"
    MINI = "miniTicker"
    MINI_ALL = "!miniTicker@arr"
    TICKER = "ticker"
    TICKER_ALL = "!ticker@arr"
    TRADE = "aggTrade"
    DEPTH = "depth"
    PARTIAL = "partialDepth"
    FORCE = "forceOrder"
    FORCE_ALL = "!forceOrder@arr"


class Route(StrEnum):
    """The three routed paths and the old one that carries everything."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"
    LEGACY = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """A market stream: what, of which contract (empty for all), and its argument (interval or levels)."""

    name: str
    kind: Kind
    symbol: str = ""
    argument: str = ""

    @property
    def route(self) -> Route:
        """The routed path that delivers it."""
        public = {Kind.BOOK, Kind.BOOK_ALL, Kind.DEPTH, Kind.PARTIAL, Kind.TRADE_RAW}
        return Route.PUBLIC if self.kind in public else Route.MARKET


_ALL = {
    "!markPrice@arr": Kind.MARK_ALL,
    "!markPrice@arr@1s": Kind.MARK_ALL,
    "!bookTicker": Kind.BOOK_ALL,
    "!miniTicker@arr": Kind.MINI_ALL,
    "!ticker@arr": Kind.TICKER_ALL,
    "!forceOrder@arr": Kind.FORCE_ALL,
}
_SINGLE = {
    "markPrice": Kind.MARK,
    "markPrice@1s": Kind.MARK,
    "bookTicker": Kind.BOOK,
    "miniTicker": Kind.MINI,
    "ticker": Kind.TICKER,
    "aggTrade": Kind.TRADE,
    "trade": Kind.TRADE_RAW,
    "forceOrder": Kind.FORCE,
}
_DEPTH = re.compile(r"depth(5|10|20)?(@100ms|@500ms)?|rpiDepth(@500ms)?")
"""`rpiDepth` has the orders of retail price improvement too; there are none here."""

_CANDLES = re.compile(r"(kline|continuousKline)_(\w+)")


def _candles(name: str, symbol: str, kind: str, interval: str) -> Stream | None:
    """A candle stream; continuous ones are named after a pair and a kind of contract, here always the perpetual."""
    if interval not in INTERVALS:
        return None
    if kind == "kline":
        return Stream(name, Kind.KLINE, symbol, interval)
    return Stream(name, Kind.CONTINUOUS, symbol.removesuffix("_PERPETUAL"), interval) if symbol.endswith("_PERPETUAL") else None


def parse(name: str) -> Stream | None:
    """The stream of a name, None for a name that never delivers anything (unknown, or not in lower case)."""
    if name in _ALL:
        return Stream(name, _ALL[name])
    lower, _, rest = name.partition("@")
    symbol = lower.upper()
    if lower != lower.lower() or not rest:
        return None
    if rest in _SINGLE:
        return Stream(name, _SINGLE[rest], symbol)
    candles = _CANDLES.fullmatch(rest)
    if candles is not None:
        return _candles(name, symbol, candles[1], candles[2])
    found = _DEPTH.fullmatch(rest)
    if found is None:
        return None
    return Stream(name, Kind.PARTIAL if found[1] else Kind.DEPTH, symbol, found[1] or "")

"""Public REST answers to values."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.domain.candle import Candle
from shared.domain.errors import ContractViolation
from shared.domain.instrument import Instrument
from shared.domain.units import Price, Qty
from shared.exchange.fields import Row, array, decimal, number, number_or, row, rows, text, whole, whole_or
from shared.exchange.market import BookTicker, Depth, MarkPrice, Ticker24h
from shared.exchange.venues.shape import Limits

_UNBOUNDED = Decimal(10) ** 18
"""Stands for "no upper bound" where the venue writes 0."""


@dataclass(frozen=True, slots=True)
class ExchangeInfo:
    """Contracts, limits (None when the answer has none) and the rows that could not be read, with the reason."""

    instruments: dict[str, Instrument]
    limits: Limits | None
    skipped: tuple[tuple[str, str], ...]


def parse_exchange_info(payload: Any) -> ExchangeInfo:
    """`{"rateLimits": [...], "symbols": [{"symbol": "ABCUSDT", "contractType": "PERPETUAL", "filters": [...], ...}]}`.

    Quarterly and other contracts are left out. A row that does not fit is skipped and reported, so that one odd listing does
    not blind us to all others.
    """
    info = row(payload, "exchangeInfo")
    instruments: dict[str, Instrument] = {}
    skipped: list[tuple[str, str]] = []
    for entry in rows(info.get("symbols"), "exchangeInfo symbols"):
        if entry.get("contractType") != "PERPETUAL":
            continue
        try:
            instrument = parse_instrument(entry)
        except ContractViolation as error:
            skipped.append((str(entry.get("symbol")), str(error)))
        else:
            instruments[instrument.symbol] = instrument
    limits = parse_limits(info["rateLimits"]) if "rateLimits" in info else None
    return ExchangeInfo(instruments, limits, tuple(skipped))


def parse_instrument(entry: Row) -> Instrument:
    """One row of `symbols`. MARKET_LOT_SIZE falls back to LOT_SIZE."""
    symbol = text(entry, "symbol", "exchangeInfo symbol")
    what = f"exchangeInfo {symbol}"
    filters = {str(item.get("filterType")): item for item in rows(entry.get("filters"), what)}
    price = _filter(filters, "PRICE_FILTER", what)
    lot = _filter(filters, "LOT_SIZE", what)
    market = filters.get("MARKET_LOT_SIZE", lot)
    percent = _filter(filters, "PERCENT_PRICE", what)
    notional = _filter(filters, "MIN_NOTIONAL", what)
    return Instrument(
        symbol=symbol,
        base=text(entry, "baseAsset", what),
        quote=text(entry, "quoteAsset", what),
        status=text(entry, "status", what),
        tick=_step(price, "tickSize", entry, "pricePrecision", what),
        step=_step(lot, "stepSize", entry, "quantityPrecision", what),
        min_price=Price(decimal(price, "minPrice", what)),
        max_price=Price(_upper(price, "maxPrice", what)),
        min_qty=Qty(decimal(lot, "minQty", what)),
        max_qty=Qty(_upper(lot, "maxQty", what)),
        market_step=_step(market, "stepSize", entry, "quantityPrecision", what),
        market_min_qty=Qty(decimal(market, "minQty", what)),
        market_max_qty=Qty(_upper(market, "maxQty", what)),
        min_notional=decimal(notional, "notional" if "notional" in notional else "minNotional", what),
        percent_up=decimal(percent, "multiplierUp", what),
        percent_down=decimal(percent, "multiplierDown", what),
        onboard_ms=whole_or(entry, "onboardDate", 0, what),
    )


def parse_limits(payload: Any) -> Limits:
    """`[{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}, ...]`."""
    what = "rateLimits"
    found = {
        (str(item.get("rateLimitType")), str(item.get("interval")), whole(item, "intervalNum", what)): whole(item, "limit", what)
        for item in rows(payload, what)
    }
    try:
        weight, orders = found["REQUEST_WEIGHT", "MINUTE", 1], found["ORDERS", "MINUTE", 1]
    except KeyError as missing:
        raise ContractViolation(f"{what}: no entry {missing}") from None
    return Limits(weight, orders, found.get(("ORDERS", "SECOND", 10)))


def parse_klines(payload: Any, symbol: str, interval: str) -> list[Candle]:
    """`[[open_ms, "open", "high", "low", "close", "volume", close_ms, "quote volume", trades, ...], ...]`, oldest first.

    The last row may be the open candle; the caller knows the time and drops it.
    """
    what = f"klines {symbol} {interval}"
    return [_candle(item, symbol, interval, what) for item in array(payload, what)]


def _candle(item: Any, symbol: str, interval: str, what: str) -> Candle:
    """One kline row."""
    values = array(item, what)
    try:
        return Candle(
            symbol=symbol,
            interval=interval,
            open_ms=int(values[0]),
            open=float(values[1]),
            high=float(values[2]),
            low=float(values[3]),
            close=float(values[4]),
            volume=float(values[5]),
            quote_volume=float(values[7]),
            trades=int(values[8]),
        )
    except (IndexError, TypeError, ValueError) as error:
        raise ContractViolation(f"{what}: row {str(item)[:120]}: {error}") from None


def parse_tickers(payload: Any) -> list[Ticker24h]:
    """One object or an array of `{"symbol": "ABCUSDT", "lastPrice": "1.5", "priceChangePercent": "-0.5", ...}`."""
    what = "ticker/24hr"
    return [
        Ticker24h(
            symbol=text(item, "symbol", what),
            last=number(item, "lastPrice", what),
            open=number(item, "openPrice", what),
            high=number(item, "highPrice", what),
            low=number(item, "lowPrice", what),
            change_ratio=number(item, "priceChangePercent", what) / 100,
            volume=number(item, "volume", what),
            quote_volume=number(item, "quoteVolume", what),
            trades=whole(item, "count", what),
            time_ms=whole(item, "closeTime", what),
        )
        for item in one_or_many(payload, what)
    ]


def parse_book_tickers(payload: Any) -> list[BookTicker]:
    """One object or an array of `{"symbol": "ABCUSDT", "bidPrice": "1.4", "bidQty": "10", "askPrice": "1.5", ...}`."""
    what = "ticker/bookTicker"
    return [
        BookTicker(
            symbol=text(item, "symbol", what),
            bid=number(item, "bidPrice", what),
            bid_qty=number(item, "bidQty", what),
            ask=number(item, "askPrice", what),
            ask_qty=number(item, "askQty", what),
            time_ms=whole(item, "time", what),
        )
        for item in one_or_many(payload, what)
    ]


def parse_premium_index(payload: Any) -> list[MarkPrice]:
    """One object or an array of `{"symbol": "ABCUSDT", "markPrice": "1.5", "lastFundingRate": "0.0001", ...}`.

    `lastFundingRate` is what the venue predicts for `nextFundingTime`.
    """
    what = "premiumIndex"
    return [
        MarkPrice(
            symbol=text(item, "symbol", what),
            mark=number(item, "markPrice", what),
            index=number(item, "indexPrice", what),
            funding_rate=number_or(item, "lastFundingRate", 0.0, what),
            next_funding_ms=whole_or(item, "nextFundingTime", 0, what),
            time_ms=whole(item, "time", what),
        )
        for item in one_or_many(payload, what)
    ]


def parse_funding_info(payload: Any) -> list[tuple[str, int]]:
    """`[{"symbol": "ABCUSDT", "fundingIntervalHours": 4, ...}, ...]`: symbol and milliseconds between two payments.

    One venue lists the contracts that differ from its usual eight hours, the other lists all.
    """
    what = "fundingInfo"
    found = []
    for item in one_or_many(payload, what):
        hours = whole(item, "fundingIntervalHours", what)
        if hours <= 0:
            raise ContractViolation(f"{what}: expected fundingIntervalHours of 1 or more, got {hours}")
        found.append((text(item, "symbol", what), hours * 3_600_000))
    return found


def parse_depth(payload: Any, symbol: str) -> Depth:
    """`{"lastUpdateId": 1, "T": 1700000000000, "bids": [["1.4", "10"], ...], "asks": [...]}`."""
    what = f"depth {symbol}"
    book = row(payload, what)
    return Depth(
        symbol=symbol,
        last_update_id=whole(book, "lastUpdateId", what),
        bids=_levels(book.get("bids"), what),
        asks=_levels(book.get("asks"), what),
        time_ms=whole_or(book, "T", 0, what),
    )


def one_or_many(payload: Any, what: str) -> list[Row]:
    """Venues answer a single object when a symbol was named, else an array."""
    return [payload] if isinstance(payload, dict) else rows(payload, what)


def _levels(payload: Any, what: str) -> tuple[tuple[float, float], ...]:
    """Price levels."""
    try:
        return tuple((float(level[0]), float(level[1])) for level in array(payload, what))
    except (IndexError, TypeError, ValueError) as error:
        raise ContractViolation(f"{what}: a level that is not [price, quantity]: {error}") from None


def _filter(filters: dict[str, Row], name: str, what: str) -> Row:
    """A filter that every contract has."""
    if name not in filters:
        raise ContractViolation(f"{what}: filter {name!r} is missing")
    return filters[name]


def _step(source: Row, name: str, entry: Row, precision: str, what: str) -> Decimal:
    """A step; where the filter is switched off by 0, the precision of the symbol."""
    step = decimal(source, name, what)
    return step if step > 0 else Decimal(1).scaleb(-whole(entry, precision, what))


def _upper(source: Row, name: str, what: str) -> Decimal:
    """An upper bound; 0 means none."""
    return decimal(source, name, what) or _UNBOUNDED

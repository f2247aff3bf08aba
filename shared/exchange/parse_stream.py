"""Frames of the market streams to values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from shared.domain.candle import INTERVALS, Candle
from shared.domain.errors import ContractViolation
from shared.exchange.fields import Row, array, flag, number, number_or, row, text, text_or, whole, whole_or
from shared.exchange.market import AggTrade, BookTicker, KlineEvent, MarketEvent, MarkPrice, Ticker24h

_COIN_MARGINED = 2


@dataclass(frozen=True, slots=True)
class Control:
    """An answer to something we sent: `{"result": null, "id": 1}`, or an error with the venue's code and text."""

    request_id: str
    code: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Events:
    """The objects of one frame; array streams carry many in one."""

    items: tuple[Row, ...]


def unwrap(frame: str | bytes) -> Events | Control:
    """Take a frame apart: raw or combined (`{"stream": "...", "data": ...}`), one event or an array, or an answer.

    Raises:
        ContractViolation: not JSON, or neither an event nor an answer.
    """
    try:
        payload = orjson.loads(frame)
    except orjson.JSONDecodeError:
        raise ContractViolation(f"stream frame: expected JSON, got {frame[:60]!r}") from None
    if isinstance(payload, dict) and "data" in payload and "stream" in payload:
        payload = payload["data"]
    if isinstance(payload, list):
        return Events(tuple(row(item, "stream array") for item in payload))
    event = row(payload, "stream frame")
    if "e" in event:
        return Events((event,))
    return _control(event)


def parse_market_event(event: Row) -> MarketEvent | None:
    """The value of one event; None for kinds that nobody here listens to and for coin-margined rows in shared arrays."""
    if event.get("st") == _COIN_MARGINED:
        return None
    parser = _PARSERS.get(str(event.get("e")))
    return None if parser is None else parser(event)


def event_ms(event: Row) -> int:
    """When the venue sent an event."""
    return whole(event, "E", f"event {event.get('e')}")


def _kline(event: Row) -> KlineEvent:
    """`{"e": "kline", "E": ..., "s": "ABCUSDT", "k": {"t": ..., "i": "5m", "o": "1", "x": false, ...}}`."""
    what = "kline event"
    kline = row(event.get("k"), what)
    interval = text(kline, "i", what)
    if interval not in INTERVALS:
        raise ContractViolation(f"{what}: field 'i' is {interval!r}, expected one of {', '.join(INTERVALS)}")
    candle = Candle(
        symbol=text(kline, "s", what),
        interval=interval,
        open_ms=whole(kline, "t", what),
        open=number(kline, "o", what),
        high=number(kline, "h", what),
        low=number(kline, "l", what),
        close=number(kline, "c", what),
        volume=number(kline, "v", what),
        quote_volume=number(kline, "q", what),
        trades=whole(kline, "n", what),
    )
    return KlineEvent(candle, flag(kline, "x", what), whole(event, "E", what))


def _mark_price(event: Row) -> MarkPrice:
    """`{"e": "markPriceUpdate", "E": ..., "s": "ABCUSDT", "p": "1.5", "i": "1.49", "r": "0.0001", "T": ...}`."""
    what = "markPriceUpdate event"
    return MarkPrice(
        symbol=text(event, "s", what),
        mark=number(event, "p", what),
        index=number(event, "i", what),
        funding_rate=number_or(event, "r", 0.0, what),
        next_funding_ms=whole_or(event, "T", 0, what),
        time_ms=whole(event, "E", what),
    )


def _book_ticker(event: Row) -> BookTicker:
    """`{"e": "bookTicker", "s": "ABCUSDT", "b": "1.4", "B": "10", "a": "1.5", "A": "7", "T": ..., "E": ...}`."""
    what = "bookTicker event"
    return BookTicker(
        symbol=text(event, "s", what),
        bid=number(event, "b", what),
        bid_qty=number(event, "B", what),
        ask=number(event, "a", what),
        ask_qty=number(event, "A", what),
        time_ms=whole_or(event, "T", 0, what) or whole(event, "E", what),
    )


def _ticker(event: Row) -> Ticker24h:
    """`{"e": "24hrTicker", "s": "ABCUSDT", "c": "1.5", "o": "1.6", "P": "-6.25", "v": "9", "q": "14", "n": 3, "C": ...}`."""
    what = "24hrTicker event"
    return Ticker24h(
        symbol=text(event, "s", what),
        last=number(event, "c", what),
        open=number(event, "o", what),
        high=number(event, "h", what),
        low=number(event, "l", what),
        change_ratio=number(event, "P", what) / 100,
        volume=number(event, "v", what),
        quote_volume=number(event, "q", what),
        trades=whole(event, "n", what),
        time_ms=whole(event, "C", what),
    )


def _agg_trade(event: Row) -> AggTrade:
    """`{"e": "aggTrade", "E": ..., "a": 5, "s": "ABCUSDT", "p": "1.5", "q": "2", "T": ..., "m": true}`."""
    what = "aggTrade event"
    return AggTrade(
        symbol=text(event, "s", what),
        trade_id=whole(event, "a", what),
        price=number(event, "p", what),
        quantity=number(event, "q", what),
        buyer_is_maker=flag(event, "m", what),
        time_ms=whole(event, "T", what),
        event_ms=whole(event, "E", what),
    )


_PARSERS: dict[str, Callable[[Row], MarketEvent]] = {
    "kline": _kline,
    "markPriceUpdate": _mark_price,
    "bookTicker": _book_ticker,
    "24hrTicker": _ticker,
    "aggTrade": _agg_trade,
}


def _control(payload: dict[str, Any] | Row) -> Control:
    """`{"result": null, "id": 1}`, `{"error": {"code": 4, "msg": "..."}}` or `{"code": 2, "msg": "..."}`."""
    error = payload.get("error", payload)
    if isinstance(error, dict) and "code" in error:
        return Control(text_or(payload, "id", ""), whole(error, "code", "stream answer"), text_or(error, "msg", ""))
    if "id" in payload:
        if payload.get("result") is not None:
            array(payload["result"], "stream answer")
        return Control(text_or(payload, "id", ""), None, "")
    raise ContractViolation(f"stream frame: neither an event nor an answer, fields {sorted(payload)[:8]}")

"""Market-stream payloads."""

from typing import Any

from services.paper_exchange.logic.candles import Floats
from services.paper_exchange.logic.daily import Day, trade_id
from services.paper_exchange.logic.flow import Trade
from services.paper_exchange.logic.funding import implied_premium
from services.paper_exchange.logic.rules import SymbolRules
from services.paper_exchange.logic.running import Bar
from services.paper_exchange.logic.tape import Tape
from shared.domain.order import Side

Payload = dict[str, Any]


def kline(rules: SymbolRules, interval: tuple[str, int], bar: Bar, stamp: tuple[int, int], *, closed: bool) -> Payload:
    """A kline event. `interval` is (name, length in ms), `stamp` is (event time, first trade id)."""
    event_ms, first_id = stamp
    show, amount = rules.show_price, rules.show_qty
    spent = f".{max(rules.price_places, 2)}f"
    return {
        "e": "kline",
        "E": event_ms,
        "s": rules.symbol,
        "k": {
            "t": bar.start_ms,
            "T": bar.start_ms + interval[1] - 1,
            "s": rules.symbol,
            "i": interval[0],
            "f": first_id,
            "L": first_id + max(bar.count - 1, 0),
            "o": show(bar.open),
            "c": show(bar.close),
            "h": show(bar.high),
            "l": show(bar.low),
            "v": amount(bar.volume),
            "n": bar.count,
            "x": closed,
            "q": format(bar.quote, spent),
            "V": amount(bar.volume / 2),
            "Q": format(bar.quote / 2, spent),
            "B": "0",
        },
    }


def book_ticker(tape: Tape, row: int, now_ms: int) -> Payload:
    """A bookTicker event."""
    rules = tape.rules[row]
    bid, bid_qty, ask, ask_qty = tape.book(row)
    return {
        "e": "bookTicker",
        "u": update_id(tape),
        "s": rules.symbol,
        "ps": rules.symbol,
        "b": rules.show_price(bid),
        "B": rules.show_qty(bid_qty),
        "a": rules.show_price(ask),
        "A": rules.show_qty(ask_qty),
        "T": now_ms,
        "E": now_ms,
        "st": 1,
    }


def update_id(tape: Tape) -> int:
    """Book update number: ten per point of the path, the same for every contract."""
    return tape.moment() * 10


def mark_price(rules: SymbolRules, prices: tuple[float, float | None], funding: tuple[float, int], now_ms: int) -> Payload:
    """A markPriceUpdate event; `prices` is (mark, recorded index), `funding` is (predicted rate, next funding time).

    The settlement price follows the mark; an index that was not recorded stands where it explains the rate.
    """
    mark, index = prices
    price = f"{mark:.8f}"
    index = mark / (1 + implied_premium(funding[0])) if index is None else index
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": rules.symbol,
        "p": price,
        "ap": price,
        "P": price,
        "i": f"{index:.8f}",
        "r": f"{funding[0]:.8f}",
        "T": funding[1],
        "st": 1,
    }


def mini_ticker(rules: SymbolRules, day: Day, now_ms: int) -> Payload:
    """A 24hrMiniTicker event."""
    show = rules.show_price
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": rules.symbol,
        "ps": rules.symbol,
        "c": show(day.last),
        "o": show(day.open),
        "h": show(day.high),
        "l": show(day.low),
        "v": rules.show_qty(day.volume),
        "q": f"{day.quote:.2f}",
        "st": 1,
    }


def ticker(rules: SymbolRules, day: Day, now_ms: int) -> Payload:
    """A 24hrTicker event."""
    show = rules.show_price
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": rules.symbol,
        "ps": rules.symbol,
        "p": show(day.change),
        "P": f"{day.change_percent:.3f}",
        "w": show(day.average),
        "c": show(day.last),
        "Q": rules.show_qty(day.last_qty),
        "o": show(day.open),
        "h": show(day.high),
        "l": show(day.low),
        "v": rules.show_qty(day.volume),
        "q": f"{day.quote:.2f}",
        "O": day.open_ms,
        "C": day.close_ms,
        "F": day.first_id,
        "L": day.first_id + max(day.count - 1, 0),
        "n": day.count,
        "st": 1,
    }


def agg_trades(tape: Tape, row: int, now_ms: int) -> list[Payload]:
    """The aggTrade events of a point: the recorded trades on the way to the present point, else one for what traded there."""
    ticked = tape.ticked(row)
    if ticked is not None:
        return [_agg_event(tape, row, recorded_trade(tape.rules[row], ticked.table[:, place])) for place in ticked.prints(tape.point)]
    volume, _, count = tape.traded(row)
    rules = tape.rules[row]
    step = float(rules.step)
    part = max(step, int(volume / (tape.point + 1) / step) * step)
    if not volume:
        return []
    first = trade_id(tape, tape.column) + count
    amount = rules.show_qty(part)
    body = {"a": update_id(tape), "p": rules.show_price(float(tape.price[row])), "q": amount, "nq": amount, "f": first, "l": first}
    return [_agg_event(tape, row, {**body, "T": now_ms, "m": (tape.column + tape.point + row) % 2 == 0})]


def recorded_trade(rules: SymbolRules, event: Floats) -> Payload:
    """A row of `aggTrades`; its number is that of its first trade."""
    amount = rules.show_qty(float(event[Trade.QTY]))
    return {
        "a": int(event[Trade.FIRST]),
        "p": rules.show_price(float(event[Trade.PRICE])),
        "q": amount,
        "nq": amount,
        "f": int(event[Trade.FIRST]),
        "l": int(event[Trade.LAST]),
        "T": int(event[Trade.TIME]),
        "m": bool(event[Trade.MAKER]),
    }


def _agg_event(tape: Tape, row: int, body: Payload) -> Payload:
    return {"e": "aggTrade", "E": body["T"], "s": tape.rules[row].symbol, **body, "st": 1}


def trades(tape: Tape, row: int, now_ms: int) -> list[Payload]:
    """Trade events; one for each aggTrade."""
    return [
        {
            "e": "trade",
            "E": joined["E"],
            "T": joined["T"],
            "s": joined["s"],
            "t": joined["f"],
            "p": joined["p"],
            "q": joined["q"],
            "X": "MARKET",
            "m": joined["m"],
            "st": 1,
        }
        for joined in agg_trades(tape, row, now_ms)
    ]


def continuous(event: Payload) -> Payload:
    """A continuous_kline event of the perpetual from its kline event."""
    candle = {name: value for name, value in event["k"].items() if name != "s"}
    return {"e": "continuous_kline", "E": event["E"], "ps": event["s"], "ct": "PERPETUAL", "k": candle}


def depth(tape: Tape, row: int, now_ms: int, sides: tuple[list[list[str]], list[list[str]]]) -> Payload:
    """A depthUpdate event, for diffs and for partial books; `sides` is (bids, asks)."""
    number, symbol = update_id(tape), tape.rules[row].symbol
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": now_ms,
        "s": symbol,
        "ps": symbol,
        "U": number - 9,
        "u": number,
        "pu": number - 10,
        "b": sides[0],
        "a": sides[1],
        "st": 1,
    }


def book_levels(tape: Tape, row: int, most: int) -> tuple[list[list[str]], list[list[str]]]:
    """(bids, asks) of the modelled book as [price, quantity] texts, best first."""
    rules = tape.rules[row]
    quote = tape.quote(rules.symbol)
    if quote is None:
        return [], []
    sides = [
        [[rules.show_price(price), rules.show_qty(quantity)] for price, quantity in quote.levels(side)][:most]
        for side in (Side.SELL, Side.BUY)
    ]
    return sides[0], sides[1]


def depth_change(
    before: tuple[list[list[str]], list[list[str]]], after: tuple[list[list[str]], list[list[str]]]
) -> tuple[list[list[str]], list[list[str]]]:
    """What turns one book into the other: new quantities, and quantity 0 for prices that are gone."""
    changed: list[list[list[str]]] = []
    for old, new in zip(before, after, strict=True):
        prices = {level[0]: level[1] for level in new}
        gone = [[price, "0"] for price, _ in old if price not in prices]
        known = {level[0]: level[1] for level in old}
        changed.append([level for level in new if known.get(level[0]) != level[1]] + gone)
    return changed[0], changed[1]

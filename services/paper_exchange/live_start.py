"""Starting a live mirror: one look at the upstream, or a clear word why there is none."""

import logging
from dataclasses import replace
from typing import Any

import httpx

from services.paper_exchange.exchange import Exchange
from services.paper_exchange.live_market import LiveMarket
from services.paper_exchange.live_prices import BadFrame, LivePrices, Price, number
from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.desk import Desk, Market
from services.paper_exchange.logic.rules import SymbolRules, read_rules
from services.paper_exchange.markets import FEES, restore_account
from services.paper_exchange.options import Options
from services.paper_exchange.store import Store
from services.paper_exchange.wall import Wall
from shared.domain.errors import ConfigError

_LOG = logging.getLogger("mraster.paper_exchange")
_TIMEOUT = httpx.Timeout(8.0, connect=3.0)
_PATHS = ("exchangeInfo", "premiumIndex", "ticker/bookTicker", "ticker/price", "time")


async def look(options: Options) -> dict[str, Any]:
    """What the upstream says right now.

    Raises:
        ConfigError: it does not answer, or not like a Binance-compatible venue.
    """
    base = options.upstream.rstrip("/")
    try:
        async with httpx.AsyncClient(base_url=base, timeout=_TIMEOUT) as client:
            found = {}
            for path in _PATHS:
                answer = await client.get(f"/fapi/v1/{path}")
                answer.raise_for_status()
                found[path] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"the upstream venue {base} does not answer ({reason}): expected a Binance-compatible REST API; "
            "check the address and the network, or use recorded or synthetic prices"
        ) from error
    return found


def _rules(found: dict[str, Any], wanted: tuple[str, ...], base: str) -> dict[str, SymbolRules]:
    """Rules of the listed perpetuals; rows without the usual fields are left out, as the venue's own clients do."""
    rules = {}
    try:
        rows = [row for row in found["exchangeInfo"]["symbols"] if row.get("baseAsset") and row.get("filters")]
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"the upstream venue {base} lists no contracts in exchangeInfo; expected a Binance-compatible REST API"
        ) from error
    for row in rows:
        try:
            if not wanted or row["symbol"] in wanted:
                rules[row["symbol"]] = read_rules(row)
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            _LOG.warning("contract %s left out: %r", row.get("symbol"), error)
    return rules


def first_prices(found: dict[str, Any], rules: dict[str, SymbolRules], wall: Wall) -> LivePrices:
    """Prices from the first look; a contract that cannot be read has none."""
    prices = LivePrices(rules, wall)
    add_prices(prices, found)
    return prices


def add_prices(prices: LivePrices, found: dict[str, Any]) -> None:
    """Take in contracts whose price is not known yet."""
    last, books = _by_symbol(found["ticker/price"]), _by_symbol(found["ticker/bookTicker"])
    for symbol, row in _by_symbol(found["premiumIndex"]).items():
        if symbol in prices.rules and symbol not in prices.prices and symbol in last and symbol in books:
            try:
                prices.prices[symbol] = _price(last[symbol], row, books[symbol], prices.wall.wall_ms())
            except (BadFrame, KeyError, TypeError, ValueError) as error:
                _LOG.warning("no price of %s: %r", symbol, error)


def _by_symbol(rows: Any) -> dict[str, dict[str, Any]]:
    return {row["symbol"]: row for row in rows if isinstance(row, dict) and "symbol" in row} if isinstance(rows, list) else {}


def _price(last: dict[str, Any], row: dict[str, Any], book: dict[str, Any], now: int) -> Price:
    return Price(
        last=number(last["price"]),
        mark=number(row["markPrice"]),
        bid=number(book["bidPrice"]),
        ask=number(book["askPrice"]),
        bid_qty=number(book["bidQty"], zero=True),
        ask_qty=number(book["askQty"], zero=True),
        seen_ms=now,
        book_ms=now,
        last_ms=now,
        rate=float(row.get("lastFundingRate") or 0.0),
        next_funding_ms=int(row.get("nextFundingTime") or 0),
    )


async def look_again(options: Options, prices: LivePrices, rules: dict[str, SymbolRules]) -> None:
    """Bring the contracts up to date: new ones come in, those that are gone take no orders any more.

    Raises:
        ConfigError: the upstream does not answer, or lists nothing; everything stays as it is.
    """
    found = await look(options)
    fresh = _rules(found, options.symbols, options.upstream)
    if not fresh:
        raise ConfigError(f"the upstream venue {options.upstream} lists no contract any more; that is not believed")
    for symbol in rules.keys() - fresh.keys():
        rules[symbol] = replace(rules[symbol], status="CLOSE")
    rules.update(fresh)
    add_prices(prices, found)


async def build_live(options: Options, store: Store, wall: Wall) -> Exchange:
    """An exchange that mirrors the upstream.

    Raises:
        ConfigError: the upstream does not answer, or does not list a wanted symbol.
    """
    found = await look(options)
    rules = _rules(found, options.symbols, options.upstream)
    missing = [name for name in options.symbols if name not in rules]
    if missing:
        raise ConfigError(f"{options.upstream} does not list {', '.join(missing)}")
    prices = first_prices(found, rules, wall)
    ladders: dict[str, brackets.Ladder] = {}
    desk = Desk(Market(rules=rules, ladders=ladders, quotes=prices.quote), FEES[options.dialect], options.dialect, options.seed)
    exchange = Exchange(options, desk, store, wall)
    offset = _server_time(found, options.upstream) - wall.wall_ms()
    head = {key: value for key, value in found["exchangeInfo"].items() if key != "symbols"}
    desk.time_ms = wall.wall_ms() + offset
    market = LiveMarket(exchange, prices, head, offset)
    market.look_again = lambda: look_again(options, prices, rules)
    exchange.market = market
    restore_account(exchange)
    market.watch()
    return exchange


def _server_time(found: dict[str, Any], base: str) -> int:
    time_ms = found["time"].get("serverTime") if isinstance(found["time"], dict) else None
    if not isinstance(time_ms, int):
        raise ConfigError(f"the upstream venue {base} does not tell its time; expected a Binance-compatible REST API")
    return time_ms

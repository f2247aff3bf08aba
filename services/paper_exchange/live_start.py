"""Starting a live mirror: one look at the upstream, or a clear word why there is none."""

from decimal import Decimal
from typing import Any

import httpx

from services.paper_exchange.exchange import Exchange
from services.paper_exchange.live_market import LiveMarket, LivePrices, Price
from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.desk import Desk, Market
from services.paper_exchange.logic.rules import SymbolRules, read_rules
from services.paper_exchange.markets import FEES, restore_account
from services.paper_exchange.options import Options
from services.paper_exchange.store import Store
from services.paper_exchange.wall import Wall
from shared.domain.errors import ConfigError

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


def _rules(rows: list[dict[str, Any]], wanted: tuple[str, ...]) -> dict[str, SymbolRules]:
    """Rules of the listed perpetuals; rows without the usual fields are left out, as the venue's own clients do."""
    return {
        row["symbol"]: read_rules(row)
        for row in rows
        if row.get("baseAsset") and row.get("filters") and (not wanted or row["symbol"] in wanted)
    }


def first_prices(found: dict[str, Any], rules: dict[str, SymbolRules], wall: Wall) -> LivePrices:
    """Prices from the first look."""
    prices = LivePrices(rules, wall)
    last = {row["symbol"]: Decimal(row["price"]) for row in found["ticker/price"]}
    books = {row["symbol"]: row for row in found["ticker/bookTicker"]}
    now = wall.wall_ms()
    for row in found["premiumIndex"]:
        symbol = row["symbol"]
        if symbol in rules and symbol in last and symbol in books:
            book = books[symbol]
            prices.prices[symbol] = Price(
                last=last[symbol],
                mark=Decimal(row["markPrice"]),
                bid=Decimal(book["bidPrice"]),
                ask=Decimal(book["askPrice"]),
                bid_qty=Decimal(book["bidQty"]),
                ask_qty=Decimal(book["askQty"]),
                seen_ms=now,
                book_ms=now,
                rate=float(row["lastFundingRate"] or 0.0),
                next_funding_ms=int(row["nextFundingTime"]),
            )
    return prices


async def build_live(options: Options, store: Store, wall: Wall) -> Exchange:
    """An exchange that mirrors the upstream.

    Raises:
        ConfigError: the upstream does not answer, or does not list a wanted symbol.
    """
    found = await look(options)
    rules = _rules(found["exchangeInfo"]["symbols"], options.symbols)
    missing = [name for name in options.symbols if name not in rules]
    if missing:
        raise ConfigError(f"{options.upstream} does not list {', '.join(missing)}")
    prices = first_prices(found, rules, wall)
    ladders: dict[str, brackets.Ladder] = {}
    desk = Desk(Market(rules=rules, ladders=ladders, quotes=prices.quote), FEES[options.dialect], options.dialect, options.seed)
    exchange = Exchange(options, desk, store, wall)
    offset = int(found["time"]["serverTime"]) - wall.wall_ms()
    head = {key: value for key, value in found["exchangeInfo"].items() if key != "symbols"}
    desk.time_ms = wall.wall_ms() + offset
    market = LiveMarket(exchange, prices, head, offset)
    exchange.market = market
    restore_account(exchange)
    market.watch()
    return exchange

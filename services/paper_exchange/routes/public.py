"""Market data endpoints of a candle-driven market."""

from typing import Any

from services.paper_exchange.call import Call, Route, Security
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import reject
from services.paper_exchange.logic.spec import Dialect
from shared.domain.candle import INTERVALS


def ping(_call: Call) -> dict[str, Any]:
    """GET ping."""
    return {}


def server_time(call: Call) -> dict[str, Any]:
    """GET time."""
    return {"serverTime": call.exchange.now_ms() + call.exchange.skew()}


def exchange_info(call: Call) -> dict[str, Any]:
    """GET exchangeInfo."""
    return call.exchange.face.exchange_info()


def _symbol(call: Call) -> str:
    symbol = call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    return symbol


def _interval(params: Params) -> str:
    name = params.need("interval")
    if name not in {*INTERVALS, "1M"}:
        raise reject(-1120)
    return name


def _span(params: Params) -> tuple[int | None, int | None]:
    return params.integer("startTime"), params.integer("endTime")


def klines(call: Call) -> list[Any]:
    """GET klines."""
    params = call.params
    return call.exchange.face.klines(_symbol(call), _interval(params), _span(params), params.bounded("limit", 500, 1500))


def continuous_klines(call: Call) -> list[Any]:
    """GET continuousKlines: of the perpetual, the only contract of a pair here."""
    params = call.params
    pair = params.need("pair").upper()
    call.exchange.desk.market.rule(pair)
    if params.need("contractType").upper() != "PERPETUAL":
        raise reject(-1130, name="contractType")
    return call.exchange.face.klines(pair, _interval(params), _span(params), params.bounded("limit", 500, 1500))


def price_klines(call: Call) -> list[Any]:
    """GET markPriceKlines, indexPriceKlines, premiumIndexKlines: candles of the mark, without volume."""
    params = call.params
    symbol = (params.text("symbol") or params.text("pair") or "").upper()
    if not symbol:
        raise reject(-1102, name="pair" if "index" in call.raw.path else "symbol")
    call.exchange.desk.market.rule(symbol)
    premium, face = "premium" in call.raw.path, call.exchange.face
    build = face.index_klines if "indexPrice" in call.raw.path else face.mark_klines
    rows = build(symbol, _interval(params), _span(params), params.bounded("limit", 500, 1500))
    shown = []
    for row in rows:
        prices = ["0.00000000"] * 4 if premium else row[1:5]
        shown.append([row[0], *prices, "0", row[6], "0", row[8], "0", "0", "0"])
    return shown


def _one_or_all(call: Call, one: Any) -> Any:
    """A row for a symbol, or the rows of all contracts that have traded."""
    if "symbol" in call.params:
        return one(_symbol(call))
    return [row for row in map(one, call.exchange.desk.market.rules) if row is not None]


def premium_index(call: Call) -> Any:
    """GET premiumIndex."""
    return _one_or_all(call, call.exchange.face.premium)


def ticker_24h(call: Call) -> Any:
    """GET ticker/24hr."""
    return _one_or_all(call, call.exchange.face.day)


def ticker_price(call: Call) -> Any:
    """GET ticker/price."""
    return _one_or_all(call, call.exchange.face.price)


def book_ticker(call: Call) -> Any:
    """GET ticker/bookTicker."""
    return _one_or_all(call, call.exchange.face.best)


def depth(call: Call) -> dict[str, Any]:
    """GET depth."""
    symbol = _symbol(call)
    limit = call.params.integer("limit")
    if limit is not None and limit not in {5, 10, 20, 50, 100, 500, 1000}:
        raise reject(-1130, name="limit")
    return call.exchange.face.depth(symbol, limit or 500)


def funding_rate(call: Call) -> list[Any]:
    """GET fundingRate."""
    params, exchange = call.params, call.exchange
    span, limit = _span(params), params.bounded("limit", 100, 1000)
    names = [_symbol(call)] if "symbol" in params else exchange.desk.market.rules
    rows = [row for name in names for row in exchange.face.funding_rates(name, span, limit)]
    rows.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
    return rows[:limit] if span[0] is not None else rows[-limit:]


def funding_info(call: Call) -> list[Any]:
    """GET fundingInfo."""
    return call.exchange.face.funding_info()


def open_interest(call: Call) -> dict[str, Any]:
    """GET openInterest."""
    return call.exchange.face.open_interest(_symbol(call))


def agg_trades(call: Call) -> list[Any]:
    """GET aggTrades: only the last 48 hours (-4166)."""
    symbol = _symbol(call)
    start, end = _span(call.params)
    oldest = call.exchange.now_ms() - 2 * 86_400_000
    if (start is not None and start < oldest) or (end is not None and end < oldest):
        raise reject(-4166)
    return call.exchange.face.agg_trades(symbol, (start, end), call.params.bounded("limit", 500, 1000))


def trades(call: Call) -> list[Any]:
    """GET trades: the newest public trades."""
    rows = call.exchange.face.agg_trades(_symbol(call), (None, None), call.params.bounded("limit", 500, 1000))
    return [
        {
            "id": row["f"],
            "price": row["p"],
            "qty": row["q"],
            "quoteQty": f"{float(row['p']) * float(row['q']):.2f}",
            "time": row["T"],
            "isBuyerMaker": row["m"],
        }
        for row in rows
    ]


def _kline_weight(params: Params) -> int:
    """1, 2, 5 or 10 by limit; without one 5 (measured: 1..100, 101..500, 501..1000, 1001..1500)."""
    limit = params.text("limit")
    if limit is None or not limit.isdigit():
        return 5
    return next((weight for most, weight in ((100, 1), (500, 2), (1000, 5)) if int(limit) <= most), 10)


def _depth_weight(params: Params) -> int:
    limit = params.text("limit")
    if limit is None or not limit.isdigit():
        return 1
    return next((weight for most, weight in ((50, 2), (100, 5), (500, 10)) if int(limit) <= most), 20)


def _all_costs(one: int, every: int) -> Any:
    def weight(params: Params) -> int:
        return one if "symbol" in params else every

    return weight


def table(dialect: Dialect) -> dict[tuple[str, str], Route]:
    """The public routes; Aster answers all of them under /fapi/v3 too."""
    aster = dialect is Dialect.ASTER
    plain = {
        "ping": Route(ping),
        "time": Route(server_time),
        "exchangeInfo": Route(exchange_info, mirrored=True),
        "klines": Route(klines, weight=_kline_weight, mirrored=True),
        "continuousKlines": Route(continuous_klines, weight=_kline_weight, mirrored=True),
        "markPriceKlines": Route(price_klines, weight=_kline_weight, mirrored=True),
        "indexPriceKlines": Route(price_klines, weight=_kline_weight, mirrored=True),
        "premiumIndexKlines": Route(price_klines, weight=_kline_weight, mirrored=True),
        "premiumIndex": Route(premium_index, weight=1 if aster else _all_costs(1, 10), mirrored=True),
        "ticker/24hr": Route(ticker_24h, weight=_all_costs(1, 40), mirrored=True),
        "ticker/price": Route(ticker_price, weight=_all_costs(1, 2), mirrored=True),
        "ticker/bookTicker": Route(book_ticker, weight=_all_costs(1, 2) if aster else _all_costs(2, 5), mirrored=True),
        "depth": Route(depth, weight=_depth_weight, mirrored=True),
        "aggTrades": Route(agg_trades, weight=20, mirrored=True),
        "trades": Route(trades, weight=1 if aster else 5, mirrored=True),
        "historicalTrades": Route(trades, Security.KEY, 20 if aster else 200, mirrored=True),
        "fundingRate": Route(funding_rate, weight=1 if aster else 0, mirrored=True),
        "fundingInfo": Route(funding_info, weight=0, mirrored=True),
    }
    if not aster:
        plain["openInterest"] = Route(open_interest, mirrored=True)
    routes = {("GET", f"/fapi/v1/{name}"): route for name, route in plain.items()}
    routes |= {("GET", f"/fapi/v2/{name}"): plain[name] for name in ("ticker/price",)}
    if aster:
        routes |= {("GET", f"/fapi/v3/{name}"): route for name, route in plain.items()}
    return routes

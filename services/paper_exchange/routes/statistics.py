"""Market statistics of Binance beside the trading API: `/futures/data`, the index and what is known about the ADL queue.

There is nobody else in this market, so long and short accounts are even and the ADL risk is low; open interest is the model of
`openInterest`, taker volume and basis come from the candles.
"""

from typing import Any

from services.paper_exchange.call import Call, Route
from services.paper_exchange.logic.reject import reject

Body = dict[str, Any]

_PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
_EVEN = "0.5000"


def _rows(call: Call, name: str) -> tuple[str, list[Any]]:
    """(symbol, candles) of a statistics request: period, limit (30, at most 500), startTime and endTime."""
    params = call.params
    symbol = params.need(name).upper()
    call.exchange.desk.market.rule(symbol)
    period = params.need("period")
    if period not in _PERIODS:
        raise reject(-1130, name="period")
    span = params.integer("startTime"), params.integer("endTime")
    return symbol, call.exchange.face.klines(symbol, period, span, params.bounded("limit", 30, 500))


def open_interest_history(call: Call) -> list[Body]:
    """GET openInterestHist."""
    symbol, rows = _rows(call, "symbol")
    amount = float(call.exchange.face.open_interest(symbol)["openInterest"])
    return [
        {
            "symbol": symbol,
            "sumOpenInterest": f"{amount:.8f}",
            "sumOpenInterestValue": f"{amount * float(row[1]):.8f}",
            "timestamp": row[0],
        }
        for row in rows
    ]


def long_short(call: Call) -> list[Body]:
    """GET globalLongShortAccountRatio, topLongShortAccountRatio, topLongShortPositionRatio."""
    symbol, rows = _rows(call, "symbol")
    even = {"symbol": symbol, "longShortRatio": "1.0000", "longAccount": _EVEN, "shortAccount": _EVEN}
    return [{**even, "timestamp": row[0]} for row in rows]


def taker_volume(call: Call) -> list[Body]:
    """GET takerlongshortRatio."""
    found = []
    for row in _rows(call, "symbol")[1]:
        bought, sold = float(row[9]), float(row[5]) - float(row[9])
        ratio = bought / sold if sold > 0 else 0.0
        found.append({"buySellRatio": f"{ratio:.4f}", "buyVol": f"{bought:.4f}", "sellVol": f"{sold:.4f}", "timestamp": row[0]})
    return found


def basis(call: Call) -> list[Body]:
    """GET basis: the perpetual against its index."""
    if call.params.need("contractType").upper() != "PERPETUAL":
        raise reject(-1130, name="contractType")
    pair, rows = _rows(call, "pair")
    premium = call.exchange.face.premium(pair)
    rate = 0.0 if premium is None else float(premium["markPrice"]) / float(premium["indexPrice"]) - 1
    found = []
    for row in rows:
        price = float(row[1])
        index = price / (1 + rate)
        found.append(
            {
                "indexPrice": f"{index:.8f}",
                "contractType": "PERPETUAL",
                "basisRate": f"{rate:.4f}",
                "futuresPrice": row[1],
                "annualizedBasisRate": "",
                "basis": f"{price - index:.8f}",
                "pair": pair,
                "timestamp": row[0],
            }
        )
    return found


def _symbol(call: Call) -> str:
    symbol = call.params.symbol()
    call.exchange.desk.market.rule(symbol)
    return symbol


def constituents(call: Call) -> Body:
    """GET constituents: the index has one source, this venue."""
    symbol = _symbol(call)
    premium = call.exchange.face.premium(symbol)
    price = "0.00000000" if premium is None else premium["indexPrice"]
    one = {"exchange": "binance", "symbol": symbol, "price": price, "weight": "1.00000000"}
    return {"symbol": symbol, "time": call.exchange.now_ms(), "constituents": [one]}


def index_info(_call: Call) -> list[Body]:
    """GET indexInfo: there is no composite index here."""
    return []


def asset_index(call: Call) -> Any:
    """GET assetIndex: the margin asset, which is worth one dollar."""
    zero, one = "0.00000000", "1.00000000"
    row: Body = {"symbol": "USDTUSD", "time": call.exchange.now_ms(), "index": one, "bidBuffer": zero, "askBuffer": zero, "bidRate": one}
    row |= {"askRate": one, "autoExchangeBidBuffer": zero, "autoExchangeAskBuffer": zero}
    row |= {"autoExchangeBidRate": one, "autoExchangeAskRate": one}
    symbol = call.params.text("symbol")
    if symbol is None:
        return [row]
    if symbol.upper() != row["symbol"]:
        raise reject(-1121)
    return row


def adl_risk(call: Call) -> Any:
    """GET symbolAdlRisk."""
    now = call.exchange.now_ms()
    names = [_symbol(call)] if "symbol" in call.params else sorted(call.exchange.desk.market.rules)
    rows = [{"symbol": name, "adlRisk": "low", "updateTime": now} for name in names]
    return rows[0] if "symbol" in call.params else rows


def rpi_depth(call: Call) -> Body:
    """GET rpiDepth: the book; nobody places RPI orders here."""
    limit = call.params.integer("limit")
    if limit not in {None, 1000}:
        raise reject(-1130, name="limit")
    return call.exchange.face.depth(_symbol(call), 1000)


def table() -> dict[tuple[str, str], Route]:
    """Statistics routes of Binance; a live mirror passes them on."""
    data = {
        "openInterestHist": open_interest_history,
        "globalLongShortAccountRatio": long_short,
        "topLongShortAccountRatio": long_short,
        "topLongShortPositionRatio": long_short,
        "takerlongshortRatio": taker_volume,
        "basis": basis,
    }
    routes = {("GET", f"/futures/data/{name}"): Route(handler, weight=0, mirrored=True) for name, handler in data.items()}
    routes[("GET", "/fapi/v1/constituents")] = Route(constituents, weight=2, mirrored=True)
    routes[("GET", "/fapi/v1/indexInfo")] = Route(index_info, mirrored=True)
    routes[("GET", "/fapi/v1/assetIndex")] = Route(asset_index, mirrored=True)
    routes[("GET", "/fapi/v1/symbolAdlRisk")] = Route(adl_risk, mirrored=True)
    routes[("GET", "/fapi/v1/rpiDepth")] = Route(rpi_depth, weight=20, mirrored=True)
    return routes

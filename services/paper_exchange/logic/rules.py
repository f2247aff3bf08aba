"""What one contract allows, read from its row in `exchangeInfo`, and such a row derived from prices where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.domain.units import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """The filters of one contract as exact numbers; `row` is what `exchangeInfo` shows."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    price_places: int
    min_price: Decimal
    max_price: Decimal
    step: Decimal
    qty_places: int
    min_qty: Decimal
    max_qty: Decimal
    market_step: Decimal
    market_min_qty: Decimal
    market_max_qty: Decimal
    min_notional: Decimal
    percent_up: Decimal
    percent_down: Decimal
    max_orders: int
    max_algo_orders: int
    trigger_protect: Decimal
    market_bound: Decimal
    liquidation_fee: Decimal
    status: str
    row: Mapping[str, Any]

    def show_price(self, price: Decimal | float) -> str:
        """A price with the number of decimals that the venue shows."""
        return f"{price:.{self.price_places}f}"

    def show_qty(self, quantity: Decimal | float) -> str:
        """A quantity with the number of decimals that the venue shows."""
        return f"{quantity:.{self.qty_places}f}"


def _number(row: Mapping[str, Any], name: str, default: str) -> Decimal:
    return Decimal(str(row.get(name, default)))


def read_rules(row: Mapping[str, Any]) -> SymbolRules:
    """Rules of one `exchangeInfo` row.

    Raises:
        KeyError: a filter that every contract has is missing.
    """
    filters = {item["filterType"]: item for item in row["filters"]}
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    market = filters.get("MARKET_LOT_SIZE", lot)
    notional, percent = filters.get("MIN_NOTIONAL", {}), filters.get("PERCENT_PRICE", {})
    return SymbolRules(
        symbol=row["symbol"],
        base=row["baseAsset"],
        quote=row["quoteAsset"],
        tick=Decimal(price["tickSize"]),
        price_places=int(row["pricePrecision"]),
        min_price=Decimal(price["minPrice"]),
        max_price=Decimal(price["maxPrice"]),
        step=Decimal(lot["stepSize"]),
        qty_places=int(row["quantityPrecision"]),
        min_qty=Decimal(lot["minQty"]),
        max_qty=Decimal(lot["maxQty"]),
        market_step=Decimal(market["stepSize"]),
        market_min_qty=Decimal(market["minQty"]),
        market_max_qty=Decimal(market["maxQty"]),
        min_notional=Decimal(str(notional.get("notional", notional.get("minNotional", "5")))),
        percent_up=_number(percent, "multiplierUp", "1.05"),
        percent_down=_number(percent, "multiplierDown", "0.95"),
        max_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("limit", 200)),
        max_algo_orders=int(filters.get("MAX_NUM_ALGO_ORDERS", {}).get("limit", 100)),
        trigger_protect=_number(row, "triggerProtect", "0.05"),
        market_bound=_number(row, "marketTakeBound", "0.05"),
        liquidation_fee=_number(row, "liquidationFee", "0.0125"),
        status=row["status"],
        row=row,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the data tell about a contract: decimals of its prices and volumes, a typical price, when it began."""

    symbol: str
    price_places: int
    qty_places: int
    price: float
    onboard_ms: int


def derive_row(seen: Observed) -> dict[str, Any]:
    """An `exchangeInfo` row for a contract that only data are known of.

    Tick and step are one unit of the last decimal place that occurs in its prices and volumes; the rest are the
    venue's usual values: 5 USDT minimum notional, a market order of at most about 2 million USDT, prices within
    5 % of the mark.
    """
    quote = next((name for name in ("USDT", "USDC", "USD1", "BUSD") if seen.symbol.endswith(name)), "USDT")
    tick, step = Decimal(1).scaleb(-seen.price_places), Decimal(1).scaleb(-seen.qty_places)
    most = max(Decimal(1), (Decimal(10_000_000) / Decimal(repr(seen.price or 1.0))).quantize(Decimal(1)))
    max_price = Decimal(repr(seen.price or 1.0)) * 50
    lot = {"minQty": plain(step), "stepSize": plain(step)}
    filters: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format(tick, "f"),
            "maxPrice": plain(max_price.quantize(Decimal(1)) + 1),
            "tickSize": format(tick, "f"),
        },
        {"filterType": "LOT_SIZE", **lot, "maxQty": plain(most)},
        {"filterType": "MARKET_LOT_SIZE", **lot, "maxQty": plain(max(step, (most / 5).quantize(step)))},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]
    return {**_frame(seen, quote), "filters": filters, **_kinds()}


def _frame(seen: Observed, quote: str) -> dict[str, Any]:
    return {
        "symbol": seen.symbol,
        "pair": seen.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": seen.onboard_ms,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": seen.symbol.removesuffix(quote) or seen.symbol,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": seen.price_places,
        "quantityPrecision": seen.qty_places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
    }


def _kinds() -> dict[str, Any]:
    return {
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": ["GRID", "COPY"],
    }

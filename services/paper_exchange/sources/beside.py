"""Files that may lie beside recorded klines: contracts, leverage brackets, funding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.candles import Floats, Grid
from services.paper_exchange.logic.funding import FundingTrack
from services.paper_exchange.logic.rules import Observed, SymbolRules, derive_row, read_rules
from services.paper_exchange.logic.synthetic import Coin
from shared.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Listing:
    """Contracts of a market: rules in the order of the grid's rows, brackets, and the head of `exchangeInfo`."""

    rules: list[SymbolRules]
    ladders: Mapping[str, brackets.Ladder]
    head: Mapping[str, Any]
    fundings: Mapping[str, FundingTrack] = field(default_factory=dict)


HEAD: dict[str, Any] = {
    "timezone": "UTC",
    "futuresType": "U_MARGINED",
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
    ],
    "exchangeFilters": [],
    "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not readable as JSON ({error}); expected what the venue's REST endpoint answers") from error


def list_contracts(grid: Grid, directory: Path) -> Listing:
    """Rules for every contract of a grid.

    `exchange_info.json` and `leverage_brackets.json` in `directory` are used when they are there. A contract that is not in
    them, or whose recorded prices do not fit its tick, gets rules derived from its data (`logic.rules.derive_row`).

    Raises:
        ConfigError: one of the two files cannot be read.
    """
    info = directory / "exchange_info.json"
    known = {row["symbol"]: row for row in _read_json(info)["symbols"]} if info.is_file() else {}
    rules = [_rules(grid, row, known.get(symbol)) for row, symbol in enumerate(grid.symbols)]
    file = directory / "leverage_brackets.json"
    rows = _read_json(file) if file.is_file() else []
    ladders = {row["symbol"]: brackets.read_ladder(row) for row in rows if row["symbol"] in grid.symbols}
    return Listing(rules, ladders, HEAD)


def _rules(grid: Grid, row: int, listed: Mapping[str, Any] | None) -> SymbolRules:
    sample = _sample(grid, row)
    if listed is not None:
        rules = read_rules({**listed, "status": "TRADING"})
        if _fits(sample, float(rules.tick)):
            return rules
    known = np.flatnonzero(~np.isnan(grid.open[row]))
    begin = grid.open_ms(int(known[0])) if known.size else grid.start_ms
    volumes = grid.volume[row][known][:: max(1, known.size // 2000)]
    seen = Observed(
        symbol=grid.symbols[row],
        price_places=places_of(sample),
        qty_places=places_of(volumes),
        price=float(sample[-1]) if sample.size else 1.0,
        onboard_ms=begin,
    )
    return read_rules(derive_row(seen))


def _sample(grid: Grid, row: int) -> Floats:
    closes: Floats = grid.close[row]
    closes = closes[~np.isnan(closes)]
    sample: Floats = closes[:: max(1, closes.size // 2000)]
    return sample


def _fits(prices: Floats, tick: float) -> bool:
    ticks = prices / tick
    return bool((np.abs(ticks - np.rint(ticks)) < 1e-4).all())


def places_of(values: Floats, most: int = 8) -> int:
    """The number of decimals that values are written with (at most `most`)."""
    for places in range(most + 1):
        scaled = values * 10.0**places
        if (np.abs(scaled - np.rint(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)).all():
            return places
    return most


def contracts_of(coins: tuple[Coin, ...], grid: Grid) -> Listing:
    """Rules of the contracts of a synthetic market."""
    rules = [
        read_rules(
            derive_row(
                Observed(
                    symbol=coin.symbol,
                    price_places=coin.price_places,
                    qty_places=coin.qty_places,
                    price=coin.price,
                    onboard_ms=grid.start_ms,
                )
            )
        )
        for coin in coins
    ]
    return Listing(rules, {}, HEAD)

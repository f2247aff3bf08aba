"""What the files of a recording hold, told by their columns."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from services.paper_exchange.sources.columns import NEEDED
from shared.domain.errors import ConfigError

_ENDINGS = {".parquet", ".csv"}
_HELP = (
    "expected candles, mark or index price candles, fundings, trades, aggregate trades, best bids and asks, or mark prices (Parquet or CSV)"
)


class Holding(StrEnum):
    """Kinds of files."""

    CANDLES = "candles"
    MARK_CANDLES = "mark price candles"
    INDEX_CANDLES = "index price candles"
    FUNDING = "fundings"
    TRADES = "trades"
    AGGREGATES = "aggregate trades"
    BOOKS = "best bids and asks"
    MARKS = "mark prices"
    OTHER = "something else"


_BESIDE = ((Holding.FUNDING, "funding.*"), (Holding.MARK_CANDLES, "mark_klines_*"), (Holding.INDEX_CANDLES, "index_klines_*"))


@dataclass(slots=True)
class Inventory:
    """The files of a replay by what they hold; `folder` is where contracts and brackets may lie."""

    folder: Path
    files: dict[Holding, list[Path]] = field(default_factory=dict)

    def of(self, holding: Holding) -> list[Path]:
        """Files of a kind."""
        return self.files.get(holding, [])

    def add(self, holding: Holding, path: Path) -> None:
        """One more file, once."""
        known = self.files.setdefault(holding, [])
        if path not in known:
            known.append(path)


def take_stock(paths: Iterable[Path]) -> Inventory:
    """Sort files by what they hold. Of a folder everything that is known is taken, but for candles of a spot market.

    Fundings and candles of mark and index are also looked for beside the first file.

    Raises:
        ConfigError: a path does not exist, or nothing in it can be replayed.
    """
    named = list(paths)
    if not named:
        raise ConfigError(f"no recording was named; {_HELP}")
    found = Inventory(named[0] if named[0].is_dir() else named[0].parent)
    for path in named:
        _take(found, path)
    if not any(found.of(kind) for kind in (Holding.CANDLES, Holding.TRADES, Holding.AGGREGATES)):
        raise ConfigError(f"{found.folder}: neither candles nor trades, so there is no price to replay; {_HELP}")
    for kind, pattern in _BESIDE:
        if not found.of(kind):
            _look_beside(found, kind, pattern)
    return found


def _take(found: Inventory, path: Path) -> None:
    if path.is_dir():
        _take_folder(found, path)
    elif path.is_file():
        holding = holding_of(path)
        # a file that was named and is not known is read as candles, which says what it lacks
        found.add(Holding.CANDLES if holding is Holding.OTHER else holding, path)
    else:
        raise ConfigError(f"{path}: no such file; {_HELP}")


def _look_beside(found: Inventory, kind: Holding, pattern: str) -> None:
    for path in _tables(found.folder.glob(pattern)):
        if holding_of(path) is kind:
            found.add(kind, path)


def _tables(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix in _ENDINGS and path.is_file() and not path.name.startswith("."))


def _take_folder(found: Inventory, folder: Path) -> None:
    for path in _tables(folder.iterdir()):
        holding = holding_of(path)
        spot = path.name.lower().startswith("spot") and holding is Holding.CANDLES
        if holding is not Holding.OTHER and not spot:
            found.add(holding, path)


def holding_of(path: Path) -> Holding:
    """What a file holds; one that cannot be read is taken for candles, and then says why."""
    try:
        if path.suffix == ".parquet":
            names = set(pq.read_schema(path).names)
        else:
            with path.open(encoding="utf-8", errors="replace") as file:
                names = {name.strip().strip('"') for name in file.readline().split(",")}
    except (pa.ArrowInvalid, OSError):
        return Holding.CANDLES
    return _holding(names, path.name.lower())


def _holding(names: set[str], name: str) -> Holding:
    if {"open_time", "open", "high", "low", "close"} <= names:
        words = set(re.findall("[a-z]+", name))
        for holding, line in ((Holding.MARK_CANDLES, "mark"), (Holding.INDEX_CANDLES, "index")):
            if words & {line, f"{line}price", f"{line}priceklines"}:
                return holding
        return Holding.CANDLES if set(NEEDED) <= names else Holding.OTHER
    kinds = (
        (Holding.FUNDING, {"symbol", "funding_time", "funding_rate"}),
        (Holding.MARKS, {"symbol", "event_time", "mark_price"}),
        (Holding.BOOKS, {"symbol", "bid_price", "ask_price", "bid_qty", "ask_qty"}),
        (Holding.AGGREGATES, {"symbol", "trade_time", "price", "qty", "first_trade_id"}),
        (Holding.TRADES, {"symbol", "trade_time", "price", "qty", "trade_id"}),
    )
    return next((kind for kind, needed in kinds if needed <= names), Holding.OTHER)

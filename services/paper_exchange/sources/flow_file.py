"""Recorded order flow: trades, best bids and asks and mark prices from their files, and candles made of trades.

Rows of a spot market (column `market`) are left out. Where aggregate trades were not recorded they are made of the single ones:
trades of the same time, price and side that follow each other, as the venue joins them.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from services.paper_exchange.logic.candles import Floats, Grid, Ints, Mask
from services.paper_exchange.logic.flow import Trade
from services.paper_exchange.sources.columns import symbols_of
from services.paper_exchange.sources.inventory import Holding, Inventory
from shared.domain.errors import ConfigError

Columns = dict[str, Floats]
BySymbol = dict[str, Floats]
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


def read_trades(stock: Inventory, symbols: tuple[str, ...]) -> BySymbol:
    """Aggregate trades by symbol; all symbols when none is named."""
    found = _joined(
        stock.of(Holding.AGGREGATES), ("trade_time", "price", "qty", "is_buyer_maker", "first_trade_id", "last_trade_id"), symbols
    )
    single = _joined(stock.of(Holding.TRADES), ("trade_time", "price", "qty", "is_buyer_maker", "trade_id"), symbols)
    made = {name: _aggregate(table) for name, table in single.items() if name not in found}
    return {name: _once(table, Trade.FIRST) for name, table in {**found, **made}.items()}


def read_books(stock: Inventory, symbols: tuple[str, ...]) -> BySymbol:
    """Best bids and asks by symbol, by the time of the matching engine where there is one."""
    names = ("transaction_time", "bid_price", "bid_qty", "ask_price", "ask_qty", "event_time")
    found = _joined(stock.of(Holding.BOOKS), names, symbols)
    return {name: _good_books(np.where(table[0] > 0, table[0], table[5]), table[:5]) for name, table in found.items()}


def _good_books(times: Floats, table: Floats) -> Floats:
    whole: Floats = np.vstack((times, table[1:]))
    keep = (times > 0) & (whole[1] > 0) & (whole[3] > whole[1])
    whole = whole[:, keep]
    return whole[:, np.argsort(whole[0], kind="stable")]


def read_marks(stock: Inventory, symbols: tuple[str, ...]) -> BySymbol:
    """Mark price events by symbol."""
    return _joined(stock.of(Holding.MARKS), ("event_time", "mark_price", "index_price", "funding_rate", "next_funding_time"), symbols)


def _joined(files: list[Path], names: tuple[str, ...], symbols: tuple[str, ...]) -> BySymbol:
    """Tables of all files by symbol, in the order of the first column."""
    parts: dict[str, list[Floats]] = {}
    for path in files:
        for symbol, table in _tables(path, names, symbols):
            parts.setdefault(symbol, []).append(table)
    joined = {symbol: np.hstack(tables) for symbol, tables in parts.items()}
    return {symbol: table[:, np.argsort(table[0], kind="stable")] for symbol, table in joined.items()}


def _tables(path: Path, names: tuple[str, ...], symbols: tuple[str, ...]) -> list[tuple[str, Floats]]:
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable ({str(error).splitlines()[0][:200]}); remove it or give a good file") from error
    known, codes = symbols_of(table)
    keep = np.ones(len(codes), dtype=np.bool_)
    if "market" in table.column_names:
        keep &= np.asarray(table.column("market").to_pylist(), dtype=np.str_) != "spot"
    matrix = np.vstack([_numbers(path, table, name) for name in names])
    found = []
    for code, symbol in enumerate(known):
        mine: Mask = keep & (codes == code)
        if mine.any() and (not symbols or symbol in symbols):
            found.append((symbol, matrix[:, mine]))
    return found


def _numbers(path: Path, table: pa.Table, name: str) -> Floats:
    """A column as floats; one that is missing is NaN (only the first three have to be there)."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column: Any = table.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise ConfigError(f"{path}: {name} must hold numbers, got {column.type}")
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _aggregate(single: Floats) -> Floats:
    """Single trades (time, price, qty, maker, id) joined as the venue does."""
    same = (np.diff(single[[0, 1, 3]], axis=1) == 0).all(axis=0)
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    ends = np.append(starts[1:], single.shape[1]) - 1
    sums = np.add.reduceat(single[2], starts)
    return np.vstack((single[0, starts], single[1, starts], sums, single[3, starts], single[4, starts], single[4, ends]))


def _once(table: Floats, name: int) -> Floats:
    """Without the same trade twice (files that overlap), and without rows that are no trade."""
    table = table[:, (table[Trade.PRICE] > 0) & (table[Trade.QTY] > 0)]
    ids = table[name]
    if np.isnan(ids).any():
        count = np.arange(1, table.shape[1] + 1, dtype=np.float64)
        table[Trade.FIRST], table[Trade.LAST] = count, count
        return table
    _, first = np.unique(ids, return_index=True)
    return table[:, np.sort(first)]


def candles_of(trades: BySymbol, origin: str) -> Grid:
    """One-minute candles made of trades.

    Raises:
        ConfigError: there is no trade, or the symbols were recorded at quite different times.
    """
    spans = {name: (int(table[0, 0]), int(table[0, -1])) for name, table in trades.items() if table.shape[1]}
    if not spans:
        raise ConfigError(f"{origin}: no trade of a futures contract; expected trades, or candles beside them")
    start = min(first for first, _ in spans.values()) // _MINUTE_MS * _MINUTE_MS
    width = (max(last for _, last in spans.values()) - start) // _MINUTE_MS + 1
    if width * _MINUTE_MS > max(last - first for first, last in spans.values()) + 2 * _DAY_MS:
        told = ", ".join(f"{name} {first} to {last}" for name, (first, last) in sorted(spans.items()))
        raise ConfigError(f"{origin}: the symbols were recorded at different times ({told}, ms); name those to replay with --symbols")
    grid = _blank(tuple(sorted(spans)), start, width)
    for row, name in enumerate(grid.symbols):
        _fill(grid, row, trades[name])
    return grid


def _blank(symbols: tuple[str, ...], start_ms: int, width: int) -> Grid:
    shape = (len(symbols), width)
    blank = [np.full(shape, np.nan) for _ in range(6)]
    return Grid(
        symbols=symbols,
        interval="1m",
        interval_ms=_MINUTE_MS,
        start_ms=start_ms,
        open=blank[0],
        high=blank[1],
        low=blank[2],
        close=blank[3],
        volume=blank[4],
        quote=blank[5],
        trades=np.full(shape, -1, dtype=np.int32),
    )


def _fill(grid: Grid, row: int, table: Floats) -> None:
    columns: Ints = ((table[Trade.TIME] - grid.start_ms) // grid.interval_ms).astype(np.int64)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(columns) > 0)))
    ends = np.append(starts[1:], len(columns)) - 1
    at = columns[starts]
    price, size = table[Trade.PRICE], table[Trade.QTY]
    bought = np.where(table[Trade.MAKER] == 0, size, 0.0)
    grid.open[row, at], grid.close[row, at] = price[starts], price[ends]
    grid.high[row, at], grid.low[row, at] = np.maximum.reduceat(price, starts), np.minimum.reduceat(price, starts)
    grid.volume[row, at], grid.quote[row, at] = np.add.reduceat(size, starts), np.add.reduceat(size * price, starts)
    grid.trades[row, at] = np.add.reduceat(table[Trade.LAST] - table[Trade.FIRST] + 1, starts).astype(np.int32)
    taker = (np.full(grid.width, np.nan), np.full(grid.width, np.nan))
    taker[0][at], taker[1][at] = np.add.reduceat(bought, starts), np.add.reduceat(bought * price, starts)
    grid.taker[row] = taker
    _fill_still(grid, row)


def _fill_still(grid: Grid, row: int) -> None:
    """Minutes without a trade between others: the last price, no volume, as the venue shows them."""
    known = np.flatnonzero(~np.isnan(grid.close[row]))
    columns = np.arange(known[0], known[-1] + 1)
    still = np.setdiff1d(columns, known)
    before = known[np.searchsorted(known, still) - 1]
    for values in (grid.open, grid.high, grid.low):
        values[row, still] = grid.close[row, before]
    grid.close[row, still] = grid.close[row, before]
    grid.volume[row, still], grid.quote[row, still], grid.trades[row, still] = 0.0, 0.0, 0

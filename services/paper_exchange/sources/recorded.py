"""Recorded klines read into one grid."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from services.paper_exchange.logic.candles import PRICE_FIELDS, Floats, Grid, Ints, Mask
from services.paper_exchange.sources.columns import NEEDED, OPTIONAL, kline_files, read_parts, symbols_of
from shared.domain.candle import INTERVALS, interval_ms
from shared.domain.errors import ConfigError

_NAMES = {interval_ms(name): name for name in INTERVALS}


@dataclass(slots=True)
class _Extent:
    """What a first look at the files tells: contracts, first and last opening time, length of a candle."""

    rows: dict[str, int]
    first_ms: int
    last_ms: int
    length_ms: int


def load_grid(paths: tuple[Path, ...], symbols: tuple[str, ...] = ()) -> Grid:
    """Read kline files; only the wanted symbols when some are named.

    Memory: one row group of a parquet file at a time on top of the grid itself (8 bytes per number, 6 numbers per candle).

    Raises:
        ConfigError: unreadable or malformed file, files of different intervals, or a symbol that they do not hold.
    """
    files = kline_files(paths)
    extent = _look(files, symbols)
    grid = _empty(extent)
    for path in files:
        for part in read_parts(path, (*NEEDED, *OPTIONAL)):
            _place(path, grid, extent, part)
    pa.default_memory_pool().release_unused()
    return grid


def _look(files: list[Path], symbols: tuple[str, ...]) -> _Extent:
    held: set[str] = set()
    first, last, length = None, 0, 0
    for path in files:
        for part in read_parts(path, ("symbol", "open_time", "close_time")):
            names, codes = symbols_of(part)
            times = _integers(path, part, "open_time")
            if not len(times):
                continue
            chosen = _chosen(codes, names, symbols)
            held |= {names[code] for code in np.unique(codes)}
            length = _length(path, part, times, length)
            if chosen.any():
                first = int(times[chosen].min()) if first is None else min(first, int(times[chosen].min()))
                last = max(last, int(times[chosen].max()))
    _check_symbols(files, held, symbols)
    if first is None:
        raise ConfigError(f"{files[0]}: no candle in this file")
    return _Extent({name: row for row, name in enumerate(sorted(symbols or held))}, first, last, length)


def _chosen(codes: Ints, names: list[str], symbols: tuple[str, ...]) -> Mask:
    if not symbols:
        return np.ones(len(codes), dtype=np.bool_)
    wanted: Mask = np.array([name in symbols for name in names], dtype=np.bool_)[codes]
    return wanted


def _check_symbols(files: list[Path], held: set[str], symbols: tuple[str, ...]) -> None:
    unknown = [name for name in symbols if name not in held]
    if unknown:
        some = ", ".join(sorted(held)[:5])
        raise ConfigError(f"{files[0]}: no candles of {', '.join(unknown)}; it holds {len(held)} symbols, for example {some}")


def _integers(path: Path, part: pa.Table, name: str) -> Ints:
    column = part.column(name)
    if not pa.types.is_integer(column.type) or column.null_count:
        raise ConfigError(f"{path}: {name} must hold whole milliseconds (UTC) without gaps, got {column.type}")
    return column.to_numpy().astype(np.int64)


def _length(path: Path, part: pa.Table, times: Ints, known: int) -> int:
    """Length of the candles, from close_time or from the smallest step; the same in all parts and files."""
    if "close_time" in part.column_names:
        lengths = np.unique(_integers(path, part, "close_time") - times + 1)
        found = int(lengths[0]) if len(lengths) == 1 else 0
    else:
        steps = np.abs(np.diff(times))
        found = int(steps[steps > 0].min()) if (steps > 0).any() else known
    if found not in _NAMES:
        raise ConfigError(f"{path}: candles of {found} ms; expected one interval of {', '.join(INTERVALS)} in the whole file")
    if known and known != found:
        raise ConfigError(f"{path}: {_NAMES[found]} candles, but the data before are {_NAMES[known]}: one interval per replay")
    return found


def _empty(extent: _Extent) -> Grid:
    width = (extent.last_ms - extent.first_ms) // extent.length_ms + 1
    shape = (len(extent.rows), width)

    def blank() -> Floats:
        return np.full(shape, np.nan)

    return Grid(
        symbols=tuple(extent.rows),
        interval=_NAMES[extent.length_ms],
        interval_ms=extent.length_ms,
        start_ms=extent.first_ms,
        open=blank(),
        high=blank(),
        low=blank(),
        close=blank(),
        volume=blank(),
        quote=blank(),
        trades=np.full(shape, -1, dtype=np.int32),
    )


def _floats(path: Path, part: pa.Table, name: str, keep: Mask) -> Floats:
    column = part.column(name)
    if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise ConfigError(f"{path}: {name} must hold numbers, got {column.type}")
    return column.to_numpy().astype(np.float64)[keep]


def _place(path: Path, grid: Grid, extent: _Extent, part: pa.Table) -> None:
    names, codes = symbols_of(part)
    keep = _chosen(codes, names, grid.symbols)
    if not keep.any():
        return
    lookup = np.array([extent.rows.get(name, -1) for name in names], dtype=np.int64)
    rows = lookup[codes][keep]
    offsets = _integers(path, part, "open_time")[keep] - grid.start_ms
    if (offsets % grid.interval_ms).any():
        raise ConfigError(f"{path}: open_time is not on the {grid.interval} grid in {int((offsets % grid.interval_ms != 0).sum())} rows")
    columns = offsets // grid.interval_ms
    prices = [_floats(path, part, name, keep) for name in PRICE_FIELDS]
    _check_prices(path, prices)
    for name, values in zip(PRICE_FIELDS, prices, strict=True):
        getattr(grid, name)[rows, columns] = values
    volume = _floats(path, part, "volume", keep)
    if not np.isfinite(volume).all() or (volume < 0).any():
        raise ConfigError(f"{path}: volume must be a number of at least zero in every row")
    grid.volume[rows, columns] = volume
    typical = (prices[1] + prices[2] + prices[3]) / 3
    spent = _floats(path, part, "quote_volume", keep) if "quote_volume" in part.column_names else np.full(len(rows), np.nan)
    grid.quote[rows, columns] = np.where(np.isnan(spent), volume * typical, spent)
    if "trades" in part.column_names:
        known = _floats(path, part, "trades", keep)
        grid.trades[rows, columns] = np.where(np.isnan(known), -1, known).astype(np.int32)
    _place_taker(path, grid, part, (keep, rows, columns))


def _check_prices(path: Path, prices: list[Floats]) -> None:
    opened, high, low, close = prices
    good = np.isfinite(opened) & np.isfinite(high) & np.isfinite(low) & np.isfinite(close) & (low > 0)
    good &= (low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close))
    if not good.all():
        bad = int(np.flatnonzero(~good)[0])
        values = ", ".join(f"{name} {float(values[bad])}" for name, values in zip(PRICE_FIELDS, prices, strict=True))
        raise ConfigError(
            f"{path}: {int((~good).sum())} impossible candles, the first with {values}; expected 0 < low <= open, close <= high"
        )


def _place_taker(path: Path, grid: Grid, part: pa.Table, where: tuple[Mask, Ints, Ints]) -> None:
    if "taker_buy_base" not in part.column_names or "taker_buy_quote" not in part.column_names:
        return
    keep, rows, columns = where
    base, spent = _floats(path, part, "taker_buy_base", keep), _floats(path, part, "taker_buy_quote", keep)
    known = ~np.isnan(base)
    for row in np.unique(rows[known]).tolist():
        pair = grid.taker.setdefault(row, (np.full(grid.width, np.nan), np.full(grid.width, np.nan)))
        mine = known & (rows == row)
        pair[0][columns[mine]] = base[mine]
        pair[1][columns[mine]] = spent[mine]

"""Recorded klines read into one grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa

from services.paper_exchange.logic.candles import PRICE_FIELDS, Floats, Grid, Ints, Mask
from services.paper_exchange.sources.columns import NEEDED, OPTIONAL, read_parts, symbols_of
from shared.domain.candle import INTERVALS, interval_ms
from shared.domain.errors import ConfigError

_NAMES = {interval_ms(name): name for name in INTERVALS}


@dataclass(slots=True)
class _Extent:
    """What a first look at files of one interval tells: contracts, first and last opening time, length of a candle."""

    files: list[Path]
    held: set[str]
    first_ms: int
    last_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles on the finest grid that has all wanted contracts; longer ones that were recorded, on the same rows.

    `left_out`: contracts that only have longer candles.
    """

    grid: Grid
    more: dict[str, Grid]
    left_out: tuple[str, ...]


def load_candles(files: list[Path], symbols: tuple[str, ...] = ()) -> Candles:
    """Read kline files of one or several intervals; only the wanted symbols when some are named.

    The shortest interval that has all wanted symbols sets the pace. Without wanted symbols it is the shortest one, and
    contracts that it does not have are left out.

    Memory: one row group of a parquet file at a time on top of the grids themselves (8 bytes per number, 6 numbers per candle).

    Raises:
        ConfigError: unreadable or malformed file, or a symbol that they do not hold.
    """
    extents = _by_length(files)
    base = next((extent for extent in extents if extent.held >= set(symbols)), None)
    if base is None:
        _refuse_symbols(extents, symbols)
    chosen = tuple(sorted(symbols or base.held))
    grid = _read(base, chosen)
    longer = [extent for extent in extents if extent.length_ms > base.length_ms and not extent.length_ms % base.length_ms]
    more = {_NAMES[extent.length_ms]: _read(extent, chosen) for extent in longer if extent.held & set(chosen)}
    left_out = () if symbols else tuple(sorted(set().union(*(extent.held for extent in extents)) - base.held))
    pa.default_memory_pool().release_unused()
    return Candles(grid, more, left_out)


def load_grid(paths: tuple[Path, ...], symbols: tuple[str, ...] = ()) -> Grid:
    """The finest candles of some files; see `load_candles`."""
    return load_candles(list(paths), symbols).grid


def load_marks(files: list[Path], symbols: tuple[str, ...]) -> Grid | None:
    """Mark or index price candles of the contracts of a grid, on the same rows; the shortest ones that were recorded. None without any."""
    extents = _by_length(files, volume=False)
    found = next((extent for extent in extents if extent.held & set(symbols)), None)
    return None if found is None else _read(found, symbols, volume=False)


def _read(extent: _Extent, symbols: tuple[str, ...], *, volume: bool = True) -> Grid:
    grid = _empty(extent, symbols)
    for path in extent.files:
        for part in read_parts(path, (*NEEDED, *OPTIONAL), volume=volume):
            _place(path, grid, part, volume=volume)
    return grid


def _by_length(files: list[Path], *, volume: bool = True) -> list[_Extent]:
    """The files by the length of their candles, shortest first."""
    found: dict[int, _Extent] = {}
    for path in files:
        extent = _look(path, volume=volume)
        known = found.get(extent.length_ms)
        if known is None:
            found[extent.length_ms] = extent
            continue
        known.files.append(path)
        known.held |= extent.held
        known.first_ms, known.last_ms = min(known.first_ms, extent.first_ms), max(known.last_ms, extent.last_ms)
    return [found[length] for length in sorted(found)]


def _look(path: Path, *, volume: bool) -> _Extent:
    held: set[str] = set()
    first, last, length = None, 0, 0
    for part in read_parts(path, ("symbol", "open_time", "close_time"), volume=volume):
        names, codes = symbols_of(part)
        times = _integers(path, part, "open_time")
        if not len(times):
            continue
        held |= {names[code] for code in np.unique(codes)}
        length = _length(path, part, times, length)
        first = int(times.min()) if first is None else min(first, int(times.min()))
        last = max(last, int(times.max()))
    if first is None:
        raise ConfigError(f"{path}: no candle in this file")
    return _Extent([path], held, first, last, length)


def _refuse_symbols(extents: list[_Extent], symbols: tuple[str, ...]) -> NoReturn:
    held = set().union(*(extent.held for extent in extents))
    unknown = [name for name in symbols if name not in held]
    if not unknown:
        told = "; ".join(f"{_NAMES[item.length_ms]} has {', '.join(sorted(item.held & set(symbols)))}" for item in extents)
        raise ConfigError(f"{extents[0].files[0]}: no interval has candles of all wanted symbols: {told}")
    some = ", ".join(sorted(held)[:5])
    raise ConfigError(f"{extents[0].files[0]}: no candles of {', '.join(unknown)}; it holds {len(held)} symbols, for example {some}")


def _chosen(codes: Ints, names: list[str], symbols: tuple[str, ...]) -> Mask:
    if not symbols:
        return np.ones(len(codes), dtype=np.bool_)
    wanted: Mask = np.array([name in symbols for name in names], dtype=np.bool_)[codes]
    return wanted


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
        found = int(steps[steps > 0].min()) if (steps > 0).any() else known or _named_length(path)
    if found not in _NAMES:
        raise ConfigError(f"{path}: candles of {found} ms; expected one interval of {', '.join(INTERVALS)} in the whole file")
    if known and known != found:
        raise ConfigError(f"{path}: {_NAMES[found]} candles after {_NAMES[known]} ones: expected one interval per file")
    return found


def _named_length(path: Path) -> int:
    """What the name says where the rows do not (one candle of each symbol): `mark_klines_1h.parquet`."""
    word = path.stem.rpartition("_")[2]
    return interval_ms(word) if word in INTERVALS else 0


def _empty(extent: _Extent, symbols: tuple[str, ...]) -> Grid:
    width = (extent.last_ms - extent.first_ms) // extent.length_ms + 1
    shape = (len(symbols), width)

    def blank() -> Floats:
        return np.full(shape, np.nan)

    return Grid(
        symbols=symbols,
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


def _place(path: Path, grid: Grid, part: pa.Table, *, volume: bool) -> None:
    names, codes = symbols_of(part)
    keep = _chosen(codes, names, grid.symbols)
    if not keep.any():
        return
    place = {name: row for row, name in enumerate(grid.symbols)}
    lookup = np.array([place.get(name, -1) for name in names], dtype=np.int64)
    rows = lookup[codes][keep]
    offsets = _integers(path, part, "open_time")[keep] - grid.start_ms
    if (offsets % grid.interval_ms).any():
        raise ConfigError(f"{path}: open_time is not on the {grid.interval} grid in {int((offsets % grid.interval_ms != 0).sum())} rows")
    columns = offsets // grid.interval_ms
    prices = [_floats(path, part, name, keep) for name in PRICE_FIELDS]
    _check_prices(path, prices)
    for name, values in zip(PRICE_FIELDS, prices, strict=True):
        getattr(grid, name)[rows, columns] = values
    if volume:
        _place_volume(path, grid, part, (keep, rows, columns), (prices[1] + prices[2] + prices[3]) / 3)


def _place_volume(path: Path, grid: Grid, part: pa.Table, where: tuple[Mask, Ints, Ints], typical: Floats) -> None:
    keep, rows, columns = where
    volume = _floats(path, part, "volume", keep)
    if not np.isfinite(volume).all() or (volume < 0).any():
        raise ConfigError(f"{path}: volume must be a number of at least zero in every row")
    grid.volume[rows, columns] = volume
    spent = _floats(path, part, "quote_volume", keep) if "quote_volume" in part.column_names else np.full(len(rows), np.nan)
    grid.quote[rows, columns] = np.where(np.isnan(spent), volume * typical, spent)
    if "trades" in part.column_names:
        known = _floats(path, part, "trades", keep)
        grid.trades[rows, columns] = np.where(np.isnan(known), -1, known).astype(np.int32)
    _place_taker(path, grid, part, where)


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

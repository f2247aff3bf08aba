"""Kline files: which columns they have, and what is wrong with one that cannot be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from services.paper_exchange.logic.candles import Ints
from shared.domain.errors import ConfigError

NEEDED = ("open_time", "open", "high", "low", "close", "volume")
OPTIONAL = ("symbol", "close_time", "quote_volume", "trades", "taker_buy_base", "taker_buy_quote")
_ALIASES = {"count": "trades", "taker_buy_volume": "taker_buy_base", "taker_buy_quote_volume": "taker_buy_quote"}
_HELP = "expected parquet or CSV klines with the columns symbol, open_time (ms), open, high, low, close, volume, quote_volume"


def _renamed(table: pa.Table) -> pa.Table:
    return table.rename_columns([_ALIASES.get(name, name) for name in table.column_names])


def _checked(path: Path, names: list[str], *, volume: bool) -> None:
    missing = [name for name in NEEDED if name not in names and (volume or name != "volume")]
    if missing:
        raise ConfigError(f"{path}: column {', '.join(missing)} is missing; {_HELP}")


def read_parts(path: Path, wanted: tuple[str, ...], *, volume: bool = True) -> Iterator[pa.Table]:
    """A kline file in parts of bounded size, only the wanted columns (those it has), with a `symbol` column always.

    Without `volume` (candles of a mark price) that column need not be there. A file without the symbol takes it from its name,
    up to the first `-` or `.`.

    Raises:
        ConfigError: the file cannot be read or lacks a column.
    """
    try:
        for part in _parquet(path, wanted, volume=volume) if path.suffix == ".parquet" else _csv(path, wanted, volume=volume):
            if "symbol" in part.column_names:
                yield part
            else:
                name = path.name.partition(".")[0].partition("-")[0].upper()
                yield part.append_column("symbol", pa.array([name] * part.num_rows))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ConfigError(f"{path}: not readable as {path.suffix.lstrip('.') or 'a table'} ({reason}); {_HELP}") from error


def _parquet(path: Path, wanted: tuple[str, ...], *, volume: bool) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        _checked(path, [_ALIASES.get(name, name) for name in names], volume=volume)
        chosen = [name for name in names if _ALIASES.get(name, name) in wanted]
        for group in range(file.num_row_groups):
            yield _renamed(file.read_row_group(group, columns=chosen))


def _csv(path: Path, wanted: tuple[str, ...], *, volume: bool) -> Iterator[pa.Table]:
    with pyarrow.csv.open_csv(path) as reader:
        for batch in reader:
            table = _renamed(pa.Table.from_batches([batch]))
            _checked(path, table.column_names, volume=volume)
            yield table.select([name for name in wanted if name in table.column_names])


def symbols_of(part: pa.Table) -> tuple[list[str], Ints]:
    """The symbol column as (names, code of each row)."""
    column: Any = part.column("symbol").combine_chunks()
    array: Any = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string()).dictionary_encode()
    codes: Ints = array.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return [str(name) for name in array.dictionary.to_pylist()], codes

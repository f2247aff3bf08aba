"""The files of a recording: names, columns, and which stretch of time of which symbol they hold."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.commands.data_span import Spans, joined
from shared.domain.errors import ConfigError

_TEXT: pa.DataType = pa.string()
_WHOLE: pa.DataType = pa.int64()
_NUMBER: pa.DataType = pa.float64()
_CANDLE = [("symbol", _TEXT), ("open_time", _WHOLE), *((name, _NUMBER) for name in ("open", "high", "low", "close"))]
_KLINE = [
    *_CANDLE,
    ("volume", _NUMBER),
    ("close_time", _WHOLE),
    ("quote_volume", _NUMBER),
    ("trades", _WHOLE),
    ("taker_buy_base", _NUMBER),
    ("taker_buy_quote", _NUMBER),
    ("src", _TEXT),
]
_FUNDING = [
    ("symbol", _TEXT),
    ("funding_time", _WHOLE),
    ("funding_rate", _NUMBER),
    ("interval_hours", _NUMBER),
    ("mark_price", _NUMBER),
    ("src", _TEXT),
]
SCHEMAS: Mapping[str, pa.Schema] = {
    "klines": pa.schema(_KLINE),
    "mark": pa.schema(_CANDLE),
    "index": pa.schema(_CANDLE),
    "funding": pa.schema(_FUNDING),
}
_COVERED = b"mraster.covered"
_FORCED = {"open_time": "DELTA_BINARY_PACKED", "close_time": "DELTA_BINARY_PACKED", "funding_time": "DELTA_BINARY_PACKED"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file of a recording. `kind` is klines, mark, index or funding; `interval` is empty for fundings."""

    kind: str
    interval: str = ""

    @property
    def stem(self) -> str:
        """Name without ending."""
        if self.kind == "funding":
            return "funding"
        return f"klines_{self.interval}" if self.kind == "klines" else f"{self.kind}_klines_{self.interval}"

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.stem}.parquet"

    @property
    def time(self) -> str:
        """The column that orders the rows of a symbol."""
        return "funding_time" if self.kind == "funding" else "open_time"

    @property
    def schema(self) -> pa.Schema:
        """Columns."""
        return SCHEMAS[self.kind]


def write_atomically(path: Path, table: pa.Table) -> None:
    """A whole file or none, also when the machine stops in between."""
    with Writer(path, table.schema) as writer:
        writer.add(table)


class Writer:
    """Row groups into a temporary file that takes its name when all is written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        floats = {field.name: "BYTE_STREAM_SPLIT" for field in schema if pa.types.is_floating(field.type)}
        packed = {name: how for name, how in _FORCED.items() if name in schema.names}
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        columns: Any = texts  # the stubs know only yes and no
        self._writer = pq.ParquetWriter(
            self._temporary, schema, compression="zstd", use_dictionary=columns, column_encoding=floats | packed
        )

    def __enter__(self) -> Self:
        return self

    def add(self, table: pa.Table) -> None:
        """One more row group."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._writer.close()
        if kind is not None:
            self._temporary.unlink(missing_ok=True)
            return
        with self._temporary.open("rb") as file:
            os.fsync(file.fileno())
        self._temporary.replace(self._path)


def stamped(schema: pa.Schema, covered: Mapping[str, Spans]) -> pa.Schema:
    """A schema that remembers which spans were asked for, so that what the venue does not have is not asked for again."""
    return schema.with_metadata({_COVERED: json.dumps({name: joined(spans) for name, spans in covered.items()}).encode()})


def read_covered(path: Path, dataset: Dataset, step_ms: int) -> dict[str, Spans]:
    """The spans of a file by symbol: what it remembers, else what its rows show.

    Raises:
        ConfigError: the file is not a recording of this kind.
    """
    if not path.is_file():
        return {}
    try:
        schema = pq.read_schema(path)
        missing = [name for name in dataset.schema.names if name not in schema.names and name != "src"]
        if missing:
            raise ConfigError(f"{path}: column {', '.join(missing)} is missing, so it cannot be extended; give another folder with --out")
        remembered = (schema.metadata or {}).get(_COVERED)
        if remembered is not None:
            return {name: [(int(a), int(b)) for a, b in spans] for name, spans in json.loads(remembered).items()}
        return _spans_of_rows(pq.read_table(path, columns=["symbol", dataset.time]), step_ms)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable ({str(error).splitlines()[0][:200]}); move it aside or give another folder") from error


def _spans_of_rows(table: pa.Table, step_ms: int) -> dict[str, Spans]:
    names = np.asarray(table.column(0).cast(pa.string()).to_pylist(), dtype=np.str_)
    moments = table.column(1).to_numpy()
    found: dict[str, Spans] = {}
    for symbol in map(str, np.unique(names)):
        times = np.unique(moments[names == symbol])
        cuts = np.flatnonzero(np.diff(times) > step_ms) + 1
        found[symbol] = [(int(part[0]), int(part[-1]) + step_ms) for part in np.split(times, cuts) if len(part)]
    return found


def rows_of(path: Path, symbol: str, dataset: Dataset) -> pa.Table:
    """The rows of one symbol with exactly the columns of the layout."""
    if not path.is_file():
        return dataset.schema.empty_table()
    return shaped(pq.read_table(path, filters=[("symbol", "=", symbol)]), dataset)


def shaped(table: pa.Table, dataset: Dataset) -> pa.Table:
    """The columns of the layout in its order; a missing `src` is empty."""
    schema = dataset.schema
    if "src" in schema.names and "src" not in table.column_names:
        table = table.append_column("src", pa.nulls(table.num_rows, pa.string()))
    return table.select(schema.names).cast(schema)

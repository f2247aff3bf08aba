"""Recorded fundings: `funding.parquet` or `funding.csv` beside the candles.

Columns: symbol, funding_time, funding_rate, interval_hours, mark_price (the last two may be missing or empty).
"""

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from services.paper_exchange.logic.funding import DEFAULT_HOURS, FundingTrack
from shared.domain.errors import ConfigError

_NEEDED = {"symbol", "funding_time", "funding_rate"}


def load_fundings(paths: list[Path], symbols: tuple[str, ...]) -> dict[str, FundingTrack]:
    """Fundings of the wanted contracts from all files together.

    Raises:
        ConfigError: a file cannot be read or lacks a column.
    """
    rows: dict[str, dict[int, dict[str, Any]]] = {}
    for path in paths:
        for row in _rows(path):
            if row["symbol"] in symbols:
                rows.setdefault(row["symbol"], {})[int(row["funding_time"])] = row
    return {symbol: _track([found[time] for time in sorted(found)]) for symbol, found in rows.items()}


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable ({str(error).splitlines()[0][:200]}); remove it or give a good file") from error
    missing = sorted(_NEEDED - set(table.column_names))
    if missing:
        raise ConfigError(f"{path}: column {', '.join(missing)} is missing; expected symbol, funding_time (ms) and funding_rate")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _track(rows: list[dict[str, Any]]) -> FundingTrack:
    hours = [row.get("interval_hours") for row in rows]
    return FundingTrack(
        times_ms=[int(row["funding_time"]) for row in rows],
        rates=[float(row["funding_rate"]) for row in rows],
        marks=[_optional(row.get("mark_price")) for row in rows],
        hours=int(hours[-1] or DEFAULT_HOURS),
    )


def _optional(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)

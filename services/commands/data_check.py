"""Is a recording sound? Gaps, duplicates, rows off the grid, prices that cannot be."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from shared.domain.candle import INTERVALS, interval_ms
from shared.domain.errors import ConfigError

Ints = npt.NDArray[np.int64]
_LENGTHS = {interval_ms(name): name for name in INTERVALS}
_PRICES = ("open", "high", "low", "close")
_MOST = 5


@dataclass(slots=True)
class FileReport:
    """What is wrong with one file. `missing`: candles that the gaps inside symbols would hold."""

    file: str
    rows: int = 0
    symbols: int = 0
    interval: str = ""
    gaps: int = 0
    missing: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """No problem; gaps are none, a venue has them, too."""
        return not any(self.problems.values())

    def found(self, problem: str, count: int, example: str) -> None:
        """Note a problem."""
        self.problems[problem] = self.problems.get(problem, 0) + count
        if count and len(self.examples) < _MOST:
            self.examples.append(f"{problem}: {example}")


def check_path(path: Path) -> list[FileReport]:
    """Reports of a file, or of all candle and funding files of a folder.

    Raises:
        ConfigError: no such file, or nothing that could be checked.
    """
    if path.is_file():
        return [check_file(path)]
    if not path.is_dir():
        raise ConfigError(f"{path}: no such file or folder; expected a recording")
    files = sorted(item for item in path.iterdir() if item.suffix in {".parquet", ".csv"} and not item.name.startswith("."))
    reports = [check_file(file) for file in files if _time_column(_names(file)) is not None]
    if not reports:
        raise ConfigError(f"{path}: no Parquet or CSV file with open_time or funding_time in this folder")
    return reports


def _names(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names if path.suffix == ".parquet" else pyarrow.csv.open_csv(path).schema.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable ({str(error).splitlines()[0][:200]})") from error


def _time_column(names: list[str]) -> str | None:
    return next((name for name in ("open_time", "funding_time") if name in names), None)


def check_file(path: Path) -> FileReport:
    """Check one file of candles or fundings.

    Raises:
        ConfigError: it cannot be read, or has neither open_time nor funding_time.
    """
    names = _names(path)
    name = _time_column(names)
    if name is None:
        raise ConfigError(f"{path}: neither open_time nor funding_time among its columns ({', '.join(names[:8])})")
    wanted = [column for column in ("symbol", name, *_PRICES) if column in names]
    table = pq.read_table(path, columns=wanted) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path).select(wanted)
    times = table.column(name).to_numpy().astype(np.int64)
    report = FileReport(path.name, rows=table.num_rows)
    symbols, codes = _codes(table)
    report.symbols = len(symbols)
    order = np.lexsort((times, codes))
    _check_times(report, (symbols, codes[order], times[order]), candles=name == "open_time")
    if set(_PRICES) <= set(names):
        _check_prices(report, table, symbols, codes)
    return report


def _codes(table: pa.Table) -> tuple[list[str], Ints]:
    if "symbol" not in table.column_names:
        return ["(the file's)"], np.zeros(table.num_rows, dtype=np.int64)
    array = table.column("symbol").cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return [str(name) for name in array.dictionary.to_pylist()], array.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _check_times(report: FileReport, rows: tuple[list[str], Ints, Ints], *, candles: bool) -> None:
    symbols, codes, times = rows
    same = codes[1:] == codes[:-1]
    steps = np.diff(times)
    twice = np.flatnonzero(same & (steps == 0))
    report.found("duplicates", len(twice), f"{symbols[codes[twice[0]]]} at {times[twice[0]]}" if len(twice) else "")
    if not candles:
        return
    inside = steps[same & (steps > 0)]
    if not len(inside):
        return
    length = int(np.bincount(np.searchsorted(sorted(_LENGTHS), inside)).argmax())
    step = sorted(_LENGTHS)[min(length, len(_LENGTHS) - 1)]
    report.interval = _LENGTHS[step]
    offset = 4 * 86_400_000 if report.interval == "1w" else 0
    off = np.flatnonzero((times - offset) % step)
    report.found(
        "off the grid", len(off), f"{symbols[codes[off[0]]]} at {times[off[0]]}, not a multiple of {report.interval}" if len(off) else ""
    )
    gaps = np.flatnonzero(same & (steps > step))
    report.gaps, report.missing = len(gaps), int((steps[gaps] // step - 1).sum())
    for at in gaps[: _MOST - len(report.examples)]:
        report.examples.append(f"gap: {symbols[codes[at]]} from {times[at] + step} to {times[at + 1]}")


def _check_prices(report: FileReport, table: pa.Table, symbols: list[str], codes: Ints) -> None:
    opened, high, low, close = (table.column(name).to_numpy().astype(np.float64) for name in _PRICES)
    with np.errstate(invalid="ignore"):
        good = (
            np.isfinite(opened + high + low + close) & (low > 0) & (low <= np.minimum(opened, close)) & (high >= np.maximum(opened, close))
        )
    bad = np.flatnonzero(~good)
    report.found("impossible prices", len(bad), f"{symbols[codes[bad[0]]]} in row {bad[0]}" if len(bad) else "")

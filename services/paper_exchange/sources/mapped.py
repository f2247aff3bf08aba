"""Recordings as files that are mapped into memory instead of read into it.

Reading parquet takes three times the memory of its result, and an allocator gives little of it back. So a big recording is read by
a child process that writes the matrices into a temporary folder; this process maps them and lets the folder go. What a replay has
not touched yet then takes no memory at all.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from services.paper_exchange.logic.candles import PRICE_FIELDS, Floats, Grid
from services.paper_exchange.logic.flow import Flow
from services.paper_exchange.logic.funding import FundingTrack
from services.paper_exchange.sources.recording import Recording
from shared.domain.errors import ConfigError

_SMALL_BYTES = 2_000_000
FIELDS = (*PRICE_FIELDS, "volume", "quote", "trades")
_LINES = ("marks", "index")
_TABLES = ("trades", "books", "marks")


def load(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Recording:
    """A recording, read in this process when the files are small.

    Raises:
        ConfigError: as `reading.read`.
    """
    size = sum(path.stat().st_size for path in paths if path.is_file()) + sum(_folder_size(path) for path in paths if path.is_dir())
    if size < _SMALL_BYTES:
        return read(paths, symbols)
    with tempfile.TemporaryDirectory(prefix="mraster-candles-") as folder:
        command = [sys.executable, "-m", "services.paper_exchange.sources.mapped", folder, ",".join(symbols), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this program itself
        if done.returncode:
            raise ConfigError(done.stderr.strip() or f"reading {paths[0]} ended with {done.returncode}")
        return open_recording(Path(folder))


def read(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Recording:
    """Read in this process."""
    # Only a process that reads files needs pyarrow.
    from services.paper_exchange.sources import reading  # noqa: PLC0415

    return reading.read(paths, symbols)


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def save(found: Recording, folder: Path) -> None:
    """Write all matrices, one file each, and the rest as JSON."""
    _save_grid(found.grid, folder / "grid")
    for name, grid in found.more.items():
        _save_grid(grid, folder / f"more-{name}")
    for name in _LINES:
        if (line := getattr(found, name)) is not None:
            _save_grid(line, folder / name)
    for kind in _TABLES:
        for row, table in getattr(found.flow, kind).items():
            np.save(folder / f"{kind}-{row}.npy", table)
    head = {
        "fundings": {symbol: asdict(track) for symbol, track in found.fundings.items()},
        "more": list(found.more),
        "lines": [name for name in _LINES if getattr(found, name) is not None],
        "built": found.flow.built,
        "notes": found.notes,
    }
    (folder / "head.json").write_text(json.dumps(head))


def _save_grid(grid: Grid, folder: Path) -> None:
    folder.mkdir()
    for name in FIELDS:
        np.save(folder / f"{name}.npy", getattr(grid, name))
    for row, pair in grid.taker.items():
        np.save(folder / f"taker-{row}.npy", np.stack(pair))
    head = {"symbols": grid.symbols, "interval": grid.interval, "interval_ms": grid.interval_ms, "start_ms": grid.start_ms}
    (folder / "head.json").write_text(json.dumps(head))


def open_recording(folder: Path) -> Recording:
    """Map what was saved; the folder may be deleted while it is in use."""
    head = json.loads((folder / "head.json").read_text())
    tables = {kind: {int(path.stem.rpartition("-")[2]): _map(path) for path in sorted(folder.glob(f"{kind}-*.npy"))} for kind in _TABLES}
    return Recording(
        grid=_open_grid(folder / "grid"),
        fundings={symbol: FundingTrack(**track) for symbol, track in head["fundings"].items()},
        more={name: _open_grid(folder / f"more-{name}") for name in head["more"]},
        **{name: _open_grid(folder / name) for name in head["lines"]},
        flow=Flow(**tables, built=head["built"]),
        notes=tuple(head["notes"]),
    )


def _map(path: Path) -> Any:
    return np.load(path, mmap_mode="r")


def _open_grid(folder: Path) -> Grid:
    head = json.loads((folder / "head.json").read_text())
    head["symbols"] = tuple(head["symbols"])
    taker: dict[int, tuple[Floats, Floats]] = {}
    for path in folder.glob("taker-*.npy"):
        pair = _map(path)
        taker[int(path.stem.removeprefix("taker-"))] = (pair[0], pair[1])
    return Grid(**head, **{name: _map(folder / f"{name}.npy") for name in FIELDS}, taker=taker)


def main(arguments: list[str]) -> int:
    """The child: read, write, say what is wrong on stderr."""
    folder, symbols, *paths = arguments
    try:
        save(read(tuple(map(Path, paths)), tuple(name for name in symbols.split(",") if name)), Path(folder))
    except ConfigError as error:
        sys.stderr.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

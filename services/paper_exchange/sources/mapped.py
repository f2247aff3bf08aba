"""Recorded candles as files that are mapped into memory instead of read into it.

Reading parquet takes three times the memory of its result, and an allocator gives little of it back. So a big file is read by a
child process that writes the matrices into a temporary folder; this process maps them and lets the folder go. What a replay has
not touched yet then takes no memory at all.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from services.paper_exchange.logic.candles import PRICE_FIELDS, Floats, Grid
from services.paper_exchange.logic.funding import FundingTrack
from shared.domain.errors import ConfigError

_SMALL_BYTES = 2_000_000
FIELDS = (*PRICE_FIELDS, "volume", "quote", "trades")


Recorded = tuple[Grid, dict[str, FundingTrack]]


def load(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Recorded:
    """Candles and fundings, read in this process when the files are small.

    Raises:
        ConfigError: as `recorded.load_grid` and `funding_file.load_funding`.
    """
    size = sum(path.stat().st_size for path in paths if path.is_file()) + sum(_folder_size(path) for path in paths if path.is_dir())
    if size < _SMALL_BYTES:
        return read(paths, symbols)
    with tempfile.TemporaryDirectory(prefix="mraster-candles-") as folder:
        command = [sys.executable, "-m", "services.paper_exchange.sources.mapped", folder, ",".join(symbols), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this program itself
        if done.returncode:
            raise ConfigError(done.stderr.strip() or f"reading {paths[0]} ended with {done.returncode}")
        return open_recorded(Path(folder))


def read(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Recorded:
    """Candles, and fundings from the folder of the first file."""
    # Only a process that reads files needs pyarrow.
    from services.paper_exchange.sources import funding_file, recorded  # noqa: PLC0415

    grid = recorded.load_grid(paths, symbols)
    file = funding_file.find_funding(paths[0] if paths[0].is_dir() else paths[0].parent)
    return grid, {} if file is None else funding_file.load_funding(file, grid.symbols)


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def save(recorded: Recorded, folder: Path) -> None:
    """Write a grid's matrices, one file each, and the fundings."""
    grid, fundings = recorded
    for name in FIELDS:
        np.save(folder / f"{name}.npy", getattr(grid, name))
    for row, pair in grid.taker.items():
        np.save(folder / f"taker-{row}.npy", np.stack(pair))
    head = {"symbols": grid.symbols, "interval": grid.interval, "interval_ms": grid.interval_ms, "start_ms": grid.start_ms}
    (folder / "head.json").write_text(json.dumps(head))
    (folder / "funding.json").write_text(json.dumps({symbol: asdict(track) for symbol, track in fundings.items()}))


def open_recorded(folder: Path) -> Recorded:
    """Map what was saved; the folder may be deleted while it is in use."""
    head = json.loads((folder / "head.json").read_text())
    head["symbols"] = tuple(head["symbols"])
    taker: dict[int, tuple[Floats, Floats]] = {}
    for path in folder.glob("taker-*.npy"):
        pair = np.load(path, mmap_mode="r")
        taker[int(path.stem.removeprefix("taker-"))] = (pair[0], pair[1])
    grid = Grid(**head, **{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in FIELDS}, taker=taker)
    fundings = json.loads((folder / "funding.json").read_text())
    return grid, {symbol: FundingTrack(**track) for symbol, track in fundings.items()}


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

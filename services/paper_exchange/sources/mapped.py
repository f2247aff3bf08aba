"""Recorded candles as files that are mapped into memory instead of read into it.

Reading parquet takes three times the memory of its result, and an allocator gives little of it back. So a big file is read by a
child process that writes the matrices into a temporary folder; this process maps them and lets the folder go. What a replay has
not touched yet then takes no memory at all.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from services.paper_exchange.logic.candles import PRICE_FIELDS, Floats, Grid
from shared.domain.errors import ConfigError

_SMALL_BYTES = 2_000_000
FIELDS = (*PRICE_FIELDS, "volume", "quote", "trades")


def load(paths: tuple[Path, ...], symbols: tuple[str, ...]) -> Grid:
    """Read kline files, in this process when they are small.

    Raises:
        ConfigError: as `recorded.load_grid`.
    """
    size = sum(path.stat().st_size for path in paths if path.is_file()) + sum(_folder_size(path) for path in paths if path.is_dir())
    if size < _SMALL_BYTES:
        from services.paper_exchange.sources.recorded import load_grid  # noqa: PLC0415 - only then this process needs pyarrow

        return load_grid(paths, symbols)
    with tempfile.TemporaryDirectory(prefix="mraster-candles-") as folder:
        command = [sys.executable, "-m", "services.paper_exchange.sources.mapped", folder, ",".join(symbols), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this program itself
        if done.returncode:
            raise ConfigError(done.stderr.strip() or f"reading {paths[0]} ended with {done.returncode}")
        return open_grid(Path(folder))


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def save_grid(grid: Grid, folder: Path) -> None:
    """Write a grid's matrices, one file each."""
    for name in FIELDS:
        np.save(folder / f"{name}.npy", getattr(grid, name))
    for row, pair in grid.taker.items():
        np.save(folder / f"taker-{row}.npy", np.stack(pair))
    head = {"symbols": grid.symbols, "interval": grid.interval, "interval_ms": grid.interval_ms, "start_ms": grid.start_ms}
    (folder / "head.json").write_text(json.dumps(head))


def open_grid(folder: Path) -> Grid:
    """Map a saved grid; the folder may be deleted while it is in use."""
    head = json.loads((folder / "head.json").read_text())
    head["symbols"] = tuple(head["symbols"])
    taker: dict[int, tuple[Floats, Floats]] = {}
    for path in folder.glob("taker-*.npy"):
        pair = np.load(path, mmap_mode="r")
        taker[int(path.stem.removeprefix("taker-"))] = (pair[0], pair[1])
    return Grid(**head, **{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in FIELDS}, taker=taker)


def main(arguments: list[str]) -> int:
    """The child: read, write, say what is wrong on stderr."""
    from services.paper_exchange.sources.recorded import load_grid  # noqa: PLC0415 - the child's own import

    folder, symbols, *paths = arguments
    try:
        wanted = tuple(name for name in symbols.split(",") if name)
        save_grid(load_grid(tuple(map(Path, paths)), wanted), Path(folder))
    except ConfigError as error:
        sys.stderr.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

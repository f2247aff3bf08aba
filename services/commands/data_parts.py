"""Where a download keeps what it has, piece by piece, until a file is put together."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.commands.data_layout import Dataset, Writer, read_covered, rows_of, shaped, stamped, write_atomically
from services.commands.data_span import Span, Spans, joined
from shared.domain.errors import ConfigError

WORK = ".download"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One download per folder.

    Raises:
        ConfigError: the folder cannot be written, or another download works there.
    """
    work = folder / WORK
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror}); give another folder with --out") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"{folder}: another download writes there; wait for it or give another folder with --out") from error
        yield


class Parts:
    """Pieces of one file: `<symbol>/<from>-<to>.parquet`, each written whole or not at all."""

    def __init__(self, folder: Path, dataset: Dataset, step_ms: int) -> None:
        self.dataset = dataset
        self.path = folder / dataset.file
        self.step_ms = step_ms
        self._work = folder / WORK / dataset.stem
        for path in (*self._work.glob("*/.*.tmp"), self.path.with_name(f".{self.path.name}.tmp")):
            path.unlink(missing_ok=True)
        self._covered = read_covered(self.path, dataset, step_ms)

    def held(self, symbol: str) -> Spans:
        """What needs no asking any more: in the file or in pieces."""
        return [*self._covered.get(symbol, []), *(span for span, _ in self._pieces(symbol))]

    def keep(self, symbol: str, span: Span, table: pa.Table) -> None:
        """Store what the venue has in a span."""
        folder = self._work / symbol
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{span[0]}-{span[1]}.parquet", table)

    def _pieces(self, symbol: str) -> list[tuple[Span, Path]]:
        found = []
        for path in (self._work / symbol).glob("*-*.parquet"):
            start, _, end = path.stem.partition("-")
            found.append(((int(start), int(end)), path))
        return sorted(found)

    @property
    def symbols(self) -> list[str]:
        """All symbols that the file or a piece holds."""
        waiting = [path.name for path in self._work.iterdir() if path.is_dir()] if self._work.is_dir() else []
        return sorted({*self._covered, *waiting})

    def assemble(self) -> int:
        """Put file and pieces together, sorted and without duplicates; the number of rows that are new.

        The pieces go only after the new file has its name, so being killed at any moment loses nothing.
        """
        pieces = list(self._work.glob("*/*.parquet")) if self._work.is_dir() else []
        if not pieces or not (self.path.is_file() or any(pq.read_metadata(piece).num_rows for piece in pieces)):
            # an empty file would be of no use to anybody; empty pieces stay and remember that there is nothing
            return 0
        covered = {symbol: joined(self.held(symbol)) for symbol in self.symbols}
        added = 0
        with Writer(self.path, stamped(self.dataset.schema, covered)) as writer:
            for symbol in self.symbols:
                before = rows_of(self.path, symbol, self.dataset)
                fetched = [shaped(pq.read_table(path), self.dataset) for _, path in self._pieces(symbol)]
                table = sorted_once(pa.concat_tables([before, *fetched]), self.dataset.time)
                added += table.num_rows - before.num_rows
                if table.num_rows:
                    writer.add(table.replace_schema_metadata(stamped(self.dataset.schema, covered).metadata))
        shutil.rmtree(self._work)
        self._covered = covered
        return added


def sorted_once(table: pa.Table, name: str) -> pa.Table:
    """Rows by time, the later one of two with the same time."""
    if not table.num_rows:
        return table
    times = table.column(name).to_numpy()
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    kept: list[int] = order[last].tolist()
    return table.take(kept)

"""How far a download is: a bar on a terminal, now and then a line elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

import typer

_EVERY_S = 10.0


class Progress(Protocol):
    """Somebody who is told about finished work."""

    def advance(self, pages: int, what: str) -> None:
        """So many requests more are done, the last of them about `what`."""
        ...


class Lines:
    """At most one line in ten seconds, and one at the end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._told_s = time.monotonic()

    def advance(self, pages: int, what: str) -> None:
        """Count, and say so when it is time."""
        self._done += pages
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S or self._done >= self._total:
            self._told_s = now_s
            typer.echo(f"{self._done} of {self._total} requests ({100 * self._done // max(1, self._total)} %), {what}", err=True)


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Progress]:
    """A bar on stderr when it is a terminal, else lines there."""
    if not sys.stderr.isatty():
        yield Lines(total)
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as RichProgress  # noqa: PLC0415

    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TextColumn("requests"), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("download", total=total)

        class Bar:
            """The bar as something that is told."""

            def advance(self, pages: int, what: str) -> None:
                """Move it."""
                bar.update(task, advance=pages, description=what)

        yield Bar()

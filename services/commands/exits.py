"""Exit codes, and how a command says that it cannot go on."""

from enum import IntEnum
from typing import NoReturn

import typer


class Exit(IntEnum):
    """Stable exit codes; typer uses 2 for a wrong command line, too."""

    OK = 0
    FAILED = 1
    WRONG_SETTINGS = 2
    NOTHING_RUNNING = 3


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Print one message on stderr and end with the code."""
    typer.echo(message, err=True)
    raise typer.Exit(int(code))

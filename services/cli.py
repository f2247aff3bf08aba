"""`mraster`: one command for every service and every operation."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.commands import (
    config,
    control,
    data,
    doctor,
    export,
    flatten,
    health,
    imports,
    move_stop,
    paper,
    provision,
    reset,
    secrets,
    service,
    status,
    up,
)
from services.commands.catalog import product_version
from services.commands.exits import Exit
from shared.config.envfile import read_env_file
from shared.domain.errors import ConfigError, MrasterError

app = typer.Typer(name="mraster", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature for callbacks
    if wanted:
        typer.echo(f"mraster {product_version()}")
        raise typer.Exit


def _adopt(path: Path | None) -> None:
    """Take the variables of a file (a container's secret) as if they had been set; those that are set already win."""
    if path is not None:
        for name, value in read_env_file(path).items():
            os.environ.setdefault(name, value)  # noqa: TID251 - before anything reads it


@app.callback()
def root(
    *,
    _env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="FILE", callback=_adopt, help="Variables from a file, weaker than those that are set."),
    ] = None,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Crypto-futures automation: scan, decide, place bracketed orders, guard them, explain everything."""


for module in (
    up,
    status,
    control,
    flatten,
    move_stop,
    service,
    paper,
    data,
    config,
    provision,
    secrets,
    export,
    imports,
    reset,
    doctor,
    health,
):
    module.register(app)


def main() -> None:
    """The console script. Our own errors are one message; anything else is a bug and shows its traceback."""
    try:
        app()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(Exit.WRONG_SETTINGS)
    except MrasterError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()

"""`mraster`: one command for every service and every operation."""

import sys
from typing import Annotated

import typer

from services.commands import config, control, health, paper, provision, reset, service, status, up
from services.commands.catalog import product_version
from services.commands.exits import Exit
from shared.domain.errors import ConfigError, MrasterError

app = typer.Typer(name="mraster", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature for callbacks
    if wanted:
        typer.echo(f"mraster {product_version()}")
        raise typer.Exit


@app.callback()
def root(
    *,
    _version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Crypto-futures automation: scan, decide, place bracketed orders, guard them, explain everything."""


for module in (up, status, control, service, paper, config, provision, reset, health):
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

"""`mraster reset`: begin anew. Nothing is deleted: the home folder is moved aside."""

import time

import typer

from services.commands.exits import fail
from services.commands.place import HomeOption, home_of
from services.supervisor.home import Home


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("reset", rich_help_panel="Operations")(reset)


def reset(*, home: HomeOption = None) -> None:
    """Move the home folder (stores, paper account, logs) aside, so that the next start begins anew."""
    place = Home(home_of(home).expanduser().absolute())
    holder = place.holder()
    if holder is not None:
        fail(f"MrAster runs in {place.path} (process {holder}): stop it first, then reset")
    kept = place.backed_up(time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    typer.echo(f"nothing to reset in {place.path}" if kept is None else f"the next start begins anew; what was there is kept in {kept}")

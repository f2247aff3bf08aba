"""`mraster config check / show`: what the settings of this folder and environment come to."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from services.commands.place import settings_here
from shared.config.settings import EffectiveRow, Source

config_app = typer.Typer(no_args_is_help=True, add_completion=False)


def register(app: typer.Typer) -> None:
    """The group."""
    app.add_typer(config_app, name="config", help="Check and show the settings.", rich_help_panel="Operations")


@config_app.command()
def check() -> None:
    """Say whether the settings are valid; every problem at once, exit code 2."""
    settings = settings_here()
    for name, feature in settings.waiting().items():
        typer.echo(f"{name}: set, but without effect until {feature} is there", err=True)
    changed = sum(row.source is not Source.DEFAULT for row in settings.effective())
    typer.echo(f"settings are valid; {changed} differ from the defaults")


@config_app.command()
def show(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also those that have their default.")] = False,
) -> None:
    """Show settings with where each value comes from; secrets are masked."""
    rows = settings_here().effective()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1, default=str))
        return
    shown = [row for row in rows if every or row.source is not Source.DEFAULT]
    for row in shown:
        typer.echo(_line(row))
    if not shown:
        typer.echo("every setting has its default; --all lists them")


def _line(row: EffectiveRow) -> str:
    return f"{row.name}={row.value}  ({row.source.value}{', default ' + row.default if row.source is not Source.DEFAULT else ''})"

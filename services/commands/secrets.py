"""`mraster secrets init`: the passwords that `docker compose up` needs."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands import secret_files
from shared.domain.errors import ConfigError

secrets_app = typer.Typer(no_args_is_help=True, add_completion=False)


def register(app: typer.Typer) -> None:
    """The group."""
    app.add_typer(secrets_app, name="secrets", help="Passwords for the containers.", rich_help_panel="Operations")


@secrets_app.callback()
def group() -> None:
    """Passwords for the containers."""


@secrets_app.command()
def init(
    *,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where they are written.")] = Path("secrets"),
    rules: Annotated[Path, typer.Option(metavar="FILE", help="The rules of Redis.")] = Path("deploy/redis/users.acl"),
) -> None:
    """Make a password for every service and for the page."""
    try:
        template = rules.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{rules}: expected the rules of Redis ({error.strerror}); run this in the project's folder") from error
    made = secret_files.make(template)
    secret_files.write(made, folder)
    typer.echo(f"{len(made.files)} files are in {folder}. Password of the page: {made.page_password}")

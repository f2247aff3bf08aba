"""`mraster health`: the health check of a container."""

from typing import Annotated

import typer

from services.commands.exits import fail


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("health", rich_help_panel="Operations")(health)


def health(
    *,
    url: Annotated[str, typer.Option(help="What must answer with 200.")] = "http://127.0.0.1:9100/readyz",
) -> None:
    """Ask one probe of a service on this machine; exit code 0 when it answers 200."""
    import httpx  # noqa: PLC0415 - other commands start without it

    try:
        answer = httpx.get(url, timeout=3.0)
    except httpx.HTTPError as error:
        fail(f"{url} does not answer: {error}")
    if answer.status_code != httpx.codes.OK:
        fail(f"{url} answers {answer.status_code}: {answer.text[:500]}")
    typer.echo("ok")

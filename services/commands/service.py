"""`mraster <service>`: one service in this process."""

from collections.abc import Callable
from importlib import import_module
from typing import Annotated

import typer

from services.commands.catalog import SERVICES, Entry, product_version


def register(app: typer.Typer) -> None:
    """One command per service."""
    for entry in SERVICES:
        app.command(entry.command, help=entry.summary, rich_help_panel="Services")(_command(entry))


def _command(entry: Entry) -> Callable[..., None]:
    def start(
        *,
        instance: Annotated[str, typer.Option(help="Name of this instance; empty makes one up.")] = "",
        http_host: Annotated[str, typer.Option(help="Address of the probes.")] = "127.0.0.1",
        http_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of /healthz, /readyz, /metrics; 0 takes a free one.")] = 0,
        lanes: Annotated[
            int | None, typer.Option(min=1, max=256, help="Messages handled at the same time; 1 keeps everything in order.")
        ] = None,
        provision: Annotated[bool, typer.Option(help="Create or update the streams at start.")] = True,
    ) -> None:
        # imported here: other commands start without loading NATS, Redis and numpy
        from shared.runtime.options import RunOptions  # noqa: PLC0415
        from shared.runtime.run import VenueAccess, run  # noqa: PLC0415

        options = RunOptions(
            instance=instance,
            http_host=http_host,
            http_port=http_port,
            lanes=lanes,
            provision=provision,
            starts_alone=entry.alone,
            version=product_version(),
        )
        build = import_module(entry.module).build
        raise typer.Exit(run(entry.name, build, options, venue=VenueAccess(entry.access)))

    return start

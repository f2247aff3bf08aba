"""`mraster provision`: create or update the streams, then leave. In containers only this job may do it."""

import asyncio
from typing import Annotated

import typer

from services.commands.exits import fail
from services.commands.place import HomeOption, addresses, settings_here
from shared.domain.errors import MrasterError


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("provision", rich_help_panel="Operations")(provision)


def provision(
    *,
    home: HomeOption = None,
    within: Annotated[float, typer.Option(min=1, max=600, help="Seconds to wait for NATS.")] = 30.0,
) -> None:
    """Create or update all streams on NATS."""
    nats_url, _ = addresses(home)
    try:
        count = asyncio.run(_provision(nats_url, settings_here().core.account, within))
    except MrasterError as error:
        fail(f"the streams were not provisioned: {error}")
    typer.echo(f"{count} streams are as specified")


async def _provision(url: str, account: str, deadline_s: float) -> int:
    from services.commands.stores import open_bus  # noqa: PLC0415 - loads NATS and Redis
    from shared.contracts.topic import STREAMS  # noqa: PLC0415

    async with open_bus(url, account, deadline_s) as bus:
        await bus.provision(STREAMS)
    return len(STREAMS)

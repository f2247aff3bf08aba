"""`mraster export`: everything that was learned in one file, with the trading state and the settings of the page for the record."""

import asyncio
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.exits import fail
from services.commands.place import HomeOption, addresses, settings_here
from shared.domain.errors import MrasterError, Permanent

if TYPE_CHECKING:
    from services.commands.state_store import Present
    from shared.state.snapshot import Snapshot


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("export", rich_help_panel="Operations")(export)


def export(
    *,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Where to write; must not exist yet.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was written as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Write the learning state to a file that `mraster import` reads. No secret is in it."""
    from services.commands.state_report import counts, of  # noqa: PLC0415 - loads numpy

    account = settings_here().core.account
    path = to if to is not None else Path(f"mraster-{account}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.json")
    try:
        found = asyncio.run(_read(addresses(home)[1], account))
        if found.unreadable:
            raise Permanent(f"what was learned cannot be read: {found.unreadable}")
        write_new(path, _snapshot(found, account))
    except (MrasterError, OSError) as error:
        fail(f"nothing was exported: {error}")
    review = of(found.learning)
    if as_json:
        typer.echo(json.dumps({"file": str(path), "account": account, "sections": counts(found.sections), "learning": asdict(review)}))
        return
    typer.echo(f"{path}: edition {review.edition}, {review.policy:g} outcomes, {review.following} signals followed")
    for problem in review.problems:
        typer.echo(f"not readable, exported as it is: {problem}", err=True)


async def _read(url: str, account: str) -> "Present":
    from services.commands.state_store import present  # noqa: PLC0415 - loads Redis
    from services.commands.stores import open_state  # noqa: PLC0415
    from shared.state.keys import Keys  # noqa: PLC0415

    async with open_state(url, account) as state:
        return await present(state, Keys(account))


def _snapshot(found: "Present", account: str) -> "Snapshot":
    from shared.state.snapshot import Snapshot  # noqa: PLC0415 - other commands start without it

    return Snapshot(account=account, written_ms=time.time_ns() // 1_000_000, writer="export", serial=0, sections=found.sections)


def write_new(path: Path, snapshot: "Snapshot") -> None:
    """Write a whole file, or none.

    Raises:
        FileExistsError: there is one already.
        OSError: it cannot be written.
    """
    from shared.state.snapshot import encode  # noqa: PLC0415 - other commands start without it

    if path.exists():
        raise FileExistsError(f"{path} exists already: expected a new name")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(encode(snapshot))
            out.flush()
            os.fsync(out.fileno())
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)

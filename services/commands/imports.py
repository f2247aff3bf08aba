"""`mraster import`: an export, a snapshot, or the state file of the original bot becomes what was learned."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.exits import fail
from services.commands.place import HomeOption, addresses, settings_here
from shared.domain.control import TradingState
from shared.domain.errors import MrasterError, Permanent

if TYPE_CHECKING:
    from services.commands.original import Original
    from services.commands.state_report import Report
    from services.commands.state_store import Present

Documents = dict[str, dict[str, Any]]
_RUNNING = "trading runs: expected it to be paused (`mraster pause`), or --while-running. Nothing was changed"


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("import", rich_help_panel="Operations")(import_)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the file says: the documents of a snapshot, or an original's trades."""

    documents: Documents | None
    original: "Original | None"
    others: tuple[tuple[str, int, str], ...] = ()

    def make(self, present: Documents) -> Documents:
        """The new documents."""
        from services.commands.taught import taught  # noqa: PLC0415 - loads numpy

        if self.documents is not None:
            return self.documents
        assert self.original is not None  # noqa: S101 - one of the two is there
        try:
            return taught(present, self.original.trades)
        except ValueError as error:
            raise Permanent(f"what was learned so far cannot be read, so nothing can be added to it: {error}") from error


def import_(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, a state file, or aster_state.json of the original bot.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    while_running: Annotated[bool, typer.Option("--while-running", help="Also while trading runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Show the changes as JSON.")] = False,
    home: HomeOption = None,
) -> None:
    """Replace what was learned by a file, or add the trades of the original bot to it. All of it, or nothing."""
    url, account = addresses(home)[1], settings_here().core.account
    try:
        wish = _wish(file, account)
        found = asyncio.run(_present(url, account))
        if found.unreadable and wish.original is not None:
            raise Permanent(f"what was learned so far cannot be read, so nothing can be added to it: {found.unreadable}")
        report = _report(wish, found)
    except (MrasterError, OSError) as error:
        fail(f"nothing was changed: {error}")
    typer.echo(json.dumps(report.to_dict()) if as_json else "\n".join(report.lines()))
    if report.problems:
        fail(f"nothing was changed: {file} cannot be read whole: {'; '.join(report.problems)}")
    if dry_run:
        return
    if found.state is TradingState.RUNNING and not while_running:
        fail(_RUNNING)
    if not yes:
        typer.confirm("Go on?", abort=True, err=True)
    try:
        asyncio.run(_replace(url, account, wish.make))
    except MrasterError as error:
        fail(f"the import did not happen for certain: {error}")
    typer.echo("done; the advisor that learned starts again with it", err=True)


def _wish(path: Path, account: str) -> _Wish:
    """The content of the file.

    Raises:
        SnapshotUnusable: it is neither.
        OSError: it cannot be read.
    """
    from services.commands.original import read  # noqa: PLC0415 - other commands start without it
    from shared.state.sections import LEARNING  # noqa: PLC0415
    from shared.state.snapshot import Flaw, SnapshotUnusable, for_account  # noqa: PLC0415
    from shared.state.state_file import load  # noqa: PLC0415

    try:
        sections = for_account(load(path), account).sections
    except SnapshotUnusable as error:
        if error.flaw is not Flaw.ORIGINAL:
            raise
        return _Wish(None, read(json.loads(path.read_bytes())))
    others = tuple((name, len(section), "for the record only") for name, section in sections.items() if name != LEARNING)
    if LEARNING not in sections:
        raise Permanent("the file holds nothing that was learned: expected a section `learning`")
    learning = sections[LEARNING]
    wrong = sorted(field for field, document in learning.items() if not isinstance(document, dict))
    if wrong:
        raise Permanent(f"expected documents in the section `learning`, found something else in {', '.join(wrong)}")
    return _Wish(dict(learning), None, others)


def _report(wish: _Wish, found: "Present") -> "Report":
    """What would change."""
    from services.commands import state_report, taught  # noqa: PLC0415 - loads numpy

    before, after = state_report.of(found.learning), state_report.of(wish.make(found.learning))
    changes = state_report.compared(before, after)
    if wish.original is None:
        return state_report.Report(kind="snapshot", changes=changes, left_out=wish.others, problems=after.problems)
    new = len(taught.fresh(found.learning, wish.original.trades))
    known = len(wish.original.trades) - new
    return state_report.Report(
        kind="original", changes=changes, trades=new, known=known, left_out=state_report.left_out(wish.original), problems=after.problems
    )


async def _present(url: str, account: str) -> "Present":
    from services.commands.state_store import present  # noqa: PLC0415 - loads Redis
    from services.commands.stores import open_state  # noqa: PLC0415
    from shared.state.keys import Keys  # noqa: PLC0415

    async with open_state(url, account) as state:
        return await present(state, Keys(account))


async def _replace(url: str, account: str, make: Callable[[Documents], Documents]) -> None:
    from services.commands.state_store import replace  # noqa: PLC0415 - loads Redis
    from services.commands.stores import open_state  # noqa: PLC0415
    from shared.state.keys import Keys  # noqa: PLC0415

    async with open_state(url, account) as state:
        await replace(state, Keys(account), make)

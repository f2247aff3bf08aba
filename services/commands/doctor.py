"""`mraster doctor`: is everything as trading needs it? Gates going live."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption
from shared.domain.errors import ConfigError

if TYPE_CHECKING:
    from services.commands.checkup import Finding, Wishes
    from services.commands.clearing import Verdict
    from shared.config.settings import Settings

_MARKS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL", "skipped": "-   "}


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("doctor", rich_help_panel="Operations")(doctor)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="Switch the account to one-way mode when it is not.")] = False,
    allow_withdrawals: Annotated[bool, typer.Option("--allow-withdrawals", help="Accept a key that may withdraw.")] = False,
    home: HomeOption = None,
) -> None:
    """Exit code 0: nothing is in the way of trading; 1: something is; 2: wrong settings.

    With real money the result is kept where the executor reads it: it sends no entry before the checks have passed.
    """
    from services.commands.checkup import Status, Wishes  # noqa: PLC0415 - loads the venue client
    from services.commands.venue_door import settings_of  # noqa: PLC0415

    settings = settings_of(home)
    try:
        findings, verdict = asyncio.run(_examine(settings, Wishes(fix=fix, allow_withdrawals=allow_withdrawals), home))
    except ConfigError as error:
        fail(str(error), Exit.WRONG_SETTINGS)
    good = verdict.allowed and not any(finding.status is Status.FAILED for finding in findings)
    if as_json:
        report = {"ok": good, "paper": settings.core.paper, "checks": [asdict(finding) for finding in findings], "live": asdict(verdict)}
        typer.echo(json.dumps(report, indent=1))
    else:
        typer.echo(_text(findings, verdict))
    raise typer.Exit(int(Exit.OK if good else Exit.FAILED))


async def _examine(settings: "Settings", wishes: "Wishes", home: Path | None) -> tuple[list["Finding"], "Verdict"]:
    from services.commands.checkup import examine  # noqa: PLC0415 - loads the venue client
    from services.commands.clearing import record  # noqa: PLC0415 - see above
    from services.commands.venue_door import open_door  # noqa: PLC0415

    async with open_door(settings) as door:
        findings = await examine(door, wishes)
    return findings, await record(settings, findings, home)


def _text(findings: list["Finding"], verdict: "Verdict") -> str:
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.status.value]}  {finding.check:<18} {finding.detail}")
        if finding.fix:
            lines.append(f"      {'':<18} -> {finding.fix}")
    if verdict.needed:
        lines.append("real money: entries are allowed" if verdict.allowed else f"real money: entries stay refused: {verdict.detail}")
    return "\n".join(lines)

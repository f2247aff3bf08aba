"""`mraster status`: what the dashboard says about the running product, and what the supervisor knows of its processes."""

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, running_here, settings_here
from services.supervisor.memory import resident
from services.supervisor.runfile import RunFile
from shared.domain.errors import MrasterError

_TIMEOUT_S = 3.0


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("status", rich_help_panel="Running")(status)


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    home: HomeOption = None,
) -> None:
    """Exit code 0: all is ready; 1: it is not; 3: nothing runs."""
    run = running_here(home)
    base = run.dashboard if run is not None else _dashboard_of_settings()
    ready, answer = _ask(base)
    if run is None and answer is None:
        fail(f"nothing runs: no supervisor in this home, and nobody answers at {base}. Start it with: mraster up", Exit.NOTHING_RUNNING)
    report = {"ready": ready, "dashboard": base, "status": answer, "live": _live(home), **(_processes(run) if run is not None else {})}
    typer.echo(json.dumps(report, indent=1) if as_json else _text(report))
    raise typer.Exit(int(Exit.OK if ready else Exit.FAILED))


def _dashboard_of_settings() -> str:
    dashboard = settings_here().dashboard
    return f"http://{dashboard.host}:{dashboard.port}"


def _ask(base: str) -> tuple[bool, Any]:
    """Whether the product is ready, and the dashboard's report (None when nobody answers)."""
    import httpx  # noqa: PLC0415 - other commands start without it

    try:
        with httpx.Client(base_url=base, timeout=_TIMEOUT_S) as client:
            ready = client.get("/readyz").status_code == httpx.codes.OK
            answer = client.get("/api/status")
            return ready, answer.json() if answer.status_code == httpx.codes.OK else {"unknown": f"answer {answer.status_code}"}
    except (httpx.HTTPError, ValueError):
        return False, None


def _live(home: Path | None) -> dict[str, Any] | None:
    """With real money: whether entries are allowed, what is in the way, and until when; None on paper."""
    from services.commands.clearing import standing  # noqa: PLC0415 - loads Redis

    try:
        now = asyncio.run(standing(settings_here(), home))
    except MrasterError as error:
        return {"allowed": False, "detail": f"not known: {error}", "at_ms": None, "until_ms": None}
    return None if now is None else asdict(now)


def _processes(run: RunFile) -> dict[str, Any]:
    """The supervisor's processes with their memory, and the sum."""
    rows: dict[str, dict[str, Any]] = {
        name: {
            "pid": entry.pid,
            "port": entry.port,
            "restarts": entry.restarts,
            "last_exit": entry.last_exit,
            "memory_bytes": resident(entry.pid),
        }
        for name, entry in run.processes.items()
    }
    total = resident(run.pid) + sum(row["memory_bytes"] for row in rows.values())
    return {"mode": run.mode, "supervisor": run.pid, "processes": rows, "memory_bytes": total}


def _text(report: dict[str, Any]) -> str:
    lines = [f"{'ready' if report['ready'] else 'not ready'}  {report['dashboard']}  {report.get('mode', '')}".rstrip()]
    live = report.get("live")
    if live is not None:
        lines.append(
            f"  real money: entries are allowed{_until(live)}"
            if live["allowed"]
            else f"  real money: entries are refused: {live['detail']}"
        )
    for name, row in report.get("processes", {}).items():
        state = f"pid {row['pid']}" if row["pid"] else "not running"
        restarts = f"  restarts {row['restarts']} ({row['last_exit']})" if row["restarts"] else ""
        lines.append(f"  {name:<15} {state:<12} {row['memory_bytes'] / 2**20:6.0f} MB{restarts}")
    if "memory_bytes" in report:
        lines.append(f"  {'together':<28} {report['memory_bytes'] / 2**20:6.0f} MB")
    return "\n".join(lines)


def _until(live: dict[str, Any]) -> str:
    """Until when the checks stand, as a day."""
    return "" if live["until_ms"] is None else f" until {datetime.fromtimestamp(live['until_ms'] / 1000, UTC):%Y-%m-%d}"

"""`mraster data`: fetch recordings from a venue, and look whether a recording is sound."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.exits import Exit, fail
from services.commands.place import settings_here
from shared.domain.errors import ConfigError, MrasterError

if TYPE_CHECKING:
    from services.commands.data_check import FileReport
    from services.commands.data_job import Summary

data_app = typer.Typer(no_args_is_help=True, add_completion=False)
_INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """The group."""
    app.add_typer(data_app, name="data", help="Fetch and check recordings for replays.", rich_help_panel="Operations")


@data_app.command()
def download(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    interval: Annotated[str, typer.Option(metavar="A,B", help="Intervals of the candles, for example 1m,5m,1h.")] = "5m",
    symbols: Annotated[str, typer.Option(metavar="A,B", help="Only these; without it all that trade in the quote asset.")] = "",
    quote: Annotated[str | None, typer.Option(help="Quote asset of the contracts. Default: of the settings.")] = None,
    start: Annotated[str, typer.Option(metavar="WHEN", help="2025-11-01, 2025-11-01T12:00, milliseconds, or 30d ago.")] = "30d",
    end: Annotated[str, typer.Option(metavar="WHEN", help="As --start; now means the last closed candle.")] = "now",
    kind: Annotated[str, typer.Option(metavar="A,B", help="klines, mark, index: which candles.")] = "klines",
    funding: Annotated[bool, typer.Option(help="Also the funding rates.")] = True,
    base: Annotated[str, typer.Option(metavar="URL", help="REST address of the venue. Default: of the settings.")] = "",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the recording; what it holds is kept and extended.")] = Path("data"),
    share: Annotated[float, typer.Option(min=0.05, max=1.0, help="Share of the venue's request limit; the rest is left to others.")] = 0.8,
    as_json: Annotated[bool, typer.Option("--json", help="A summary for scripts on stdout.")] = False,
) -> None:
    """Fetch candles and fundings into Parquet files that a replay reads. Stopped or killed, it goes on where it was."""
    from services.commands.data_job import run  # noqa: PLC0415 - loads pyarrow and the venue client
    from services.commands.data_plan import Order  # noqa: PLC0415

    core = settings_here().core
    order = Order(
        base=base or core.exchange_base,
        dialect=None if base or core.venue_dialect.value == "auto" else core.venue_dialect.value,
        intervals=_words(interval),
        kinds=_words(kind),
        symbols=tuple(name.upper() for name in _words(symbols)),
        quote=(quote or core.quote).upper(),
        start=start,
        end=end,
        funding=funding,
        folder=out,
        share=share,
    )
    try:
        summary = asyncio.run(run(order))
    except ConfigError:
        raise
    except MrasterError as error:
        fail(f"the download stopped: {error}\nwhat was fetched is kept in {out}; run the same command again to go on")
    except OSError as error:
        fail(f"the download stopped: {out} cannot be written ({error.strerror or error}); make room or give another folder with --out")
    except KeyboardInterrupt:
        typer.echo(f"stopped; what was fetched is kept in {out}; run the same command again to go on", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    typer.echo(json.dumps(asdict(summary), indent=1) if as_json else _told(summary))
    raise typer.Exit(int(Exit.OK if summary.ok else Exit.FAILED))


@data_app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A file or a folder of a recording.")],
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Gaps are failures, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Look for gaps, duplicates, rows off the grid and impossible prices. Exit code 1 when the recording is not sound."""
    from services.commands.data_check import check_path  # noqa: PLC0415 - loads pyarrow

    reports = check_path(path)
    good = all(report.sound and not (strict and report.gaps) for report in reports)
    if as_json:
        typer.echo(json.dumps({"ok": good, "files": [asdict(report) for report in reports]}, indent=1))
    else:
        typer.echo("\n".join(_line(report) for report in reports))
    raise typer.Exit(int(Exit.OK if good else Exit.FAILED))


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in (part.strip() for part in text.split(",")) if word))


def _told(summary: "Summary") -> str:
    lines = [
        f"{file.file}: {file.rows:,} rows of {file.symbols} symbols, {file.added:,} new" + (f", {file.gaps} gaps" if file.gaps else "")
        for file in summary.files
    ]
    lines += [f"{name}: not fetched, {reason}" for name, reason in summary.failed.items()]
    lines.append(f"{summary.requests} requests in {summary.seconds:.0f} s; replay it with --market replay:{summary.folder}")
    return "\n".join(lines)


def _line(report: "FileReport") -> str:
    head = f"{report.file}: {report.rows:,} rows of {report.symbols} symbols"
    found = [f"{report.gaps} gaps ({report.missing:,} candles)"] if report.gaps else []
    found += [f"{count} {name}" for name, count in report.problems.items() if count]
    return f"{head}: {', '.join(found) if found else 'no gap, no duplicate'}" + "".join(f"\n  {example}" for example in report.examples)

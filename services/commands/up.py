"""`mraster up`: a whole MrAster on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.catalog import SERVICES, product_version
from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, env_file, home_of
from services.supervisor.options import SCALABLE, UpOptions

_MOST = 16
_NAMES = tuple(entry.name for entry in SERVICES)


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("up", rich_help_panel="Running")(up)


def up(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    market: Annotated[
        str | None, typer.Option(metavar="KIND", help="Prices: auto, live, synthetic, or replay:PATH (a file or folder).")
    ] = None,
    speed: Annotated[str | None, typer.Option(metavar="N", help="How many times faster than real time a recording is played.")] = None,
    seed: Annotated[int | None, typer.Option(help="Start of the random numbers of the synthetic market.")] = None,
    symbols: Annotated[str | None, typer.Option(metavar="A,B", help="Trade only these symbols.")] = None,
    home: HomeOption = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the page; 0 takes a free one.")] = None,
    once: Annotated[bool, typer.Option("--once", help="One scan cycle, a summary, and the end.")] = False,
    lock_step: Annotated[bool, typer.Option("--lock-step", help="Venue time stands still until its control API is told to step.")] = False,
    services: Annotated[str, typer.Option(metavar="A,B", help="Start only these services.")] = ",".join(_NAMES),
    scale: Annotated[
        list[str] | None, typer.Option("--scale", metavar="NAME=N", help="Several scanners or advisors that share the work.")
    ] = None,
) -> None:
    """Start NATS, Redis, the paper venue and all services, and keep them running until Ctrl-C."""
    # imported here: other commands start without it
    from services import local  # noqa: PLC0415
    from shared.config.load import process_environment  # noqa: PLC0415

    options = UpOptions(
        home=home_of(home),
        market=market,
        speed=speed,
        seed=seed,
        symbols=symbols,
        port=port,
        once=once,
        lock_step=lock_step,
        services=_chosen(services),
        scale=_scales(scale or [], once=once),
    )
    around = local.Surroundings(
        folder=Path.cwd(), env_file=env_file(), version=product_version(), colour=local.colours_wanted(process_environment())
    )
    raise typer.Exit(local.up(options, around))


def _chosen(text: str) -> tuple[str, ...]:
    """The services that were named, in the order of their start."""
    asked = {part.strip().replace("-", "_") for part in text.split(",") if part.strip()}
    unknown = sorted(asked - set(_NAMES))
    if unknown or not asked:
        fail(f"--services: expected names out of {', '.join(_NAMES)}, found {', '.join(unknown) or 'nothing'}", Exit.WRONG_SETTINGS)
    return tuple(name for name in _NAMES if name in asked)


def _scales(texts: list[str], *, once: bool) -> dict[str, int]:
    """How many of which."""
    found: dict[str, int] = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in SCALABLE or not number.isdecimal() or not 1 <= int(number) <= _MOST:
            fail(f"--scale: expected one of {', '.join(SCALABLE)} = 1 to {_MOST}, found {text!r}", Exit.WRONG_SETTINGS)
        found[name] = int(number)
    if once and any(number > 1 for number in found.values()):
        fail("--scale: expected 1 of each with --once, which counts the work of one", Exit.WRONG_SETTINGS)
    return found

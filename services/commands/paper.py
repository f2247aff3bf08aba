"""`mraster paper-exchange`: the paper venue in this process; it needs neither NATS nor Redis."""

import math
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.place import settings_here
from services.supervisor.environment import market_settings
from shared.config.choices import Dialect as SettingsDialect
from shared.config.load import load, process_environment
from shared.config.settings import Settings

if TYPE_CHECKING:
    from services.paper_exchange.options import Options


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("paper-exchange", rich_help_panel="Services")(paper_exchange)


def paper_exchange(  # noqa: PLR0913 - one parameter per option of the command line
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8100,
    market: Annotated[str | None, typer.Option(metavar="KIND", help="auto, live, synthetic, or replay:PATH[,PATH].")] = None,
    symbols: Annotated[str | None, typer.Option(metavar="A,B", help="Only these symbols.")] = None,
    seed: Annotated[int | None, typer.Option(help="Start of the random numbers of the synthetic market.")] = None,
    speed: Annotated[str | None, typer.Option(metavar="N", help="Times real time; max plays as fast as possible.")] = None,
    lock_step: Annotated[bool, typer.Option("--lock-step", help="Time advances only when the control API says so.")] = False,
    dialect: Annotated[str | None, typer.Option(help="binance or aster.")] = None,
    api_key: Annotated[str | None, typer.Option(help="Key that is accepted.")] = None,
    api_secret: Annotated[str | None, typer.Option(help="Secret that belongs to it.")] = None,
    balance: Annotated[str | None, typer.Option(metavar="USDT", help="Opening balance of a new account.")] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Folder or file that keeps the accounts; none keeps them in memory.")
    ] = None,
    faults: Annotated[bool, typer.Option("--faults", help="Serve the control API that injects faults.")] = False,
) -> None:
    """Serve a Binance-compatible venue without money."""
    given = {
        "ASTER_PAPER_SPEED": speed if speed != "max" else None,
        "ASTER_PAPER_SEED": seed,
        "ASTER_INCLUDE_SYMBOLS": symbols,
        "ASTER_VENUE_DIALECT": dialect,
        "ASTER_PAPER_API_KEY": api_key,
        "ASTER_PAPER_API_SECRET": api_secret,
        "ASTER_PAPER_BALANCE": balance,
    }
    changes = {name: str(value) for name, value in given.items() if value is not None} | (market_settings(market) if market else {})
    settings = load(environ={**process_environment(), **changes}) if changes else settings_here()
    options = _options(settings, host=host, port=port, lock_step=lock_step, faults=faults, store=store)
    if speed == "max":
        options = _as_fast_as_possible(options)
    from services.paper_exchange.service import run  # noqa: PLC0415 - other commands start without the venue

    run(options, ready=_say_ready)


def _options(settings: Settings, *, host: str, port: int, lock_step: bool, faults: bool, store: Path | None) -> "Options":
    """The venue's options from the settings and what only the command line knows.

    Raises:
        ConfigError: they cannot work together.
    """
    # imported here: other commands start without the venue
    from services.paper_exchange.logic.spec import Dialect  # noqa: PLC0415
    from services.paper_exchange.options import MarketKind, Options, check, split_paths  # noqa: PLC0415

    core, paper = settings.core, settings.paper
    options = Options(
        host=host,
        port=port,
        market=MarketKind(paper.market.value),
        paths=split_paths(str(paper.replay)) if paper.replay is not None else (),
        symbols=settings.universe.include_symbols,
        speed=paper.speed,
        seed=paper.seed,
        lock_step=lock_step,
        dialect=Dialect.ASTER if core.venue_dialect is SettingsDialect.ASTER else Dialect.BINANCE,
        api_key=paper.api_key.get_secret_value(),
        api_secret=paper.api_secret.get_secret_value(),
        balance=Decimal(paper.balance_usdt),
        store_path=_store_file(store),
        upstream=core.exchange_base,
        upstream_stream=core.ws_base,
        faults=faults,
    )
    check(options)
    return options


def _as_fast_as_possible(options: "Options") -> "Options":
    return replace(options, speed=math.inf)


def _store_file(store: Path | None) -> Path | None:
    """The database file; inside the folder when a folder was given."""
    return store / "paper.sqlite" if store is not None and store.is_dir() else store


def _say_ready(url: str) -> None:
    typer.echo(f"ready {url}")
    sys.stdout.flush()

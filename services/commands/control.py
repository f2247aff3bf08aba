"""`mraster start / pause / resume / stop`: the trading state, changed where the executor reads it before each send."""

import asyncio
import getpass
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, addresses, settings_here
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Outgoing
from shared.domain.errors import MrasterError
from shared.state.port import Control

_BUS_DEADLINE_S = 3.0

_COMMANDS = {
    "start": (Command.START, "Let MrAster trade."),
    "pause": (Command.PAUSE, "No new entries; open positions stay guarded."),
    "resume": (Command.START, "Trade again after a pause; asks why."),
    "stop": (Command.STOP, "No scanning and no entries; open positions stay guarded."),
}


def register(app: typer.Typer) -> None:
    """One command each."""
    for name, (command, text) in _COMMANDS.items():
        app.command(name, help=text, rich_help_panel="Trading")(_control(command, asks=name == "resume"))


def _control(command: Command, *, asks: bool) -> Callable[..., None]:
    def change(
        *,
        reason: Annotated[str, typer.Option(help="Why; shown on the page and kept in the history.")] = "",
        home: HomeOption = None,
    ) -> None:
        if asks and not reason.strip():
            reason = _asked_reason()
        nats_url, redis_url = addresses(home)
        order = _Order(command, reason.strip(), f"cli/{getpass.getuser()}", settings_here().core.account)
        try:
            control, announced = asyncio.run(_apply(order, nats_url, redis_url))
        except MrasterError as error:
            fail(f"nothing was changed for certain: {error}")
        typer.echo(f"{control.state.value} (epoch {control.epoch})")
        if announced:
            typer.echo(announced, err=True)
        if command is Command.START:
            _warn_of_the_gate(home)

    return change


def _asked_reason() -> str:
    """Why trading goes on: whoever paused it had a reason, so whoever resumes it has one, too. It is kept with the state."""
    if not sys.stdin.isatty():
        fail("expected --reason: say why trading goes on; it is shown on the page and kept in the history", Exit.WRONG_SETTINGS)
    reason: str = typer.prompt("Why does trading go on?")
    return reason


def _warn_of_the_gate(home: Path | None) -> None:
    """Trading runs, and yet no entry is sent with real money before the doctor's checks have passed: say so at once."""
    from services.commands.clearing import standing  # noqa: PLC0415 - loads Redis

    now = asyncio.run(standing(settings_here(), home))
    if now is not None and not now.allowed:
        typer.echo(f"entries with real money stay refused: {now.detail}", err=True)


@dataclass(frozen=True, slots=True)
class _Order:
    command: Command
    reason: str
    author: str
    account: str


async def _apply(order: _Order, nats_url: str, redis_url: str) -> tuple[Control, str]:
    """The state after the command, and what is to be said about the announcement ("" = all is well)."""
    from services.commands.stores import open_bus, open_state  # noqa: PLC0415 - loads NATS and Redis

    now_ms = time.time_ns() // 1_000_000
    async with open_state(redis_url, order.account) as state:
        control = await state.command(order.command, author=order.author, reason=order.reason, now_ms=now_ms)
    message = ControlCommand(command=order.command, command_id=secrets.token_hex(8), author=order.author, reason=order.reason)
    try:
        async with open_bus(nats_url, order.account, _BUS_DEADLINE_S) as bus:
            await bus.publish(Outgoing(message, ts_ms=now_ms, epoch=control.epoch))
    except MrasterError as error:
        return control, f"the state is changed and holds; it could not be announced on NATS ({error})"
    return control, ""

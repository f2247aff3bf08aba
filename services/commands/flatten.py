"""`mraster flatten`: no new entries, close everything; through the executor where it works, else straight at the venue."""

import asyncio
import getpass
import secrets
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, addresses
from shared.config.settings import Settings
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Outgoing
from shared.domain.errors import MrasterError, OutcomeUnknown, Permanent, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import VenueOrder, intent_hash, parse_client_id
from shared.domain.position import VenuePosition

if TYPE_CHECKING:
    from services.commands.venue_door import Door

_WAIT_S = 20.0
_BUS_S = 2.0
_TRIES = 40
_PAUSE_S = 0.25
_QUIET_S = 1.5
"""Longer than an entry that was permitted right before may take to show at the venue."""


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("flatten", rich_help_panel="Trading")(flatten)


def flatten(
    *,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
    direct: Annotated[bool, typer.Option("--direct", help="Do not wait for the executor: close everything at the venue now.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: HomeOption = None,
) -> None:
    """Pause trading and close every position of the account. Exit code 0 only when the venue shows none."""
    if not yes:
        typer.confirm("Close every position of this account at market?", abort=True)
    try:
        asyncio.run(_flatten(reason, home, direct=direct))
    except MrasterError as error:
        fail(f"not everything is closed for certain: {error}", Exit.FAILED)


async def _flatten(reason: str, home: Path | None, *, direct: bool) -> None:
    from services.commands.venue_door import settings_of  # noqa: PLC0415 - loads the venue client

    settings = settings_of(home)
    try:
        epoch = await _command(settings, reason, home)
        typer.echo(f"paused (epoch {epoch})")
        confirmed = not direct and await _confirmed(settings, epoch, home)
    except Transient as error:
        typer.echo(f"the trading state could not be changed ({error}); going on at the venue", err=True)
        await close_all(settings)
        typer.echo("trading is NOT paused: run `mraster pause` as soon as Redis answers again", err=True)
        return
    if confirmed:
        typer.echo("the executor has closed everything; the venue shows no position")
        return
    await close_all(settings)


async def _command(settings: Settings, reason: str, home: Path | None) -> int:
    """The state in Redis first, where the executor asks before each send; then the message, if there is a bus."""
    from services.commands.stores import open_bus, open_state  # noqa: PLC0415 - loads NATS and Redis

    nats_url, redis_url = addresses(home)
    now_ms, author = time.time_ns() // 1_000_000, f"cli/{getpass.getuser()}"
    async with open_state(redis_url, settings.core.account) as state:
        control = await state.command(Command.FLATTEN, author=author, reason=reason, now_ms=now_ms)
    message = ControlCommand(command=Command.FLATTEN, command_id=secrets.token_hex(8), author=author, reason=reason)
    try:
        async with open_bus(nats_url, settings.core.account, _BUS_S) as bus:
            await bus.publish(Outgoing(message, ts_ms=now_ms, epoch=control.epoch))
    except MrasterError as error:
        typer.echo(f"not announced on NATS ({error}); the executor finds it in Redis", err=True)
    return control.epoch


async def _confirmed(settings: Settings, epoch: int, home: Path | None) -> bool:
    """Whether the executor says in time that the venue is flat."""
    from services.commands.stores import open_state  # noqa: PLC0415 - loads Redis
    from shared.state.keys import Keys  # noqa: PLC0415

    end_s = time.monotonic() + _WAIT_S
    async with open_state(addresses(home)[1], settings.core.account) as state:
        while time.monotonic() < end_s:
            document = await state.get(Keys(settings.core.account).account_view, "control")
            if document is not None and int(document["epoch"]) >= epoch:
                return int(document["positions"]) == 0
            await asyncio.sleep(_PAUSE_S)
    typer.echo("the executor has not confirmed; going on at the venue", err=True)
    return False


async def close_all(settings: Settings) -> None:
    """Cancel our entries and close every position, reduce-only, until the venue shows none; then the protective orders go.

    Raises:
        Transient: the venue still shows positions, or cannot be asked.
    """
    from services.commands.venue_door import open_door  # noqa: PLC0415 - loads the venue client

    async with open_door(settings) as door:
        await door.venue.http.sync_clock()
        instruments, _ = await asyncio.gather(door.venue.public.exchange_info(), _cancel_entries(door))
        symbols = await _close_positions(door, instruments)
        await asyncio.gather(*(door.private.cancel_all(symbol) for symbol in sorted(symbols)))
    typer.echo(f"the venue shows no position; closed: {', '.join(sorted(symbols)) or 'nothing was open'}")


async def _cancel_entries(door: "Door") -> int:
    """Cancel entries of ours that rest in the book; how many there were."""
    resting = [o for o in await door.private.open_orders() if (parts := parse_client_id(o.client_id)) is not None and parts.leg == "e"]
    await asyncio.gather(*(_attempt(door.private.cancel(order.symbol, order=order)) for order in resting))
    return len(resting)


async def _close_positions(door: "Door", instruments: Mapping[str, Instrument]) -> set[str]:
    """Exits at market until there has been no position for `_QUIET_S`; the symbols that had one.

    An entry that was on its way when we began may still arrive, so one empty look is not the end.
    """
    symbols: set[str] = set()
    tries, empty_s = 0, 0.0
    while tries < _TRIES:
        positions = await door.private.positions()
        symbols |= {seen.symbol for seen in positions}
        if positions:
            empty_s = 0.0
            await asyncio.gather(*(_exit(door, seen, instruments.get(seen.symbol), tries) for seen in positions))
            tries += 1
        elif empty_s >= _QUIET_S:
            if not await _cancel_entries(door):
                return symbols
            tries, empty_s = tries + 1, 0.0
        await asyncio.sleep(_PAUSE_S)
        empty_s += _PAUSE_S
    raise Transient(f"the venue still shows positions or entries after {_TRIES} tries; seen: {', '.join(sorted(symbols)) or 'no position'}")


async def _exit(door: "Door", seen: VenuePosition, instrument: Instrument | None, attempt: int) -> None:
    """One order that closes a position, as far as the venue takes it at once."""
    from shared.risk import gate  # noqa: PLC0415 - see above
    from shared.risk.bracket import exit_request  # noqa: PLC0415

    largest = seen.quantity if instrument is None else instrument.quantity(seen.quantity, market=True)
    request = exit_request(seen.symbol, seen.direction, largest, intent_hash(f"flatten:{seen.symbol}"), attempt)
    approved = gate.protective(request, direction=seen.direction, position_quantity=seen.quantity, epoch=0)
    if isinstance(approved, gate.Approved):
        await _attempt(door.private.place(approved))


async def _attempt(sending: Awaitable[VenueOrder | None]) -> None:
    """An exit or a cancel; whatever goes wrong, the next look tells."""
    try:
        await sending
    except (Permanent, Transient, OutcomeUnknown) as error:
        typer.echo(f"again: {error}", err=True)

"""`mraster flatten`: no new entries, close everything; through the executor where it works, else straight at the venue."""

import asyncio
import getpass
import secrets
import time
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, addresses
from shared.config.settings import Settings
from shared.contracts.control import Command, ControlCommand
from shared.contracts.envelope import Outgoing
from shared.domain.errors import ClockSkew, MrasterError, OutcomeUnknown, Permanent, Transient
from shared.domain.instrument import Instrument
from shared.domain.order import intent_hash, parse_client_id
from shared.domain.position import VenuePosition

if TYPE_CHECKING:
    from services.commands.venue_door import Door

_T = TypeVar("_T")
_WAIT_S = 20.0
_BUS_S = 2.0
_TRIES = 40
_CLEARINGS = 5
_SOON_S = 3.0
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
    """Whatever is wrong with the stores, the venue is told."""
    from services.commands.venue_door import settings_of  # noqa: PLC0415 - loads the venue client

    settings = settings_of(home)
    epoch = await _paused(settings, reason, home)
    try:
        if epoch is None or direct or not await _is_confirmed(settings, epoch, home):
            await close_all(settings)
    finally:
        if epoch is None:
            typer.echo("trading may NOT be paused: run `mraster pause` as soon as Redis can be used again", err=True)


async def _paused(settings: Settings, reason: str, home: Path | None) -> int | None:
    """The epoch of the command; None when the store did not take it for certain."""
    try:
        epoch = await _command(settings, reason, home)
    except MrasterError as error:
        typer.echo(f"the trading state could not be changed ({error}); going on at the venue", err=True)
        return None
    typer.echo(f"paused (epoch {epoch})")
    return epoch


async def _is_confirmed(settings: Settings, epoch: int, home: Path | None) -> bool:
    """Whether the executor did it; a store that fails now is no reason to wait."""
    try:
        confirmed = await _confirmed(settings, epoch, home)
    except MrasterError as error:
        typer.echo(f"what the executor says cannot be read ({error})", err=True)
        confirmed = False
    if confirmed:
        typer.echo("the executor has closed everything; the venue shows no position")
    else:
        typer.echo("the executor has not confirmed; going on at the venue", err=True)
    return confirmed


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
    """Whether the executor says in time that the venue is flat after this very command.

    What it said about another epoch says nothing, a higher one included: the store may have lost its count meanwhile.
    """
    from services.commands.stores import open_state  # noqa: PLC0415 - loads Redis
    from shared.state.keys import Keys  # noqa: PLC0415

    end_s = time.monotonic() + _WAIT_S
    async with open_state(addresses(home)[1], settings.core.account) as state:
        while time.monotonic() < end_s:
            document = await state.get(Keys(settings.core.account).account_view, "control")
            if document is not None and document.get("epoch") == epoch:
                return document.get("positions") == 0
            await asyncio.sleep(_PAUSE_S)
    return False


async def close_all(settings: Settings) -> None:
    """Cancel our entries and close every position, reduce-only, until the venue shows none; then the protective orders go.

    Raises:
        Transient: the venue still shows positions, or cannot be asked.
    """
    from services.commands.venue_door import open_door  # noqa: PLC0415 - loads the venue client

    async with open_door(settings) as door:
        await _attempt(door.venue.http.sync_clock())
        symbols = await _close_positions(_Sweep(door))
        await asyncio.gather(*(_clear(door, symbol) for symbol in sorted(symbols)))
    typer.echo(f"the venue shows no position; closed: {', '.join(sorted(symbols)) or 'nothing was open'}")


async def _clear(door: "Door", symbol: str) -> None:
    """Cancel what protected a position that is closed."""
    for _ in range(_CLEARINGS):
        if await _attempt(_counted(door.private.cancel_all(symbol))):
            return
        await asyncio.sleep(_PAUSE_S)
    raise Transient(f"{symbol}: closed, but its orders could not be cancelled; look at the venue")


async def _counted(work: Awaitable[None]) -> bool:
    await work
    return True


async def _cancel_entries(door: "Door") -> int:
    """Cancel entries of ours that rest in the book; how many there were."""
    resting = [o for o in await door.private.open_orders() if (parts := parse_client_id(o.client_id)) is not None and parts.leg == "e"]
    await asyncio.gather(*(_attempt(door.private.cancel(order.symbol, order=order)) for order in resting))
    return len(resting)


class _Sweep:
    """Rounds at the venue, each of which does what it can: a read that fails holds up nothing else and is made again."""

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._instruments: Mapping[str, Instrument] | None = None
        self._swept = False
        self.symbols: set[str] = set()

    async def round(self, attempt: int) -> bool:
        """Close what is open; whether the venue showed that nothing is, entries of ours included."""
        sweeping = _known(0) if self._swept else _attempt(_cancel_entries(self._door))
        empty, entries = await asyncio.gather(self._exits(attempt), sweeping)
        self._swept = entries is not None
        return empty and entries == 0

    async def _exits(self, attempt: int) -> bool:
        """An exit for each position; whether the venue showed that there is none."""
        door = self._door
        listing = _attempt(_soon(door.venue.public.exchange_info())) if self._instruments is None else _known(self._instruments)
        positions, self._instruments = await asyncio.gather(_attempt(door.private.positions()), listing)
        found, known = positions or [], self._instruments or {}
        self.symbols |= {seen.symbol for seen in found}
        await asyncio.gather(*(_exit(door, seen, known.get(seen.symbol), attempt) for seen in found))
        return positions == []

    def again(self) -> None:
        """The next round looks for entries once more."""
        self._swept = False


async def _close_positions(sweep: _Sweep) -> set[str]:
    """Rounds until there has been nothing for `_QUIET_S`; the symbols that had a position.

    An entry that was on its way when we began may still arrive, so one empty look is not the end.
    """
    tries, empty_s = 0, 0.0
    while tries < _TRIES:
        last = empty_s >= _QUIET_S
        if last:
            sweep.again()
        if not await sweep.round(tries):
            tries, empty_s = tries + 1, 0.0
        elif last:
            return sweep.symbols
        await asyncio.sleep(_PAUSE_S)
        empty_s += _PAUSE_S
    seen = ", ".join(sorted(sweep.symbols)) or "no position"
    raise Transient(f"after {_TRIES} tries the venue still shows positions or entries, or cannot be asked; seen: {seen}")


async def _exit(door: "Door", seen: VenuePosition, instrument: Instrument | None, attempt: int) -> None:
    """One order that closes a position, as far as the venue takes it at once."""
    from shared.risk import gate  # noqa: PLC0415 - see above
    from shared.risk.bracket import exit_request  # noqa: PLC0415

    largest = seen.quantity if instrument is None else instrument.quantity(seen.quantity, market=True)
    request = exit_request(seen.symbol, seen.direction, largest, intent_hash(f"flatten:{seen.symbol}"), attempt)
    approved = gate.protective(request, direction=seen.direction, position_quantity=seen.quantity, epoch=0)
    if isinstance(approved, gate.Approved):
        await _attempt(door.private.place(approved))


async def _attempt(asking: Awaitable[_T]) -> _T | None:
    """An exit, a cancel or a look; None when it failed: whatever went wrong, the next round tells."""
    try:
        return await asking
    except (Permanent, Transient, OutcomeUnknown, ClockSkew) as error:
        typer.echo(f"again: {error}", err=True)
        return None


async def _known(value: _T) -> _T:
    return value


async def _soon(asking: Awaitable[_T]) -> _T:
    """Only as long as exits can wait for it."""
    try:
        async with asyncio.timeout(_SOON_S):
            return await asking
    except TimeoutError as error:
        raise Transient("the venue's contracts are not known yet") from error

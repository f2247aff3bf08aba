"""`mraster move-stop`: pull the stop of a position closer, through the bracket guard; done when the venue has it."""

import asyncio
import getpass
import secrets
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.exits import Exit, fail
from services.commands.place import HomeOption, addresses, settings_here
from shared.contracts.control import StopMove, StopMoveKind
from shared.contracts.envelope import Outgoing
from shared.domain.errors import MrasterError
from shared.domain.units import Price

if TYPE_CHECKING:
    from shared.bus.nats_bus import NatsBus
    from shared.contracts.bracket import BracketEvent

_BUS_S = 3.0
_ANSWER_S = 15.0
_SLACK_MS = 2_000
_HIGHEST = Decimal(10) ** 12


def register(app: typer.Typer) -> None:
    """The command."""
    app.command("move-stop", rich_help_panel="Trading")(move_stop)


def move_stop(
    symbol: Annotated[str, typer.Argument(help="For example BTCUSDT.")],
    *,
    price: Annotated[str, typer.Option(help="Where the stop goes; rounded to the tick toward the price.")] = "",
    break_even: Annotated[bool, typer.Option("--break-even", help="Where the trade costs nothing any more: entry plus fees.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.")] = "",
    home: HomeOption = None,
) -> None:
    """Move the stop of a position closer to the price; it is never loosened. Exit code 0 only when the new stop rests at the venue."""
    if bool(price) is break_even:
        fail("expected either --price PRICE or --break-even", Exit.WRONG_SETTINGS)
    command = StopMove(
        kind=StopMoveKind.BREAK_EVEN if break_even else StopMoveKind.PRICE,
        command_id=secrets.token_hex(8),
        author=f"cli/{getpass.getuser()}",
        symbol=symbol.upper(),
        reason=reason,
        price=None if break_even else _price(price),
    )
    try:
        answer = asyncio.run(_ask(command, home))
    except MrasterError as error:
        fail(f"the stop was not moved: {error}")
    if answer is None:
        fail(f"no answer within {_ANSWER_S:.0f} s: is the bracket guard running? The stop may still move, look at the position")
    if answer.trigger_price is None:
        fail(f"refused ({answer.reason}); the stop stays{'' if answer.previous_price is None else f' at {answer.previous_price}'}")
    typer.echo(f"{answer.symbol}: the stop rests at {answer.trigger_price}, before at {answer.previous_price} (order {answer.client_id})")


def _price(text: str) -> Price:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not (found.is_finite() and 0 < found <= _HIGHEST):
        fail(f"--price: expected a positive number, found {text!r}", Exit.WRONG_SETTINGS)
    return Price(found)


async def _ask(command: StopMove, home: Path | None) -> "BracketEvent | None":
    """Publish, then listen for the guard's event."""
    from services.commands.stores import open_bus  # noqa: PLC0415 - loads NATS

    account, now_ms = settings_here().core.account, time.time_ns() // 1_000_000
    async with open_bus(addresses(home)[0], account, _BUS_S) as bus:
        await bus.publish(Outgoing(command, ts_ms=now_ms))
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await _answer(bus, command.command_id, now_ms - _SLACK_MS)
        except TimeoutError:
            return None


async def _answer(bus: "NatsBus", command_id: str, since_ms: int) -> "BracketEvent | None":
    from shared.contracts.bracket import BracketEvent  # noqa: PLC0415 - see above
    from shared.contracts.topic import BRACKET_EVENT  # noqa: PLC0415

    async for payload, _ in bus.tail([BRACKET_EVENT.pattern], since=since_ms):
        if isinstance(payload, BracketEvent) and payload.command_id == command_id:
            return payload
    return None

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
from shared.domain.errors import ContractViolation, MrasterError
from shared.domain.units import Price

if TYPE_CHECKING:
    from shared.bus.tail import Tail
    from shared.contracts.bracket import BracketEvent

_BUS_S = 3.0
_ANSWER_S = 15.0
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
    command = _command(symbol.upper(), None if break_even else _price(price), reason)
    try:
        answer = asyncio.run(_ask(command, home))
    except MrasterError as error:
        fail(f"the stop was not moved: {error}")
    if answer is None:
        fail(f"no answer within {_ANSWER_S:.0f} s: is the bracket guard running? The stop may still move, look at the position")
    if answer.trigger_price is None:
        fail(f"refused ({answer.reason}); the stop stays{'' if answer.previous_price is None else f' at {answer.previous_price}'}")
    typer.echo(f"{answer.symbol}: the stop rests at {answer.trigger_price}, before at {answer.previous_price} (order {answer.client_id})")


def _command(symbol: str, price: Price | None, reason: str) -> StopMove:
    """The wish, as far as it can be one."""
    try:
        command = StopMove(
            kind=StopMoveKind.BREAK_EVEN if price is None else StopMoveKind.PRICE,
            command_id=secrets.token_hex(8),
            author=f"cli/{getpass.getuser()}",
            symbol=symbol,
            reason=reason,
            price=price,
        )
        command.subject()
        command.model_dump_json()  # fails for bytes of the command line that are no text
    except (ValueError, ContractViolation) as error:
        fail(f"expected a symbol and a reason in plain text: {error}", Exit.WRONG_SETTINGS)
    return command


def _price(text: str) -> Price:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not (found.is_finite() and 0 < found <= _HIGHEST):
        fail(f"--price: expected a positive number, found {text!r}", Exit.WRONG_SETTINGS)
    return Price(found)


async def _ask(command: StopMove, home: Path | None) -> "BracketEvent | None":
    """Listen for the guard's event, then publish; once published, an error no longer means that nothing happens."""
    from services.commands.stores import open_bus  # noqa: PLC0415 - loads NATS
    from shared.contracts.topic import BRACKET_EVENT  # noqa: PLC0415 - see above

    account, now_ms = settings_here().core.account, time.time_ns() // 1_000_000
    async with open_bus(addresses(home)[0], account, _BUS_S) as bus, bus.following([BRACKET_EVENT.pattern]) as answers:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await bus.publish(Outgoing(command, ts_ms=now_ms))
                return await _answer(answers, command.command_id)
        except TimeoutError:
            return None
        except MrasterError as error:
            fail(f"it is not known whether the guard was asked ({error}): the stop may still move, look at the position")


async def _answer(answers: "Tail", command_id: str) -> "BracketEvent | None":
    from shared.contracts.bracket import BracketEvent  # noqa: PLC0415 - see above

    async for payload, _ in answers:
        if isinstance(payload, BracketEvent) and payload.command_id == command_id:
            return payload
    return None

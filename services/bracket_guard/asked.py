"""A person's command about a stop as a move."""

from services.bracket_guard.logic.moves import Move, Mover
from shared.contracts.control import StopMove, StopMoveKind
from shared.contracts.envelope import Meta
from shared.domain.clock import Clock

LATEST_MS = 20_000
"""A command that was longer on its way (the bus was down, no guard was alive) is not what the person wants now."""


def move_of(command: StopMove, meta: Meta, clock: Clock) -> tuple[Move, bool]:
    """The move, and whether it comes too late."""
    move = Move(
        symbol=command.symbol,
        position_id=command.position_id,
        price=command.price if command.kind is StopMoveKind.PRICE else None,
        time_ms=clock.now_ms(),
        reason=f"{command.kind.value} asked by {command.author}: {command.reason}".removesuffix(": "),
        by=Mover.PERSON,
        command_id=command.command_id,
    )
    return move, clock.wall_ms() - meta.produced_ms > LATEST_MS

"""What a command would touch, in numbers, before it is confirmed."""

from decimal import Decimal

from services.dashboard.logic.answers import Answer
from services.dashboard.logic.frames import Positions
from services.dashboard.logic.rows import PositionRow
from shared.contracts.control import Command


class Preview(Answer):
    """`closes` = positions that the command would close, `stay` = those that stay open and protected.

    `unrealised_usd` is their open result before exit fees; None when one of them is not told.
    """

    command: Command
    closes: tuple[str, ...]
    stay: int
    unrealised_usd: Decimal | None


def preview(positions: Positions, command: Command, symbol: str | None) -> Preview:
    """Flatten closes all, close_position one, the others none."""
    rows = positions.rows
    closing = [row for row in rows if command is Command.FLATTEN or (command is Command.CLOSE_POSITION and row.symbol == symbol)]
    return Preview(
        command=command,
        closes=tuple(row.symbol for row in closing),
        stay=len(rows) - len(closing),
        unrealised_usd=_total(closing or list(rows)),
    )


def _total(rows: list[PositionRow]) -> Decimal | None:
    """The sum, or nothing when a part is missing."""
    parts = [row.unrealised_usd for row in rows]
    known = [part for part in parts if part is not None]
    return sum(known, Decimal(0)) if len(known) == len(parts) else None

"""What the guard saw and did."""

from enum import StrEnum
from typing import ClassVar

from shared.contracts.envelope import Payload
from shared.contracts.order import Leg
from shared.contracts.topic import BRACKET_EVENT, Topic
from shared.domain.units import Price, Qty


class BracketEventKind(StrEnum):
    """Past facts about a bracket."""

    MISSING = "missing"
    PLACED = "placed"
    REPLACED = "replaced"
    ORPHAN_CANCELLED = "orphan_cancelled"
    DUPLICATE_CANCELLED = "duplicate_cancelled"
    SNAPPED = "snapped"
    MOVED = "moved"
    MOVE_REFUSED = "move_refused"
    EMERGENCY_EXIT = "emergency_exit"
    FOREIGN_SEEN = "foreign_seen"
    NAKED_MS = "naked_ms"


class StopRefusal(StrEnum):
    """Why a stop was not moved; the `reason` of `move_refused`."""

    NO_POSITION = "no_position"
    OTHER_POSITION = "other_position"
    NOT_OURS = "not_ours"
    NO_STOP = "no_stop"
    LOOSER = "looser"
    BEYOND_PRICE = "beyond_price"
    NOT_PAID = "not_paid"
    COOLDOWN = "cooldown"
    VENUE = "venue"
    EXPIRED = "expired"


class BracketEvent(Payload):
    """One observation or repair. For `naked_ms`, `duration_ms` is how long the position had no resting stop.

    `snapped` is FastTP's move of a stop, `moved` every other one that was meant; `command_id` is that of the person's command.
    `serial` tells events of one kind about one position apart.
    """

    topic: ClassVar[Topic] = BRACKET_EVENT

    event: BracketEventKind
    symbol: str
    position_id: str
    leg: Leg | None = None
    client_id: str = ""
    trigger_price: Price | None = None
    previous_price: Price | None = None
    quantity: Qty | None = None
    duration_ms: int | None = None
    reason: str = ""
    serial: str = ""
    command_id: str = ""

    def keys(self) -> tuple[str, ...]:
        """Event and symbol."""
        return (self.event.value, self.symbol)

    def identity(self) -> str:
        """Position, event, client id and serial."""
        return f"{self.position_id}:{self.event}:{self.client_id}:{self.serial}"

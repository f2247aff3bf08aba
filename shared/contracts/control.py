"""Commands of people, alerts, and changes of settings."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import ALERT_RAISED, CONFIG_CHANGED, CONTROL_COMMAND, STOP_MOVE, Topic
from shared.domain.units import Price


class Command(StrEnum):
    """What a person may ask for."""

    START = "start"
    PAUSE = "pause"
    STOP = "stop"
    FLATTEN = "flatten"
    RELAUNCH = "relaunch"
    CLOSE_POSITION = "close_position"
    CANCEL = "cancel"


class ControlCommand(Payload):
    """A command with its author. State and epoch are already changed in Redis when this is published.

    `position_id` belongs to close_position: only that very position is closed; empty means the one that is open then.
    """

    topic: ClassVar[Topic] = CONTROL_COMMAND

    command: Command
    command_id: str
    author: str
    reason: str = ""
    symbol: str | None = None
    position_id: str = ""

    def keys(self) -> tuple[str, ...]:
        """The command."""
        return (self.command.value,)

    def identity(self) -> str:
        """The command's id."""
        return self.command_id


class StopMoveKind(StrEnum):
    """Where a person wants the stop: where the trade costs nothing any more, or at a price."""

    BREAK_EVEN = "break_even"
    PRICE = "price"


class StopMove(Payload):
    """A person wants the stop of a position moved; the guard answers with a bracket event that carries the `command_id`.

    `price` belongs to the kind `price`. An empty `position_id` means the position that is open then.
    """

    topic: ClassVar[Topic] = STOP_MOVE

    kind: StopMoveKind
    command_id: str
    author: str
    symbol: str
    reason: str = ""
    position_id: str = ""
    price: Price | None = None

    def keys(self) -> tuple[str, ...]:
        """The symbol."""
        return (self.symbol,)

    def identity(self) -> str:
        """The command's id."""
        return self.command_id


class Severity(StrEnum):
    """How loud an alert is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Alert(Payload):
    """Something a person should know: a code with parameters, translated in the dashboard."""

    topic: ClassVar[Topic] = ALERT_RAISED

    severity: Severity
    code: str
    alert_id: str
    params: dict[str, str] = Field(default_factory=dict)
    link: str = ""

    def keys(self) -> tuple[str, ...]:
        """The severity."""
        return (self.severity.value,)

    def identity(self) -> str:
        """Code and id."""
        return f"{self.code}:{self.alert_id}"


class ConfigChanged(Payload):
    """Settings were overridden: read them anew. Values are not in the message."""

    topic: ClassVar[Topic] = CONFIG_CHANGED

    revision: int
    names: tuple[str, ...]

    def keys(self) -> tuple[str, ...]:
        """None."""
        return ()

    def identity(self) -> str:
        """The revision."""
        return str(self.revision)

"""What memory twins of one test or process share."""

from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.errors import StoreUnavailable
from shared.state.keys import Keys
from shared.state.port import ConfigRevision, Control, Lease


class ServerClock(Protocol):
    """The clock of the store; any `Clock` fits."""

    def now_ms(self) -> int:
        """UTC epoch milliseconds."""
        ...


@dataclass(slots=True)
class Reservation:
    """A budget reservation: state is open, settled or expired."""

    day: str
    amount_uusd: int
    expires_ms: int
    state: str = "open"


@dataclass(slots=True)
class DayTotals:
    """Micro-USD of a UTC day."""

    reserved_uusd: int = 0
    spent_uusd: int = 0


@dataclass(slots=True)
class MemoryStore:
    """The memory behind `MemoryState`: several instances with one store see the same facts. Keys are those of `Keys`.

    `available` False makes every call raise StoreUnavailable, like a server that is gone.
    """

    clock: ServerClock
    available: bool = True
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    controls: dict[str, Control] = field(default_factory=dict)
    leases: dict[str, tuple[Lease, int]] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    members: dict[str, dict[str, int]] = field(default_factory=dict)
    ledger: dict[str, tuple[str, int]] = field(default_factory=dict)
    budget: dict[str, DayTotals] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    exposure: dict[str, dict[str, tuple[str, int, int]]] = field(default_factory=dict)
    configs: dict[str, list[ConfigRevision]] = field(default_factory=dict)

    def check(self) -> None:
        """Answer like a server that is there, or not.

        Raises:
            StoreUnavailable: the test said so.
        """
        if not self.available:
            raise StoreUnavailable("the memory store was told to be unavailable")


class MemoryPart:
    """What the parts of `MemoryState` share."""

    def __init__(self, store: MemoryStore, keys: Keys) -> None:
        self._store = store
        self._keys = keys

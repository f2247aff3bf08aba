"""What the runtime hands to a service. Tests build one with the memory twins."""

import asyncio
from dataclasses import dataclass, field

from shared.bus.port import Bus
from shared.config.settings import Settings
from shared.contracts.envelope import Producer
from shared.domain.clock import Clock
from shared.domain.errors import Fatal
from shared.runtime.activity import Activity
from shared.runtime.logs import Logger
from shared.runtime.metrics import Metrics
from shared.runtime.options import RunOptions
from shared.runtime.venue import Venue
from shared.state.keys import Keys
from shared.state.port import Lease, State


@dataclass(slots=True)
class Context:
    """Settings, doors and instruments of one running service.

    `lease` is set while this instance is the active one of a one-active service; `lease_deadline_s` is the monotonic
    time until which it certainly still is.
    """

    settings: Settings
    clock: Clock
    bus: Bus
    state: State
    keys: Keys
    log: Logger
    metrics: Metrics
    producer: Producer
    options: RunOptions = field(default_factory=RunOptions)
    activity: Activity = field(default_factory=Activity)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    lease: Lease | None = None
    lease_deadline_s: float = 0.0
    facts: dict[str, str] = field(default_factory=dict)
    venue_or_none: Venue | None = None

    @property
    def venue(self) -> Venue:
        """The venue; services that ask for it are run with `venue=` something.

        Raises:
            Fatal: the service was started without one.
        """
        if self.venue_or_none is None:
            raise Fatal(f"{self.producer.service} was started without a venue connection")
        return self.venue_or_none

    def finish(self) -> None:
        """The service did what it was asked to do (run once): end the process with 0."""
        self.finished.set()

    def holds_lease(self) -> bool:
        """Whether this instance is certainly the active one at this moment, by its own monotonic clock."""
        return self.lease is not None and self.clock.monotonic_s() < self.lease_deadline_s

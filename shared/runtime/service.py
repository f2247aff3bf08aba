"""How a service is declared: what it handles, what it repeats, what it runs.

::

    def build(ctx: Context) -> Service:
        scanner = Scanner(ctx)
        return Service("scanner", every(30, scanner.housekeeping), loop(scanner.run), warm=scanner.warm)
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from shared.bus.port import Consumption, Handler
from shared.contracts.topic import Topic

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Every:
    """A piece of work that is repeated."""

    seconds: float
    work: Work
    name: str


@dataclass(frozen=True, slots=True)
class Loop:
    """A task that runs as long as the service; when it returns or fails, the process ends."""

    work: Work
    name: str


@dataclass(frozen=True, slots=True)
class On:
    """A durable consumer; the service's name is put before the topic to name the durable."""

    topic: Topic
    handler: Handler
    ack_wait_s: float = 15.0
    attempts: int = 5
    effectful: bool = False
    start: Literal["all", "new", "last_per_subject"] = "all"

    def consumption(self, service: str) -> Consumption:
        """The consumer for the bus."""
        return Consumption(
            durable=f"{service}-{self.topic.name.replace('.', '-')}",
            topic=self.topic,
            handler=self.handler,
            ack_wait_s=self.ack_wait_s,
            attempts=self.attempts,
            effectful=self.effectful,
            start=self.start,
        )


def on(topic: Topic, handler: Handler, *, effectful: bool = False, start: Literal["all", "new", "last_per_subject"] = "all") -> On:
    """Handle every message of a topic, durably."""
    return On(topic, handler, effectful=effectful, start=start)


def every(seconds: float, work: Work) -> Every:
    """Repeat a piece of work with a pause of `seconds`; a transient error is logged and tried again next time."""
    return Every(seconds, work, getattr(work, "__name__", "work"))


def loop(work: Work) -> Loop:
    """Run a task for the life of the service."""
    return Loop(work, getattr(work, "__name__", "work"))


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its parts, what it must do before it is ready, and whether only one instance may be active.

    `warm` runs after the lease is held (for one-active services) and before anything is handled.
    """

    name: str
    parts: tuple[On | Every | Loop, ...] = field(default=())
    warm: Work | None = None
    one_active: bool = False
    lanes: int = 8

    @property
    def consumptions(self) -> list[Consumption]:
        """Its durable consumers."""
        return [part.consumption(self.name) for part in self.parts if isinstance(part, On)]

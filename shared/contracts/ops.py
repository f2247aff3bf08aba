"""Logs, heartbeats and dead letters."""

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.envelope import Payload
from shared.contracts.topic import DEAD_LETTER, HEARTBEAT, LOG, Topic


class ServiceState(StrEnum):
    """Where a service is in its life."""

    STARTING = "starting"
    WARMING = "warming"
    READY = "ready"
    STANDBY = "standby"
    DRAINING = "draining"


class LogRecord(Payload):
    """One structured log line. Core subject: dropped rather than blocking."""

    topic: ClassVar[Topic] = LOG

    service: str
    instance: str
    level: str
    event: str
    wall_ms: int
    fields: dict[str, str] = Field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """Service and level."""
        return (self.service, self.level)

    def identity(self) -> str:
        """Not deduplicated; instance and time."""
        return f"{self.instance}:{self.wall_ms}"


class Heartbeat(Payload):
    """I am alive, once a second. `lag` is the sum of pending messages over the service's consumers (None = unknown)."""

    topic: ClassVar[Topic] = HEARTBEAT

    service: str
    instance: str
    pid: int
    uptime_s: float
    version: str
    state: ServiceState
    active: bool = True
    last_exit: str = ""
    lag: int | None = None
    memory_bytes: int | None = None
    wall_ms: int
    facts: dict[str, str] = Field(default_factory=dict)

    def keys(self) -> tuple[str, ...]:
        """Service and instance."""
        return (self.service, self.instance)

    def identity(self) -> str:
        """Not deduplicated; instance and time."""
        return f"{self.instance}:{self.wall_ms}"


class DeadLetter(Payload):
    """A message that could not be handled, kept with the reason. `body` is the original, as text."""

    topic: ClassVar[Topic] = DEAD_LETTER

    service: str
    source_topic: str
    source_subject: str
    stream: str
    sequence: int
    source_id: str
    attempts: int
    code: str
    reason: str
    body: str

    def keys(self) -> tuple[str, ...]:
        """Service and topic; dots of the topic's name become dashes because a token has none."""
        return (self.service, self.source_topic.replace(".", "-"))

    def identity(self) -> str:
        """Stream, sequence and service."""
        return f"{self.stream}:{self.sequence}:{self.service}"

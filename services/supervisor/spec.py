"""What one supervised process is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path


class Stage(IntEnum):
    """Processes of a higher stage need those of the lower ones, and are stopped first."""

    STORES = 0
    VENUE = 1
    SERVICES = 2


class LogFormat(Enum):
    """How a process writes its log."""

    JSON = "json"
    NATS = "nats"
    REDIS = "redis"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A command line with its surroundings; `grace_s` is how long it may take to end after SIGTERM."""

    name: str
    stage: Stage
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log_format: LogFormat
    folder: Path
    port: int
    grace_s: float = 10.0
    once: bool = False
    """Leaving with 0 means that its work is done."""

"""What `mraster up` was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SERVICES = ("scanner", "sentinel", "advisor", "executor", "bracket_guard", "dashboard")
"""Started by `mraster up`, in this order."""
SCALABLE = ("scanner", "advisor")
"""Those that share their work among any number of instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """None and empty mean: as the settings say. `port` is the dashboard's; 0 takes a free one. `scale` is 1 where nothing is said."""

    home: Path
    market: str | None = None
    speed: str | None = None
    seed: int | None = None
    symbols: str | None = None
    port: int | None = None
    once: bool = False
    lock_step: bool = False
    services: tuple[str, ...] = SERVICES
    scale: Mapping[str, int] = field(default_factory=dict)
    ready_within_s: float = 180.0

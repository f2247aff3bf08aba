"""How one process is run; settings say what it does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """`http_port` 0 takes a free one. `lanes` overrides a service's own number (1 = everything in order).

    `provision` creates or updates the streams at start; where the broker's permissions forbid it, a job does it before.
    `starts_alone`: does not wait for bus and store, which join when they answer; for what must protect without them.
    """

    instance: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = 0
    lanes: int | None = None
    provision: bool = True
    starts_alone: bool = False
    grace_s: float = 8.0
    start_deadline_s: float = 60.0
    version: str = "0"

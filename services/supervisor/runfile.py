"""`run.json` in the home: what runs now, for `mraster status` and for tests."""

import json
from dataclasses import asdict, dataclass, field

from services.supervisor.home import Home, write_private
from shared.domain.errors import StateCorrupt


@dataclass(slots=True)
class ProcessEntry:
    """One process; `pid` 0 while it is not running."""

    pid: int
    port: int
    restarts: int = 0
    last_exit: str = ""


@dataclass(slots=True, kw_only=True)
class RunFile:
    """The whole file. The addresses hold passwords, so only its user can read it."""

    pid: int
    version: str
    ready: bool
    mode: str
    dashboard: str
    nats_url: str
    redis_url: str
    venue: str
    processes: dict[str, ProcessEntry] = field(default_factory=dict)

    def save(self, home: Home) -> None:
        """Write it in one step."""
        write_private(home.run_file, json.dumps(asdict(self), indent=1))


def running(home: Home) -> RunFile | None:
    """The run file of the supervisor that works in this home now; None when there is none.

    Raises:
        StateCorrupt: the file is not what it should be.
    """
    holder = home.holder()
    if holder is None or not home.run_file.exists():
        return None
    try:
        raw = json.loads(home.run_file.read_text(encoding="utf-8"))
        processes = {name: ProcessEntry(**entry) for name, entry in raw.pop("processes").items()}
        found = RunFile(**raw, processes=processes)
    except (ValueError, TypeError, KeyError) as error:
        raise StateCorrupt(f"{home.run_file} cannot be read ({error}); restart MrAster") from error
    return found if found.pid == holder else None

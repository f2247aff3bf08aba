"""The variables that the services are started with: those of this process, plus what the command line says."""

import os
from collections.abc import Mapping
from pathlib import Path

from services.supervisor.options import UpOptions
from shared.config.choices import PaperMarket
from shared.domain.errors import ConfigError

_CODE = Path(__file__).parents[2]
"""The folder that holds our packages."""

_QUIET = {
    "PYTHONUNBUFFERED": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
"""Small processes: no pools of threads for a few small arrays, no arena of memory per thread."""


def asked(options: UpOptions) -> dict[str, str]:
    """The command line as settings.

    Raises:
        ConfigError: a market that does not exist.
    """
    found: dict[str, str] = {}
    if options.market is not None:
        found |= market_settings(options.market)
    pairs = {
        "ASTER_PAPER_SPEED": options.speed,
        "ASTER_PAPER_SEED": options.seed,
        "ASTER_INCLUDE_SYMBOLS": options.symbols,
        "ASTER_RUN_ONCE": "true" if options.once else None,
        "ASTER_DASHBOARD_PORT": options.port or None,
    }
    return found | {name: str(value) for name, value in pairs.items() if value is not None}


def market_settings(market: str) -> dict[str, str]:
    """`synthetic`, `live`, `auto` or `replay:PATH` as settings.

    Raises:
        ConfigError: anything else.
    """
    kind, colon, path = market.partition(":")
    choices = ", ".join(choice.value for choice in PaperMarket if choice is not PaperMarket.REPLAY)
    if kind == PaperMarket.REPLAY.value and path:
        return {"ASTER_PAPER_MARKET": kind, "ASTER_PAPER_REPLAY": _whole(path)}
    if kind in set(PaperMarket) - {PaperMarket.REPLAY} and not colon:
        return {"ASTER_PAPER_MARKET": kind}
    raise ConfigError(f"--market: expected {choices} or replay:PATH (files or folders, separated by commas), found {market!r}")


def _whole(paths: str) -> str:
    """Every path of a list from the root on: the venue may run in another folder."""
    return ",".join(str(Path(path.strip()).expanduser().absolute()) for path in paths.split(",") if path.strip())


def child_environment(base: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Variables of a child: the code of this process, whatever the current folder is; choices about threads and memory stay."""
    path = os.pathsep.join(part for part in (str(_CODE), base.get("PYTHONPATH", "")) if part)
    return {**_QUIET, **base, **changes, "PYTHONPATH": path}


def bytecode(base: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Where compiled code goes on a machine that wants none beside the sources: a process that is started again is soon back."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)} if base.get("PYTHONDONTWRITEBYTECODE") else {}

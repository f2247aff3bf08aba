"""Where a command works: the home folder, the `.env` file, what runs there."""

from pathlib import Path
from typing import Annotated

import typer

from services.supervisor.home import Home, default_home
from services.supervisor.runfile import RunFile, running
from shared.config.envfile import read_env_file
from shared.config.load import load, process_environment
from shared.config.settings import Settings, Source

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Folder with stores and logs. Default: .home in a checkout, else ~/.local/share/mraster."),
]
ENV_FILE = ".env"


def home_of(wanted: Path | None) -> Path:
    """The home that was asked for, or the default one."""
    if wanted is not None:
        return wanted
    data_home = process_environment().get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return default_home(Path.cwd(), Path(data_home))


def env_file() -> dict[str, str]:
    """The variables of `.env` in the current folder; weaker than those of the process.

    Raises:
        ConfigError: the file is not readable as such.
    """
    path = Path.cwd() / ENV_FILE
    return read_env_file(path) if path.is_file() else {}


def settings_here() -> Settings:
    """The settings that a start in this folder would have.

    Raises:
        ConfigError: wrong settings.
    """
    path = Path.cwd() / ENV_FILE
    return load(env_file=path if path.is_file() else None)


def running_here(wanted: Path | None) -> RunFile | None:
    """What `mraster up` runs in the home now."""
    return running(Home(home_of(wanted).expanduser().absolute()))


def addresses(wanted: Path | None) -> tuple[str, str]:
    """NATS and Redis: of the settings when they were set there, else of what runs in the home, else the defaults."""
    settings, found = settings_here(), running_here(wanted)
    nats, redis = settings.infra.nats_url, settings.infra.redis_url
    if found is not None and settings.source("ASTER_NATS_URL") is not Source.ENVIRONMENT:
        nats = found.nats_url
    if found is not None and settings.source("ASTER_REDIS_URL") is not Source.ENVIRONMENT:
        redis = found.redis_url
    return nats, redis

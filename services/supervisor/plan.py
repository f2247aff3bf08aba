"""Everything that one `mraster up` will start, decided before anything is started."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.supervisor import stores
from services.supervisor.environment import asked, bytecode, child_environment
from services.supervisor.errors import StartFailed
from services.supervisor.home import Home
from services.supervisor.options import UpOptions
from services.supervisor.ports import Promises, require_server
from services.supervisor.spec import LogFormat, ProcessSpec, Stage
from shared.config.load import load
from shared.config.settings import Settings, Source

HOST = "127.0.0.1"
_VENUE_PORT = 8100


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Processes in the order of their start, and the addresses they meet on."""

    specs: tuple[ProcessSpec, ...]
    settings: Settings
    nats_url: str
    redis_url: str
    redis_password: str
    venue: str
    dashboard: str
    once: bool

    def stage(self, stage: Stage) -> tuple[ProcessSpec, ...]:
        """The processes of one stage."""
        return tuple(spec for spec in self.specs if spec.stage is stage)


def make_plan(options: UpOptions, base: Mapping[str, str], home: Home, folder: Path, promises: Promises) -> Plan:
    """Check settings, ports and programs; write the servers' configuration.

    Args:
        options: the command line.
        base: variables of this process.
        home: created and locked.
        folder: where relative paths of the settings start.
        promises: keeps the ports for us until the servers listen; hold it as long as they run.

    Raises:
        ConfigError: wrong settings.
        StartFailed: a port is taken, or a program is missing.
    """
    wishes = asked(options)
    settings = load(environ={**base, **wishes})
    return _Maker(options, settings, _Place(home, folder, promises), {**base, **wishes}).make()


@dataclass(frozen=True, slots=True)
class _Place:
    home: Home
    folder: Path
    promises: Promises


class _Maker:
    """Collects the processes one after the other; each may add a variable for those after it."""

    def __init__(self, options: UpOptions, settings: Settings, place: _Place, base: Mapping[str, str]) -> None:
        self._options = options
        self._settings = settings
        self._home = place.home
        self._folder = place.folder
        self._ports = place.promises
        self._base = base
        self._changes: dict[str, str] = {}
        self._passwords = place.home.passwords()
        self._specs: list[ProcessSpec] = []

    def make(self) -> Plan:
        """The plan."""
        dashboard = self._dashboard_port()
        self._changes |= bytecode(self._base, self._home.path / "bytecode")
        self._changes["ASTER_STATE_FILE"] = str(self._home.state_file(self._settings.core.state_file))
        self._changes["ASTER_BRACKETS_QUEUE_FILE"] = str(self._home.file(self._settings.core.brackets_queue_file))
        nats_url, redis_url = self._stores()
        venue = self._venue()
        for name in self._options.services:
            for number in range(1, self._options.scale.get(name, 1) + 1):
                self._specs.append(self._service(name, self._ports.choose(0), number))
        return Plan(
            specs=tuple(self._specs),
            settings=self._settings,
            nats_url=nats_url,
            redis_url=redis_url,
            redis_password=self._passwords["redis"],
            venue=venue,
            dashboard=f"http://{_shown_host(self._settings.dashboard.host)}:{dashboard}",
            once=self._options.once,
        )

    def _own(self, name: str) -> bool:
        """Whether a person named this address, so that we use it instead of starting a server."""
        return self._settings.source(name) is Source.ENVIRONMENT

    def _dashboard_port(self) -> int:
        host = self._settings.dashboard.host
        wanted = self._settings.dashboard.port
        port = self._ports.choose(0) if self._options.port == 0 else self._ports.require(wanted, host)
        self._changes["ASTER_DASHBOARD_PORT"] = str(port)
        return port

    def _stores(self) -> tuple[str, str]:
        """NATS and Redis: those of the settings when they were named there, else our own."""
        infra, environment = self._settings.infra, child_environment(self._base, {})
        nats_url, redis_url = infra.nats_url, infra.redis_url
        for name, url in (("ASTER_REDIS_URL", redis_url), ("ASTER_NATS_URL", nats_url)):
            if self._own(name):
                require_server(url, name)
        if not self._own("ASTER_REDIS_URL"):
            port, password = self._ports.choose(stores.REDIS_PORT), self._passwords["redis"]
            self._specs.append(stores.redis(self._home, port, password, environment))
            redis_url = self._changes["ASTER_REDIS_URL"] = stores.redis_url(port, password)
        if not self._own("ASTER_NATS_URL"):
            port, password = self._ports.choose(stores.NATS_PORT), self._passwords["nats"]
            self._specs.append(stores.nats(self._home, port, password, environment))
            nats_url = self._changes["ASTER_NATS_URL"] = stores.nats_url(port, password)
        return nats_url, redis_url

    def _venue(self) -> str:
        """The paper venue, unless real money is traded or a person named another one."""
        core, paper = self._settings.core, self._settings.paper
        if not core.paper:
            if self._options.market is not None:
                raise StartFailed("--market chooses the prices of the paper venue: expected ASTER_PAPER=true, found false (real money)")
            return core.exchange_base
        if self._own("ASTER_PAPER_BASE"):
            return paper.base
        port = self._ports.choose(_VENUE_PORT)
        self._changes["ASTER_PAPER_BASE"] = f"http://{HOST}:{port}"
        arguments = ["--port", str(port), "--store", str(self._home.paper)]
        if self._options.lock_step:
            arguments.append("--lock-step")
        self._specs.append(self._python("paper-exchange", "paper_exchange", Stage.VENUE, port, arguments))
        return self._changes["ASTER_PAPER_BASE"]

    def _service(self, name: str, port: int, number: int) -> ProcessSpec:
        """One instance of a service; the first one has its name alone."""
        arguments = ["--http-port", str(port)]
        if self._options.lock_step:
            arguments += ["--lanes", "1"]
        shown = name if number == 1 else f"{name}-{number}"
        return self._python(name.replace("_", "-"), shown, Stage.SERVICES, port, arguments)

    def _python(self, command: str, name: str, stage: Stage, port: int, arguments: list[str]) -> ProcessSpec:
        return ProcessSpec(
            name=name,
            stage=stage,
            argv=(sys.executable, "-P", "-m", "services.cli", command, *arguments),
            environment=child_environment(self._base, self._changes),
            log_format=LogFormat.JSON,
            folder=self._folder,
            port=port,
            once=self._options.once and stage is Stage.SERVICES,
        )


def _shown_host(host: str) -> str:
    """A host for a browser on this machine."""
    return HOST if host in {"0.0.0.0", "::"} else host

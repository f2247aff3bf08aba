"""`mraster up`: plan, start and supervise a whole MrAster on this machine."""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.supervisor import summary
from services.supervisor.console import Console
from services.supervisor.home import Home
from services.supervisor.lines import Style
from services.supervisor.options import UpOptions
from services.supervisor.plan import Plan, make_plan
from services.supervisor.ports import Promises
from services.supervisor.runfile import RunFile
from services.supervisor.supervisor import Supervisor
from shared.config.load import process_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where `mraster up` runs: current folder, variables of a `.env` file, version, whether the terminal shows colours."""

    folder: Path
    env_file: dict[str, str]
    version: str
    colour: bool


def up(options: UpOptions, around: Surroundings) -> int:
    """Run until told to stop; the exit code.

    Raises:
        ConfigError: wrong settings; nothing was started.
        StartFailed: something is missing or in the way; what had been started is stopped again.
    """
    home = Home(options.home.expanduser().absolute())
    home.create()
    with home.locked():
        home.run_file.unlink(missing_ok=True)  # of a supervisor that was killed
        promises = Promises()
        plan = make_plan(options, {**around.env_file, **process_environment()}, home, around.folder, promises)
        try:
            return asyncio.run(_supervise(plan, home, options, around))
        finally:
            promises.release()


async def _supervise(plan: Plan, home: Home, options: UpOptions, around: Surroundings) -> int:
    names = ("supervisor", *(spec.name for spec in plan.specs))
    console = Console(Style(names, around.colour), home.logs, lambda: time.strftime("%H:%M:%S", time.gmtime()))
    run = RunFile(
        pid=os.getpid(),
        version=around.version,
        ready=False,
        mode="",
        dashboard=plan.dashboard,
        nats_url=plan.nats_url,
        redis_url=plan.redis_url,
        venue=plan.venue,
    )

    async def announce(client: httpx.AsyncClient) -> None:
        run.mode = await summary.mode(client, plan)
        console.say(f"ready {plan.dashboard}\n{run.mode}. Ctrl-C stops everything. Home: {home.path}")

    async def finish(client: httpx.AsyncClient) -> int:
        console.say(await summary.cycle(client, plan))
        return 0

    console.note("info", "starting", version=around.version, home=home.path, processes=len(plan.specs))
    try:
        return await Supervisor(plan, home, console, run, options.ready_within_s).run(announce, finish)
    finally:
        console.close()


def colours_wanted(environment: dict[str, str]) -> bool:
    """Colours for a terminal, unless the person said no (https://no-color.org)."""
    return sys.stdout.isatty() and not environment.get("NO_COLOR")

"""Notices services whose process lives but does not answer any more, and ends them so that they are started again."""

import asyncio
import time

import httpx

from services.supervisor import probes
from services.supervisor.child import Child
from services.supervisor.console import Console

HOST = "127.0.0.1"
LOOK_S = 5.0
FROZEN_S = 45.0
"""Far beyond any pause of a healthy service, so that a busy machine does not look like a frozen process."""


class Watchdog:
    """Asks each service's `/healthz`. Any answer counts, also 503: what a service lacks, a new life would lack, too."""

    def __init__(self, children: list[Child], console: Console, *, look_s: float = LOOK_S, frozen_s: float = FROZEN_S) -> None:
        self._children = children
        self._console = console
        self._look_s = look_s
        self._frozen_s = frozen_s
        self._heard_s: dict[tuple[str, int], float] = {}

    async def watch(self, client: httpx.AsyncClient) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.gather(*(self._look(client, child) for child in self._children if child.pid))
            await asyncio.sleep(self._look_s)

    async def _look(self, client: httpx.AsyncClient, child: Child) -> None:
        life = (child.spec.name, child.lives)
        now_s = time.monotonic()
        heard_s = self._heard_s.setdefault(life, now_s)
        code, _ = await probes.http_json(client, f"http://{HOST}:{child.spec.port}/healthz")
        if code:
            self._heard_s[life] = time.monotonic()
        elif now_s - heard_s > self._frozen_s and child.lives == life[1]:
            self._console.note("error", "process_frozen", process=child.spec.name, silent_s=round(now_s - heard_s))
            child.restart()

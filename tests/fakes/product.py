"""The whole product as a subprocess (`mraster up`), and the steps of a lock-step replay."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.probe import Probe

ROOT = Path(__file__).resolve().parents[2]


class StartFailed(AssertionError):
    """The product did not become ready; carries the end of its log."""


@dataclass
class Product:
    """One `mraster up` in a home of its own."""

    home: Path
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        return self.home.parent / f"{self.home.name}.log"

    def start(self, timeout_s: float = 90.0) -> None:
        """Start and wait for the ready line."""
        argv = [sys.executable, "-m", "services.cli", "up", "--home", str(self.home), "--port", "0", *self.arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST_TP", "FASTTP"))}  # noqa: TID251 - a child's environment
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(argv, cwd=ROOT, env={**clean, **self.environment}, stdout=log, stderr=subprocess.STDOUT)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise StartFailed(f"exit {self.process.returncode}\n{self.log_tail()}")
            run = self.run()
            if run["ready"] and run["pid"] == self.process.pid:
                return
            time.sleep(0.1)
        raise StartFailed(f"not ready after {timeout_s} s\n{self.log_tail()}")

    def stop(self, timeout_s: float = 40.0) -> int:
        """SIGTERM, then the exit code; killed when it does not end."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode

    @property
    def run_file(self) -> Path:
        return self.home / "run.json"

    def run(self) -> dict[str, Any]:
        """run.json as it is now."""
        try:
            found: dict[str, Any] = json.loads(self.run_file.read_text())
        except (OSError, json.JSONDecodeError):
            return {"ready": False, "processes": {}}
        return found

    def kill(self, name: str) -> None:
        """kill -9 of one process of ours."""
        os.kill(self.run()["processes"][name]["pid"], signal.SIGKILL)

    def log_tail(self, size: int = 6000) -> str:
        return self.log_file.read_text(errors="replace")[-size:]


@dataclass
class Stepper:
    """Advances the venue's time when everything is quiet.

    `gap` = frames that the venue sent to processes that are dead by now: nobody will say that they were handled.
    """

    product: Product
    client: httpx.AsyncClient
    services: tuple[str, ...] = ("scanner", "sentinel", "advisor", "executor", "bracket_guard")
    steps: int = 0
    gap: int = 0
    probe: Probe = field(default_factory=Probe)

    @property
    def venue(self) -> str:
        return str(self.product.run()["venue"])

    async def _activity(self) -> tuple[dict[str, Any], list[dict[str, int]]]:
        run = self.product.run()
        venue, *services = await asyncio.gather(
            self.probe.get("127.0.0.1", int(run["venue"].rpartition(":")[2]), "/paper/v1/activity"),
            *(self.probe.get("127.0.0.1", run["processes"][name]["port"], "/activity") for name in self.services),
        )
        return venue, list(services)

    async def quiet(self, timeout_s: float = 90.0) -> dict[str, Any]:
        """Wait until nothing is in hand or on its way, seen twice in a row with the same numbers."""
        before: object = None
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            venue, services = await self._activity()
            handled = sum(s.get("frames", 0) for s in services)
            idle = all(s["busy"] == 0 and s["pending"] == 0 and s["ready"] for s in services)
            now = (venue["frames_sent_total"], handled, [s["done"] for s in services])
            if idle and venue["frames_sent_total"] - handled == self.gap and now == before:
                return venue
            before = now
            await asyncio.sleep(0.001)
        raise AssertionError(f"not quiet after {timeout_s} s: {before} {services}")

    async def settle(self, calm_s: float = 1.5, timeout_s: float = 60.0) -> None:
        """After a kill: wait until all are ready and the numbers stand still, and take the gap from there."""
        end = time.monotonic() + timeout_s
        since, before = time.monotonic(), None
        while time.monotonic() < end:
            try:
                venue, services = await self._activity()
            except OSError:
                before = None
                await asyncio.sleep(0.1)
                continue
            handled = sum(s.get("frames", 0) for s in services)
            now = (venue["frames_sent_total"], handled)
            idle = all(s["busy"] == 0 and s["pending"] == 0 and s["ready"] for s in services)
            if now != before or not idle:
                since, before = time.monotonic(), now
            elif time.monotonic() - since > calm_s:
                self.gap = now[0] - now[1]
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not settled after {timeout_s} s\n{self.product.log_tail()}")

    async def advance(self) -> dict[str, Any]:
        """One batch of the replay, without waiting for it to be handled."""
        answer = await self.client.post(f"{self.venue}/paper/v1/step")
        answer.raise_for_status()
        self.steps += 1
        found: dict[str, Any] = answer.json()
        return found

    async def step(self) -> dict[str, Any]:
        """One batch of the replay, handled to the end."""
        found = await self.advance()
        await self.quiet()
        return found

"""Bracket guards beside an executor, between real servers and a paper venue whose faults can be ordered."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import httpx
from redis.asyncio import Redis

from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Producer
from shared.domain.control import TradingState
from shared.domain.order import client_id
from shared.runtime.clock import SystemClock
from tests.chaos.stack import ROOT, Stack, Venue
from tests.fakes.eventually import eventually
from tests.fakes.servers import free_port

HEADERS = {"X-MBX-APIKEY": "paper-key"}
COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"mraster-bytecode-{os.getuid()}")}
"""As in the product, a process that is started again need not compile what it imports."""


class FaultyVenue(Venue):
    """The paper venue with its control API for faults, and what a person does by hand there."""

    async def start(self) -> None:
        argv = [sys.executable, "-m", "services.paper_exchange", "--market", "synthetic", "--symbols", ",".join(self.symbols)]
        argv += ["--no-limits", "--balance", "1000000", "--faults"]
        self._process = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        self.url = line.decode().removeprefix("ready ").strip()
        assert self.url, "the paper venue did not start"

    async def arm(self, **fault: Any) -> int:
        answer = await self.client.post(f"{self.url}/paper/v1/faults", json=fault, headers=HEADERS)
        answer.raise_for_status()
        return int(answer.json()["id"])

    async def disarm(self) -> None:
        (await self.client.delete(f"{self.url}/paper/v1/faults", headers=HEADERS)).raise_for_status()

    @contextlib.asynccontextmanager
    async def fault(self, **fault: Any) -> AsyncIterator[None]:
        await self.arm(**fault)
        try:
            yield
        finally:
            await self.disarm()

    async def stops(self, symbol: str | None = None) -> list[dict[str, Any]]:
        """Open stops as the venue has them (a fault that shows an old list does not reach `allAlgoOrders`)."""
        found = [row for name in ([symbol] if symbol else self.symbols) for row in await self.algos(name)]
        return [row for row in found if row["orderType"] == "STOP_MARKET" and row["algoStatus"] == "NEW"]

    async def cancel_by_hand(self, symbol: str) -> int:
        """Take the stop of a symbol away; the venue time of it."""
        stops = await self.stops(symbol)
        assert stops, f"{symbol} has no stop to take away"
        for row in stops:
            await self.call("DELETE", "/fapi/v1/algoOrder", algoId=str(row["algoId"]))
        return await self.time_ms()

    async def open_by_hand(self, symbol: str, quantity: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call(
            "POST", "/fapi/v1/order", symbol=symbol, side="BUY", type="MARKET", quantity=quantity, newClientOrderId=name
        )
        return found

    async def foreign_stop(self, symbol: str, name: str, share: float = 0.5) -> None:
        trigger = await self.tick(symbol, await self.price(symbol) * share)
        await self.call(
            "POST",
            "/fapi/v1/algoOrder",
            algoType="CONDITIONAL",
            symbol=symbol,
            side="SELL",
            type="STOP_MARKET",
            triggerPrice=trigger,
            closePosition="true",
            clientAlgoId=name,
        )

    async def tick(self, symbol: str, price: float) -> str:
        rows = (await self.client.get(f"{self.url}/fapi/v1/exchangeInfo")).json()["symbols"]
        filters = next(row for row in rows if row["symbol"] == symbol)["filters"]
        tick = Decimal(next(f for f in filters if f["filterType"] == "PRICE_FILTER")["tickSize"])
        return format((Decimal(str(price)) // tick) * tick, "f")


class Surroundings(Protocol):
    """What a guard is started in."""

    venue: FaultyVenue

    def environment(self) -> dict[str, str]: ...


@dataclass
class GuardProcess:
    """One instance of the guard, started like in the product."""

    stack: "Surroundings"
    instance: str
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    log: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mr-chaos-")) / "guard.log")

    async def start(self, state: str = "ready") -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST"))}  # noqa: TID251 - a child's environment
        self.port = free_port()
        argv = [sys.executable, "-m", "services.cli", "bracket-guard", "--instance", self.instance, "--http-port", str(self.port)]
        with self.log.open("ab") as log:
            environment = {**clean, **COMPILED, **self.stack.environment(), "ASTER_PAPER_BASE": self.stack.venue.url}
            self.process = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        if state:
            await eventually(lambda: self.is_in(state), within_s=40, every_s=0.05, what=f"{self.instance} {state}; see {self.log}")

    async def is_in(self, state: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.stack.venue.client.get(f"http://127.0.0.1:{self.port}/readyz")
            return bool(answer.json()["state"] == state)
        return False

    async def metrics(self) -> str:
        return (await self.stack.venue.client.get(f"http://127.0.0.1:{self.port}/metrics")).text

    async def end(self) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, 30)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()


class GuardStack(Stack):
    """The executor's stack with guards; each has a queue file of its own folder."""

    venue: FaultyVenue

    def __init__(self, symbols: list[str], **settings: str) -> None:
        super().__init__(symbols, **settings)
        self.venue = FaultyVenue(symbols)
        self.guards: list[GuardProcess] = []
        self.home = Path(tempfile.mkdtemp(prefix="mr-guard-"))

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "ASTER_BRACKETS_QUEUE_FILE": str(self.home / "brackets_queue.json")}

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for guard in self.guards:
            guard.kill()
        await super().__aexit__(kind, error, trace)

    async def flush_store(self) -> None:
        """All keys go; a person starts trading again."""
        client = Redis.from_url(self.redis.url)
        await client.flushall()
        await client.aclose()
        await self.state.init_control(TradingState.RUNNING, author="test", now_ms=await self.venue.time_ms())

    async def leave_bus(self) -> None:
        """The test's own connection does not wait for a server that stands still."""
        await self.bus.close()

    async def join_bus(self) -> None:
        self.bus = NatsBus(self.nats.url, Producer("advisor", "chaos", "main"), SystemClock())
        await self.bus.connect(10)

    def guard(self, instance: str) -> GuardProcess:
        self.guards.append(GuardProcess(self, instance))
        return self.guards[-1]

    @staticmethod
    def entry_name(tag: str) -> str:
        """The client id that an entry of ours has."""
        return client_id(tag, "e")

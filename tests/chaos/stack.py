"""The executor alone between real servers and the paper venue, with a flaky proxy in front of the venue."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from shared.bus.nats_bus import NatsBus
from shared.contracts.control import Command
from shared.contracts.envelope import Outgoing, Producer
from shared.contracts.plan import Plan, PlanReason, PlanSource, Verdict
from shared.contracts.signal import Setup
from shared.contracts.topic import STREAMS
from shared.domain.order import Direction, intent_hash
from shared.exchange.signing import HmacSigner
from shared.runtime.clock import SystemClock
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.eventually import eventually
from tests.fakes.flaky_proxy import FlakyProxy
from tests.fakes.servers import NatsServer, RedisServer, free_port

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = [
    "BTCUSDT",
    "ETHUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "BNBUSDT",
    "DOGEUSDT",
    "ADAUSDT",
    "LINKUSDT",
    "AVAXUSDT",
    "SUIUSDT",
    "LTCUSDT",
    "DOTUSDT",
    "NEARUSDT",
    "APTUSDT",
    "ARBUSDT",
    "AAVEUSDT",
    "FILUSDT",
    "INJUSDT",
]
SETTINGS = {
    "ASTER_RECV_WINDOW": "1000",
    "ASTER_RISK_PER_TRADE": "0.001",
    "ASTER_MAX_OPEN_RISK": "1",
    "ASTER_EQUITY_FRACTION": "1",
    "ASTER_MAX_DAILY_LOSS": "1",
    "ASTER_MAX_DRAWDOWN": "1",
    "ASTER_MAX_LOSS_STREAK": "100",
    "ASTER_LOGLEVEL": "INFO",
}


class Venue:
    """The paper venue as a subprocess, and signed requests to it past the proxy."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self.url = ""
        self._signer = HmacSigner("paper-key", "paper-secret")
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.AsyncClient(timeout=30)

    async def start(self) -> None:
        argv = [sys.executable, "-m", "services.paper_exchange", "--market", "synthetic", "--symbols", ",".join(self.symbols)]
        argv += ["--no-limits", "--balance", "1000000"]
        self._process = await asyncio.to_thread(subprocess.Popen, argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        self.url = line.decode().removeprefix("ready ").strip()
        assert self.url, "the paper venue did not start"

    async def stop(self) -> None:
        await self.client.aclose()
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    async def call(self, method: str, path: str, **params: str) -> Any:
        now = (await self.client.get(f"{self.url}/fapi/v1/time")).json()["serverTime"]
        query = self._signer.sign(tuple(params.items()), timestamp_ms=now, recv_window_ms=60_000)
        answer = await self.client.request(method, f"{self.url}{path}?{query}", headers=self._signer.headers())
        answer.raise_for_status()
        return answer.json()

    async def positions(self) -> dict[str, Decimal]:
        rows = await self.call("GET", "/fapi/v2/positionRisk")
        return {row["symbol"]: Decimal(row["positionAmt"]) for row in rows if Decimal(row["positionAmt"]) != 0}

    async def entries(self, symbol: str) -> list[dict[str, Any]]:
        rows = await self.call("GET", "/fapi/v1/allOrders", symbol=symbol, limit="1000")
        return [row for row in rows if row["clientOrderId"].startswith("mr-") and row["clientOrderId"].endswith("-e")]

    async def algos(self, symbol: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.call("GET", "/fapi/v1/allAlgoOrders", symbol=symbol, limit="1000")
        return found

    async def trades(self, symbol: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.call("GET", "/fapi/v1/userTrades", symbol=symbol, limit="1000")
        return found

    async def price(self, symbol: str) -> float:
        return float((await self.client.get(f"{self.url}/fapi/v1/premiumIndex", params={"symbol": symbol})).json()["markPrice"])

    async def close(self, symbol: str, amount: Decimal) -> None:
        """What a person does by hand."""
        side = "SELL" if amount > 0 else "BUY"
        await self.call("POST", "/fapi/v1/order", symbol=symbol, side=side, type="MARKET", quantity=str(abs(amount)), reduceOnly="true")

    async def time_ms(self) -> int:
        return int((await self.client.get(f"{self.url}/fapi/v1/time")).json()["serverTime"])


@dataclass
class ExecutorProcess:
    """One instance of the executor; it may be killed, frozen and started again."""

    stack: "Stack"
    instance: str = "chaos-1"
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    ready_ms: int = 0
    log: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mr-chaos-")) / "executor.log")

    async def start(self, *, ready: bool = True) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("ASTER_")}  # noqa: TID251 - a child's environment
        self.port = free_port()
        argv = [sys.executable, "-m", "tests.chaos.executor_process", "--instance", self.instance, "--http-port", str(self.port)]
        with self.log.open("ab") as log:
            environment = {**clean, **self.stack.environment()}
            self.process = await asyncio.to_thread(
                subprocess.Popen, argv, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )
        if ready:
            await self.until_ready()
            self.ready_ms = await self.stack.venue.time_ms()

    async def until_ready(self, within_s: float = 40.0, state: str = "ready") -> None:
        await eventually(lambda: self._is(state), within_s=within_s, every_s=0.03, what=f"executor {state}; see {self.log}")

    async def _is(self, state: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(httpx.HTTPError):
            answer = await self.stack.venue.client.get(f"http://127.0.0.1:{self.port}/readyz")
            return bool(answer.json()["state"] == state)
        return False

    def stop_at(self, moments: dict[str, str]) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(moments).encode() + b"\n")
        self.process.stdin.flush()

    async def until_dead(self, within_s: float = 20.0) -> None:
        assert self.process is not None
        process = self.process
        await eventually(lambda: process.poll() is not None, within_s=within_s, what="the executor dies")
        assert process.returncode == -signal.SIGKILL, self.log.read_text(errors="replace")[-3000:]
        process.communicate()
        self.process = None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Stack:
    """Everything around one executor."""

    def __init__(self, symbols: list[str] | None = None, **settings: str) -> None:
        self.symbols = symbols or SYMBOLS
        self.venue = Venue(self.symbols)
        self.nats, self.redis = NatsServer(), RedisServer()
        self.settings = SETTINGS | settings
        self.keys = Keys("main")
        self.executors: list[ExecutorProcess] = []
        self._number = 0

    def environment(self) -> dict[str, str]:
        return {
            **self.settings,
            "ASTER_NATS_URL": self.nats.url,
            "ASTER_REDIS_URL": self.redis.url,
            "ASTER_PAPER_BASE": self.proxy.url,
        }

    async def __aenter__(self) -> Self:
        await asyncio.gather(asyncio.to_thread(self.nats.start), asyncio.to_thread(self.redis.start), self.venue.start())
        self.proxy = FlakyProxy(self.venue.url)
        await self.proxy.__aenter__()
        self.bus = NatsBus(self.nats.url, Producer("advisor", "chaos", "main"), SystemClock())
        await self.bus.connect(10)
        await self.bus.provision(STREAMS)
        self.state = RedisState(self.redis.url, "main")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for executor in self.executors:
            executor.kill()
        with contextlib.suppress(Exception):
            await self.bus.close()
        with contextlib.suppress(Exception):
            await self.state.close()
        await self.proxy.__aexit__(None, None, None)
        await self.venue.stop()
        self.nats.close()
        self.redis.close()

    def executor(self, instance: str = "chaos-1") -> ExecutorProcess:
        self.executors.append(ExecutorProcess(self, instance))
        return self.executors[-1]

    async def plan(self, symbol: str, *, epoch: int | None = None, valid_s: float = 60.0, stop: float = 0.05) -> Outgoing:
        """A TAKE at the price of now; its own decision."""
        self._number += 1
        price, now = await self.venue.price(symbol), await self.venue.time_ms()
        if epoch is None:
            control = await self.state.control()
            epoch = 1 if control is None else control.epoch
        plan = Plan(
            symbol=symbol,
            interval="5m",
            close_ms=now + self._number,
            direction=Direction.LONG if self._number % 2 else Direction.SHORT,
            setup=Setup.TREND_CROSS,
            verdict=Verdict.TAKE,
            reason=PlanReason.EDGE,
            source=PlanSource.POLICY,
            edge_r=0.2,
            price=price,
            stop_distance=price * stop,
            target_distance=price * stop * 2,
            valid_until_ms=now + int(valid_s * 1000),
        )
        return Outgoing(plan, ts_ms=now, decision_id=intent_hash(plan.identity()), epoch=epoch)

    async def command(self, command: Command) -> int:
        """What the CLI does to Redis; the epoch afterwards."""
        return (await self.state.command(command, author="test", reason="chaos", now_ms=await self.venue.time_ms())).epoch

    async def intents(self) -> dict[str, dict[str, Any]]:
        return await self.state.get_all(self.keys.intents)

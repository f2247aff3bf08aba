"""All symbols close at once: from the first close frame on the wire to the last message of the scanners, one and two replicas.

Real NATS and Redis, scanners as processes of their own, a light venue in this one. The clock stops when a plain subscriber
has the message in hand. At last the same with an advisor: until the last plan.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nats
import numpy as np
from nats.aio.msg import Msg

from benchmarks.funnel import FRAME, Player, default_rules
from benchmarks.upstream import BEGIN, Upstream, path
from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.domain.candle import Candle
from shared.domain.control import TradingState
from shared.exchange.market import BookTicker, MarkPrice
from shared.indicators.types import Floats
from shared.runtime.clock import SystemClock
from shared.state.redis_store import RedisState
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.fakes.venue_server import VenueServer

ROOT = Path(__file__).parents[1]
HISTORY, SEARCHED, ROUNDS = 960, 600, 6
BOUND_MS = 500.0
"""What the last plan of 500 symbols is to be out within."""


class Heard:
    """When messages arrived at a subscriber."""

    def __init__(self) -> None:
        self.signals: list[float] = []
        self.candles: list[float] = []
        self.plans: list[float] = []

    async def on(self, message: Msg) -> None:
        """One message."""
        kinds = {"signal": self.signals, "md": self.candles, "plan": self.plans}
        kinds[message.subject.partition(".")[0]].append(time.perf_counter())

    def clear(self) -> None:
        """Forget the last close."""
        for kind in (self.signals, self.candles, self.plans):
            kind.clear()


@dataclass(frozen=True, slots=True)
class Close:
    """One close, in seconds from its first frame: the last frame sent, the last signal, plan and candle heard; and how many."""

    sent: float
    signal: float
    plan: float
    candle: float
    signals: int
    plans: int


def busiest(closes: Floats) -> int:
    """The candle after which the most of the next ROUNDS candles have a signal (all contracts have the same)."""
    player = Player(["X"], default_rules(0.0005))
    fired = np.zeros(len(closes), dtype=np.int64)
    for n in range(len(closes)):
        bar, close = BEGIN + n, float(closes[n])
        before, when = float(closes[max(n - 1, 0)]), FRAME.close_ms(bar) - 50
        high, low = max(before, close) * 1.0005, min(before, close) * 0.9995
        player.board.put_book(BookTicker("X", close * 0.9999, 1.0, close * 1.0001, 1.0, when))
        player.board.put_mark(MarkPrice("X", close, close, 0.0001, when + 3_600_000, when))
        fired[n] = len(player.bar(bar, [Candle("X", "5m", FRAME.open_ms(bar), before, high, low, close, 3e4, 3e6, 100)]))
    windows = np.convolve(fired, np.ones(ROUNDS, dtype=np.int64), mode="valid")
    return HISTORY + int(np.argmax(windows[HISTORY:])) - 1


@contextmanager
def running(services: list[str], surroundings: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of services, ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as folder:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASTER_", "FAST"))}  # noqa: TID251 - a child's environment
        try:
            for number, service in enumerate(services):
                argv = [sys.executable, "-m", "services.cli", service, "--instance", f"s{number}"]
                with (Path(folder) / f"{number}.log").open("wb") as log:
                    started.append(subprocess.Popen(argv, cwd=ROOT, env={**clean, **surroundings}, stdout=log, stderr=subprocess.STDOUT))
            yield started
        finally:
            for process in started:
                process.send_signal(signal.SIGTERM)
            for process in started:
                process.wait(20)


async def run(symbols: int, replicas: int, closes: Floats, newest: int, *, advisors: int = 0) -> None:
    """One configuration, on servers of its own."""
    with NatsServer() as nats_server, RedisServer() as redis_server:
        bus = NatsBus(nats_server.url, Producer("bench", "bench", "main"), SystemClock())
        await bus.connect(10)
        await bus.provision(STREAMS)
        state = RedisState(redis_server.url, "main")
        await state.init_control(TradingState.RUNNING, author="bench", now_ms=0)
        heard, ear = Heard(), await nats.connect(nats_server.url)
        for subject in ("signal.v1.>", "md.v1.candle.>", "plan.v1.>"):
            await ear.subscribe(subject, cb=heard.on)
        async with VenueServer() as server:
            upstream = Upstream(server, symbols, closes, newest)
            surroundings = {
                "ASTER_NATS_URL": nats_server.url,
                "ASTER_REDIS_URL": redis_server.url,
                "ASTER_PAPER_BASE": server.http_url,
                "ASTER_PAPER_WS_BASE": server.ws_url,
                "ASTER_MIN_EDGE_R": "-5",
                "ASTER_LOOP_SLEEP": "3600",
            }
            with running(["scanner"] * replicas + ["advisor"] * advisors, surroundings) as processes:
                await eventually(lambda: shared(upstream, replicas, processes), within_s=120, every_s=0.1, what="scanners that listen")
                await asyncio.sleep(1.5)  # candles of the start, and what a joining scanner took over
                rounds = [await one(upstream, heard, symbols) for _ in range(ROUNDS)]
        await ear.close()
        await bus.close()
        await state.close()
    report(f"{symbols}_symbols_{replicas}_replica{'s' if replicas > 1 else ''}{'_with_advisor' if advisors else ''}", rounds)


def shared(upstream: Upstream, replicas: int, processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether each contract is carried by exactly one connection."""
    if any(process.poll() is not None for process in processes):
        raise AssertionError("a scanner ended by itself")
    streams = [stream for stream in upstream.server.streams if stream.open]
    carried = [name for stream in streams for name in stream.subscribed if "@kline" in name]
    working = sum(any("@kline" in name for name in stream.subscribed) for stream in streams)
    return working == replicas and sorted(carried) == sorted(f"{s.lower()}@kline_5m" for s in upstream.symbols)


async def one(upstream: Upstream, heard: Heard, symbols: int) -> Close:
    """One close."""
    heard.clear()
    begin, sent = await upstream.close()
    await eventually(lambda: len(heard.candles) >= symbols, within_s=30, every_s=0.005, what="all candles")
    before = -1
    while before != len(heard.plans) + len(heard.signals):
        before = len(heard.plans) + len(heard.signals)
        await asyncio.sleep(0.4)
    last = [max(times, default=begin) - begin for times in (heard.signals, heard.plans, heard.candles)]
    return Close(sent - begin, *last, len(heard.signals), len(heard.plans))


def report(name: str, rounds: list[Close]) -> None:
    """Figures over the closes in which every symbol had a signal (frames and candles: over all)."""
    name = f"scanner_close_{name}"
    print(f"bench {name}_signals_per_close {max(close.signals for close in rounds)} count")
    print(f"bench {name}_frames_sent {median(close.sent for close in rounds) * 1e3:.1f} ms")
    for kind, seconds in (("signal", [c.signal for c in rounds if c.signals]), ("plan", [c.plan for c in rounds if c.plans])):
        if seconds:
            print(f"bench {name}_last_{kind}_p50 {median(seconds) * 1e3:.1f} ms")
            print(f"bench {name}_last_{kind}_worst {max(seconds) * 1e3:.1f} ms")
            print(f"bench {name}_last_{kind}_of_the_bound {median(seconds) * 1e3 / BOUND_MS:.2f} ratio")
    print(f"bench {name}_last_candle_p50 {median(close.candle for close in rounds) * 1e3:.1f} ms", flush=True)


def main() -> None:
    """80, 200 and 500 symbols by one scanner and by two; the most with an advisor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--symbols", type=int, nargs="*", default=[80, 200, 500])
    parser.add_argument("--replicas", type=int, nargs="*", default=[1, 2])
    asked = parser.parse_args()
    closes = path(HISTORY + SEARCHED, 5)
    newest = busiest(closes)
    for symbols in asked.symbols:
        for replicas in asked.replicas:
            asyncio.run(run(symbols, replicas, closes, newest))
    asyncio.run(run(max(asked.symbols), 1, closes, newest, advisors=1))


if __name__ == "__main__":
    main()

"""From the close of a candle to the accepted entry order: the whole product, real NATS and Redis, HTTP on loopback.

The venue runs inside this process in lock-step, so that the moment of the close and of each answered order are seen by one clock.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn

from benchmarks.market import write
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.service import bind, build, build_app
from services.paper_exchange.store import Store
from services.paper_exchange.wall import SystemWall
from tests.fakes.product import Product, Stepper

WARMUP, BURST_WARMUP = 400, 450
"""Candles before the replay begins. The burst comes in the fifth candle after it, when the averages of all symbols cross."""
BURST_SETTINGS = {
    "ASTER_MAX_OPEN_RISK": "1",
    "ASTER_EQUITY_FRACTION": "1",
    "ASTER_RISK_PER_TRADE": "0.0005",
    "ASTER_MIN_EDGE_R": "-5",
    "ASTER_NON_ARB_FILTER_ENABLED": "false",
}
"""Nothing keeps an order back: each signal of the burst becomes one."""
BURST = 30
"""Orders of one close from which it counts as a burst."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Timed:
    """The venue's application; remembers when each entry order was answered."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.answered: list[float] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass on, and take the time behind it."""
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith("/v1/order"):
            self.answered.append(time.perf_counter())


async def run(symbols: int, candles: int, *, together: bool) -> None:
    """One product over one made-up recording."""
    warmup = BURST_WARMUP if together else WARMUP
    settings = BURST_SETTINGS if together else {"ASTER_MAX_OPEN_RISK": "1", "ASTER_RISK_PER_TRADE": "0.001"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        names = write(path, symbols, 2 * warmup + candles, together=together)  # a replay begins in the first half of a file
        options = Options(
            market=MarketKind.REPLAY, paths=(path,), symbols=tuple(names), lock_step=True, warmup=warmup, limits=False, points=4
        )
        store = Store(None)
        exchange = await build(options, store, SystemWall())
        for limit in exchange.head["rateLimits"]:
            limit["limit"] = 10**7  # weeks of trading pass in a minute: the client's own budget must not be what is measured
        timed = Timed(build_app(exchange))
        listener = bind("127.0.0.1", 0)
        config = uvicorn.Config(timed, log_level="warning", access_log=False, lifespan="off", ws="websockets-sansio", ws_ping_interval=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        product = Product(Path(folder) / "home", [], {"ASTER_PAPER_BASE": base, **settings})
        try:
            await asyncio.to_thread(product.start)
            await _measure(product, timed, "burst" if together else "paced", symbols, candles)
        finally:
            await asyncio.to_thread(product.stop)
            server.should_exit = True
            await serving
            store.close()


async def _measure(product: Product, timed: Timed, name: str, symbols: int, candles: int) -> None:
    """Step through so many closes. In the burst only those with many orders count."""
    least = BURST if name == "burst" else 1
    latencies: list[float] = []
    last: list[float] = []
    settled: list[float] = []
    async with httpx.AsyncClient(timeout=30) as client:
        stepper = Stepper(product, client)
        await stepper.settle(calm_s=0.5)
        while len(settled) < candles:
            timed.answered.clear()
            start = time.perf_counter()
            answer = await stepper.step()
            if answer["batch"] == "closes":
                if len(timed.answered) >= least:
                    latencies += [t - start for t in timed.answered]
                    last.append(max(timed.answered) - start)
                settled.append(time.perf_counter() - start)
            if answer["ended"]:
                break
    millis = np.array(latencies) * 1000
    print(f"bench pipeline_{name}_{symbols}_orders {len(latencies)} count")
    if len(latencies):
        print(f"bench pipeline_{name}_{symbols}_close_to_order_p50 {np.quantile(millis, 0.5):.2f} ms")
        print(f"bench pipeline_{name}_{symbols}_close_to_order_p99 {np.quantile(millis, 0.99):.2f} ms")
        print(f"bench pipeline_{name}_{symbols}_closes_with_orders {len(last)} count")
        print(f"bench pipeline_{name}_{symbols}_close_to_last_order_p50 {np.median(last) * 1000:.2f} ms")
    print(f"bench pipeline_{name}_{symbols}_candles_per_second {symbols / float(np.median(settled)):.0f} 1/s")
    _memory(product, symbols)


def _memory(product: Product, symbols: int) -> None:
    import psutil  # noqa: PLC0415

    total = sum(psutil.Process(p["pid"]).memory_info().rss for p in product.run()["processes"].values() if p["pid"])
    print(f"bench memory_all_services_{symbols}_symbols {total / 2**20:.0f} MiB")


def main() -> None:
    """Paced crossings, then all symbols at once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--candles", type=int, default=100, help="candles of the paced part")
    parser.add_argument("--burst", type=int, default=8, help="candles of the burst part; 0 leaves it out")
    arguments = parser.parse_args()
    if arguments.candles:
        asyncio.run(run(10, arguments.candles, together=False))
    if arguments.burst:
        asyncio.run(run(50, arguments.burst, together=True))


if __name__ == "__main__":
    main()

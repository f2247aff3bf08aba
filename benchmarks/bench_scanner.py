"""The scanner inside one process: candles per second through its pure core, and what a common close costs it."""

import asyncio
import time
from statistics import median

import numpy as np
import structlog

from benchmarks.funnel import FRAME, Player, default_rules
from services.scanner.board import Board
from services.scanner.logic.inbox import Closed
from services.scanner.logic.market import Reference
from services.scanner.scan import Scan
from shared.bus.nats_bus import NatsBus
from shared.config.load import load
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.domain.candle import Candle
from shared.domain.clock import ManualClock
from shared.domain.control import TradingState
from shared.exchange.market import BookTicker, MarkPrice
from shared.runtime.context import Context
from shared.runtime.metrics import Metrics
from shared.runtime.venue import open_venue
from shared.state.keys import Keys
from shared.state.redis_store import RedisState
from tests.fakes.servers import NatsServer, RedisServer

FUNDING, TAKER = 0.0001, 0.0004
BEGIN = 5_880_000
HISTORY = 500
ROUNDS = 12


class WallClock(ManualClock):
    """Venue time that is set, monotonic time that runs."""

    def monotonic_s(self) -> float:
        """Seconds that really pass."""
        return time.perf_counter()


def synthetic(symbols: int, bars: int) -> dict[int, list[Candle]]:
    """Seeded random walks, by bar."""
    dice = np.random.default_rng(11)
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.004, (symbols, bars)), axis=1))
    reach = np.abs(dice.normal(0, 0.002, (2, symbols, bars)))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    high, low = np.maximum(opened, close) * (1 + reach[0]), np.minimum(opened, close) * (1 - reach[1])
    found: dict[int, list[Candle]] = {}
    for bar in range(bars):
        open_ms = FRAME.open_ms(BEGIN + bar)
        row = zip(opened[:, bar].tolist(), high[:, bar].tolist(), low[:, bar].tolist(), close[:, bar].tolist(), strict=True)
        found[BEGIN + bar] = [Candle(f"C{i:03}USDT", "5m", open_ms, *prices, 1e4, 1e6, 100) for i, prices in enumerate(row)]
    return found


def put_facts(board: Board, candles: list[Candle], time_ms: int) -> None:
    """A narrow book and a mark price for each symbol; the index explains the funding."""
    for candle in candles:
        board.put_book(BookTicker(candle.symbol, candle.close * 0.9999, 1.0, candle.close * 1.0001, 1.0, time_ms))
        board.put_mark(MarkPrice(candle.symbol, candle.close, candle.close * (1 - FUNDING), FUNDING, time_ms + 3_600_000, time_ms))


def core(bars: dict[int, list[Candle]], name: str) -> None:
    """Every candle through windows, indicators, setups, filters and edge, without any I/O."""
    player = Player(sorted({c.symbol for candles in bars.values() for c in candles}), default_rules(TAKER))
    player.board.references = [Reference(0, 0, np.sort(np.array([c.quote_volume * 288 for c in bars[max(bars)]])))]
    total, spent = 0, 0.0
    for bar in sorted(bars):
        put_facts(player.board, bars[bar], FRAME.close_ms(bar) - 50)
        start = time.perf_counter()
        player.bar(bar, bars[bar])
        spent += time.perf_counter() - start
        total += len(bars[bar])
    print(f"bench scanner_core_{name} {total / spent:.0f} candles/s")


async def burst(symbols: int, nats: NatsServer, redis: RedisServer) -> None:
    """All symbols close at once: from the first frame handed over to the last message stored."""
    bars = synthetic(symbols, HISTORY + ROUNDS)
    clock = WallClock()
    loaded = load(environ={"ASTER_MIN_EDGE_R": "-5"})
    bus = NatsBus(nats.url, Producer("scanner", "bench", "main"), clock)
    await bus.connect(10)
    await bus.provision(STREAMS)
    state = RedisState(redis.url, "main")
    await state.init_control(TradingState.RUNNING, author="bench", now_ms=0)
    venue = open_venue(loaded, "bench", signed=False)
    log = structlog.get_logger()
    ctx = Context(
        loaded, clock, bus, state, Keys("main"), log, Metrics("scanner"), Producer("scanner", "bench", "main"), venue_or_none=venue
    )
    board = Board(FRAME)
    scan = Scan(ctx, board)
    history = sorted(bars)[:HISTORY]
    names = [candle.symbol for candle in bars[BEGIN]]
    board.windows.admit(names)
    for row, name in enumerate(names):
        board.windows.load(name, [bars[bar][row] for bar in history])
    board.windows.settle_all(ahead=True)
    board.watch(tuple(names))
    tasks = [asyncio.create_task(scan.run()), asyncio.create_task(scan.decided.run()), asyncio.create_task(scan.candles.run())]
    closes = [await close_of(bars[bar], bar, ctx, board, scan) for bar in sorted(bars)[HISTORY:]]
    decided, stored, busy = zip(*closes, strict=True)
    print(f"bench scanner_common_close_{symbols}_decisions {median(decided) * 1e3:.1f} ms_first_frame_to_last_candidate_stored")
    print(f"bench scanner_common_close_{symbols}_candles {median(stored) * 1e3:.1f} ms_first_frame_to_last_candle_stored")
    print(f"bench scanner_common_close_{symbols}_cpu {median(busy) * 1e3:.1f} ms_of_processor")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await bus.close()
    await state.close()
    await venue.http.aclose()


async def close_of(candles: list[Candle], bar: int, ctx: Context, board: Board, scan: Scan) -> tuple[float, float, float]:
    """Seconds of one common close: until the last decision is stored, until everything is, and of the processor."""
    close_ms = FRAME.close_ms(bar)
    put_facts(board, candles, close_ms - 50)
    assert isinstance(ctx.clock, WallClock)
    ctx.clock.set_ms(close_ms + 1)
    latency = ctx.metrics.registry
    start, cpu, decided = time.perf_counter(), time.process_time(), 0.0
    for candle in candles:
        scan.offer(Closed(candle, "stream", start))
        await asyncio.sleep(0)  # as frames do, one after another
    seen = -1.0
    while ctx.activity.snapshot()["busy"]:
        now = latency.get_sample_value("mraster_scanner_close_to_published_seconds_count", {"kind": "decision"}) or 0.0
        seen, decided = (now, time.perf_counter()) if now != seen else (seen, decided)
        await asyncio.sleep(0.0005)
    return decided - start, time.perf_counter() - start, time.process_time() - cpu


def main() -> None:
    """Core, then common closes on real NATS and Redis."""
    for symbols in (80, 500):
        core(synthetic(symbols, 700), f"{symbols}_synthetic")
    with NatsServer() as nats, RedisServer() as redis:
        for symbols in (80, 200, 500):
            asyncio.run(burst(symbols, nats, redis))


if __name__ == "__main__":
    main()

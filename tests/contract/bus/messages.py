"""Small messages, handlers and helpers for the bus suite."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from shared.bus.port import Consumption, Handler
from shared.contracts.envelope import Meta, Outgoing, Payload
from shared.contracts.market import CandleClosed
from shared.contracts.ops import Heartbeat, ServiceState
from shared.contracts.signal import Setup, Skip, SkipReason
from shared.contracts.topic import CANDLE, Topic
from shared.domain.order import Direction
from tests.contract.bus.world import NOW_MS, TestBus, World


def candle(symbol: str = "BTCUSDT", number: int = 0, *, decision_id: str = "", epoch: int = 0) -> Outgoing:
    """A candle; `number` makes it unique within its symbol."""
    payload = CandleClosed(
        symbol=symbol,
        interval="5m",
        open_ms=number,
        close_ms=number + 1,
        open=1.0,
        high=2.0,
        low=0.5,
        close=1.5,
        volume=10.0,
        quote_volume=15.0,
        trades=3,
    )
    return Outgoing(payload, ts_ms=NOW_MS + number, decision_id=decision_id, epoch=epoch)


def skip(symbol: str = "BTCUSDT", number: int = 0, *, decision_id: str = "", cause_id: str = "", epoch: int = 0) -> Outgoing:
    """A skip; `number` makes it unique within its symbol."""
    payload = Skip(
        symbol=symbol,
        interval="5m",
        close_ms=number,
        direction=Direction.LONG,
        setup=Setup.TREND_CROSS,
        strength=0.5,
        price=1.0,
        atr=None,
        stop_distance=None,
        target_distance=None,
        p_prior=None,
        p=None,
        cost_r=None,
        edge_r=None,
        spread_ratio=None,
        features={},
        reason=SkipReason.SPREAD,
        value=2.0,
        limit=1.0,
        gap=1.0,
    )
    return Outgoing(payload, ts_ms=NOW_MS + number, decision_id=decision_id, cause_id=cause_id, epoch=epoch)


def heartbeat(instance: str = "a") -> Outgoing:
    """A core message."""
    payload = Heartbeat(service="scanner", instance=instance, pid=1, uptime_s=1.0, version="0", state=ServiceState.READY, wall_ms=NOW_MS)
    return Outgoing(payload, ts_ms=NOW_MS)


@dataclass
class Recorder:
    """A handler that remembers, fails when told to, and waits when told to."""

    errors: dict[int, Exception] = field(default_factory=dict)  # by candle number: always fails
    fail_first: dict[int, Exception] = field(default_factory=dict)  # by candle number: fails once
    outputs: bool = False
    gate: asyncio.Event | None = None
    calls: list[tuple[str, int]] = field(default_factory=list)  # (symbol, number) at the start
    done: list[tuple[str, int]] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def __call__(self, payload: Payload, meta: Meta) -> Iterable[Outgoing]:
        symbol, number = key_of(payload)
        self.calls.append((symbol, number))
        self.metas.append(meta)
        self.times.append(asyncio.get_running_loop().time())
        if self.gate is not None:
            await self.gate.wait()
        if number in self.fail_first:
            raise self.fail_first.pop(number)
        if number in self.errors:
            raise self.errors[number]
        self.done.append((symbol, number))
        return [skip(symbol, number)] if self.outputs else []

    def numbers(self) -> list[int]:
        """The numbers that were handled, in order."""
        return [number for _, number in self.done]


def key_of(payload: Payload) -> tuple[str, int]:
    """Symbol and number of one of the messages above."""
    if isinstance(payload, CandleClosed):
        return payload.symbol, payload.open_ms
    assert isinstance(payload, Skip)
    return payload.symbol, payload.close_ms


def consumption(handler: Handler, *, durable: str = "test-candle", topic: Topic = CANDLE, **options: object) -> Consumption:
    """Quick to retry and to come back."""
    quick: dict[str, object] = {"ack_wait_s": 1.0, "attempts": 3, "delays_s": (0.05, 0.1)}
    return Consumption(durable=durable, topic=topic, handler=handler, **{**quick, **options})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def consuming(bus: TestBus, consumptions: Sequence[Consumption], lanes: int = 1) -> AsyncIterator["asyncio.Task[None]"]:
    """Consume in the background; drained at the end (when it still runs)."""
    task = asyncio.create_task(bus.consume(consumptions, lanes=lanes))
    await asyncio.sleep(0)  # it has begun, so that a drain finds it
    try:
        yield task
    finally:
        if not task.done():
            await bus.drain(0.5)
        await asyncio.wait([task], timeout=5)
        assert task.done()


async def dead_letters(world: World) -> list[dict[str, object]]:
    """The bodies of all dead letters."""
    return [orjson.loads(data)["data"] for _, data in await world.stored("DLQ")]


async def idle(bus: TestBus) -> bool:
    """Nothing waits for its consumers, nothing is in their hands."""
    return await bus.lag() == 0

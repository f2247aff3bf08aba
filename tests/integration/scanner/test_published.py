"""Published candles are read back from a real server, by name and as a whole, from a moment on."""

import asyncio

import pytest

from services.scanner.logic.frame import Frame
from services.scanner.logic.inbox import Closed
from services.scanner.published import last_published, published
from services.scanner.scan import candle_message
from shared.bus.nats_bus import NatsBus
from shared.contracts.envelope import Producer
from shared.contracts.topic import STREAMS
from shared.runtime.clock import SystemClock
from tests.fakes.servers import NatsServer
from tests.unit.scanner.samples import candle

pytestmark = pytest.mark.integration

FRAME = Frame.of("5m", "30m")
FIRST, LAST = 5_880_000, 5_880_299


async def connected(server: NatsServer) -> NatsBus:
    bus = NatsBus(server.url, Producer("scanner", "test", "main"), SystemClock())
    await bus.connect(10)
    await bus.provision(STREAMS)
    return bus


async def publish(bus: NatsBus, symbols: list[str], bars: range) -> None:
    for bar in bars:
        closed = [Closed(candle(symbol, bar, 100 + bar % 7), "stream", 0.0) for symbol in symbols]
        await bus.publish_all([candle_message(one, FRAME.close_ms(bar)) for one in closed])


@pytest.mark.parametrize("count", [2, 60], ids=["by name", "as a whole"])
async def test_all_candles_of_all_symbols_come_back(nats_server: NatsServer, count: int) -> None:
    bus = await connected(nats_server)
    symbols = [f"{'币' if n == 1 else 'C'}{n}USDT" for n in range(count)]
    bars = range(LAST - 299 if count == 2 else LAST - 20, LAST + 1)
    await publish(bus, [*symbols, "OTHERUSDT"], bars)
    told = await last_published(bus, FRAME, [*symbols, "NEWUSDT"])
    assert told == dict.fromkeys(symbols, LAST)
    found = await published(bus, FRAME, told, 0)
    assert found == {symbol: {bar: candle(symbol, bar, 100 + bar % 7) for bar in bars} for symbol in symbols}
    await bus.close()


async def test_only_what_was_published_since_a_moment(nats_server: NatsServer) -> None:
    bus = await connected(nats_server)
    await publish(bus, ["AUSDT"], range(FIRST, FIRST + 5))
    await asyncio.sleep(0.2)
    since_ms = SystemClock().wall_ms() - 100
    await publish(bus, ["AUSDT"], range(FIRST + 5, FIRST + 8))
    found = await published(bus, FRAME, {"AUSDT": FIRST + 7}, since_ms)
    assert sorted(found["AUSDT"]) == [FIRST + 5, FIRST + 6, FIRST + 7]
    await bus.close()


async def test_an_empty_stream_says_so_soon(nats_server: NatsServer) -> None:
    bus = await connected(nats_server)
    async with asyncio.timeout(5):
        assert await last_published(bus, FRAME, ["AUSDT"]) == {}
        assert await published(bus, FRAME, {"AUSDT": FIRST}, 0) == {"AUSDT": {}}
    await bus.close()

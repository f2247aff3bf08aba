"""Two replays of the same market give the same warnings, to the last digit."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.sentinel.service import build
from shared.contracts import topic
from shared.contracts.sentinel import MARKET_KEY, SentinelState
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.advisor.rig import context, heard, running
from tests.integration.paper_exchange.harness import PaperVenue
from tests.integration.sentinel.test_sentinel import venue_at

pytestmark = pytest.mark.integration

CANDLES = 340
T0 = 1_760_000_400_000 // 300_000 * 300_000
COINS = ("ADAUSDT", "BNBUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT", "LINKUSDT", "SOLUSDT", "XRPUSDT")


def market(path: Path) -> Path:
    """Five-minute candles; DOGE falls by a third within one candle, after half a day of calm."""
    lines = ["symbol,open_time,open,high,low,close,volume,close_time,quote_volume,trades"]
    for number, symbol in enumerate(COINS):
        price = 100.0
        for column in range(CANDLES):
            step = ((column * 7 + number * 3) % 11 - 5) / 5000
            if symbol == "DOGEUSDT" and column == 180:
                step = -0.33
            close = round(price * (1 + step), 2)
            high, low = max(price, close), min(price, close)
            opened = T0 + column * 300_000
            lines.append(f"{symbol},{opened},{price},{high},{low},{close},1000,{opened + 299_999},{1000 * price:.2f},50")
            price = close
    path.write_text("\n".join(lines) + "\n")
    return path


async def replayed(nats: NatsServer, redis: RedisServer, data: Path) -> list[dict[str, Any]]:
    """All states of one replay."""
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as paper:
        async with (
            venue_at(paper.url, paper.stream) as venue,
            context(nats, redis, "sentinel", venue=venue) as ctx,
            heard(ctx, topic.SENTINEL_STATE) as states,
            running(ctx, build),
        ):

            async def quiet() -> bool:
                sent = (await asyncio.to_thread(paper.get, "/paper/v1/activity"))["frames_sent_total"]
                now = ctx.activity.snapshot()
                return bool(now["frames"] == sent and now["busy"] == 0)

            await eventually(lambda: len(states.messages) > 0)
            for _ in range(39):
                await asyncio.to_thread(paper.step)
                await eventually(quiet)
            return [state.model_dump(mode="json") for state in states.of(SentinelState)]


async def test_two_replays_warn_alike(tmp_path: Path) -> None:
    data = market(tmp_path / "candles.csv")
    runs = []
    for _ in range(2):
        with NatsServer() as nats, RedisServer() as redis:
            runs.append(await replayed(nats, redis, data))
    assert runs[0] == runs[1]
    warned = [(state["symbol"], state["label"]) for state in runs[0] if state["symbol"] != MARKET_KEY]
    assert warned[0] == ("DOGEUSDT", "red")
    assert warned[-1] == ("DOGEUSDT", "green")

"""Several scanners share the symbols: none is left out, nothing is doubled, whoever comes and goes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.eventually import eventually
from tests.integration.paper_exchange.harness import PaperVenue
from tests.integration.scanner.rig import Running, World, by_symbol, scanning, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.recorded]

SYMBOLS = ("1000PEPEUSDT", "ADAUSDT", "BTCUSDT", "DOTUSDT", "ETHUSDT", "NEARUSDT", "SOLUSDT", "XRPUSDT")
OPEN_FILTERS = {"ASTER_MIN_EDGE_R": "-5"}


@pytest.fixture
def venues(recordings: Path) -> Iterator[list[PaperVenue]]:
    """Two venues that play the same recording."""
    data = recordings / "data" / "klines_5m.parquet"
    arguments = ("--market", f"replay:{data}", "--symbols", ",".join(SYMBOLS), "--lock-step", "--warmup", "700", "--points", "4")
    with PaperVenue(*arguments) as first, PaperVenue(*arguments) as second:
        yield [first, second]


async def quiet(http: httpx.AsyncClient, *scanners: Running) -> None:
    """Wait until the living scanners have nothing in hand and the numbers stand still for a moment."""
    before: list[Any] = [None, 0]

    async def calm() -> bool:
        sent = (await http.get("/paper/v1/activity")).json()["frames_sent_total"]
        numbers = [scanner.ctx.activity.snapshot() for scanner in scanners]
        now = (sent, numbers)
        before[1] = before[1] + 1 if before[0] == now and all(n["busy"] == 0 for n in numbers) else 0
        before[0] = now
        return bool(before[1] >= 5)

    await eventually(calm, within_s=30, every_s=0.005, what="quiet scanners")


async def step(http: httpx.AsyncClient, candles: int, *scanners: Running) -> None:
    for _ in range(candles):
        await http.post("/paper/v1/step", params={"until": "candle"})
        await quiet(http, *scanners)


async def split(*scanners: Running) -> None:
    """Wait until every symbol has exactly one of the scanners."""

    def fair() -> bool:
        shares = [scanner.scanner.board.watched for scanner in scanners]
        live = all(f"{s.lower()}@kline_5m" in r.scanner.feed.stream.live_streams for r in scanners for s in r.scanner.board.watched)
        return live and sorted(symbol for share in shares for symbol in share) == list(SYMBOLS)

    await eventually(fair, within_s=15, what="symbols split over the scanners")


def decisions(world: World) -> dict[str, Any]:
    return {m.id: p.model_dump() for kind in ("signal.candidate", "signal.skip") for p, m in world.stored(kind)}


async def test_joining_leaving_and_crashing_scanners_decide_like_a_single_one(venues: list[PaperVenue]) -> None:
    alone, shared = World(venues[0].url), World(venues[1].url)
    async with scanning(alone, settings_of(alone.venue_url, **OPEN_FILTERS), "single") as single:
        await step(single.http, 40, single)
    settings = settings_of(shared.venue_url, **OPEN_FILTERS)
    async with scanning(shared, settings, "a") as a:
        await step(a.http, 10, a)
        async with scanning(shared, settings, "b") as b:
            await split(a, b)
            assert a.scanner.board.watched
            assert b.scanner.board.watched
            await step(a.http, 10, a, b)
        await split(a)
        await step(a.http, 5, a)
        async with scanning(shared, settings, "c") as c:
            await split(a, c)
            await step(a.http, 5, a, c)
            c.die()
            begin = asyncio.get_running_loop().time()
            await split(a)
            assert asyncio.get_running_loop().time() - begin < 5.5
            await step(a.http, 10, a)
    assert decisions(alone) == decisions(shared)
    assert len(decisions(alone)) > 10
    assert {m.id for _, m in alone.stored("md.candle")} == {m.id for _, m in shared.stored("md.candle")}
    assert len(shared.stored("md.candle")) == len(alone.stored("md.candle"))


async def test_candles_that_closed_while_an_owner_was_dead_are_published_by_its_successor(venues: list[PaperVenue]) -> None:
    world = World(venues[0].url)
    settings = settings_of(world.venue_url)
    async with scanning(world, settings, "a") as a, scanning(world, settings, "b") as b:
        await split(a, b)
        await step(a.http, 2, a, b)
        b.die()
        await step(a.http, 3, a)
        await split(a)
        await step(a.http, 2, a)
    candles = by_symbol(world.stored("md.candle"))
    assert sorted(candles) == list(SYMBOLS)
    for rows in candles.values():
        opens = [row.open_ms for row in rows]
        assert opens == [opens[0] + 300_000 * i for i in range(1 + 2 + 3 + 2)]

"""A dashboard with a morning's facts, and Debian's Chromium looking at it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.integration.dashboard import facts, stage
from tests.integration.dashboard.rig import Rig, running

CHROMIUM = Path("/usr/bin/chromium")
PAGE = Path(__file__).parents[2] / "services" / "dashboard" / "static" / "index.html"
HAS_CHROMIUM = CHROMIUM.exists()
IS_BUILT = PAGE.exists()
NOON_MS = facts.MORNING_MS + 3 * 3_600_000


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Headless; no traffic of its own."""
    if not HAS_CHROMIUM:
        pytest.skip(f"no {CHROMIUM}: install Debian's package chromium")
    if not IS_BUILT:
        pytest.skip("the page is not built: npm ci && npm run build in services/dashboard/web")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def quiet(nats_server: NatsServer, redis_server: RedisServer) -> AsyncIterator[Rig]:
    """Nothing has happened yet."""
    async with running(nats_server, redis_server, now_ms=NOON_MS) as rig:
        yield rig


@pytest.fixture
async def rig(quiet: Rig) -> AsyncIterator[Rig]:
    """A morning has been traded and all services live."""
    await stage.play(quiet)
    stage.chatter(quiet)
    ended = asyncio.Event()
    living = asyncio.create_task(_live(quiet, ended))
    async with quiet.client() as client:

        async def ready() -> bool:
            funnel = (await client.get("/api/funnel")).json()
            return (await client.get("/readyz")).status_code == 200 and funnel["filled"] == 7

        await eventually(ready, what="ready")
    yield quiet
    ended.set()
    await living


async def _live(rig: Rig, ended: asyncio.Event) -> None:
    """Heartbeats, fresh documents and an equity that moves a little, until told to end."""
    step = 0
    while not ended.is_set():
        stage.beat(rig)
        await stage.refresh(rig, step)
        step += 1
        await asyncio.sleep(0.25)

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from services.sentinel.service import build
from shared.contracts import topic
from shared.contracts.sentinel import MARKET_KEY, RiskLabel, SentinelState
from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.public import PublicClient
from shared.exchange.stream import StreamOptions
from shared.exchange.venues.policy import policy_for
from shared.runtime.venue import Venue
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.fakes.venue_server import Reply, VenueServer
from tests.integration.advisor.rig import context, heard, running

pytestmark = pytest.mark.integration

T0 = 1_764_590_400_000
NAMES = [f"S{i:02}USDT" for i in range(40)]


@asynccontextmanager
async def venue_at(http_url: str, ws_url: str) -> AsyncIterator[Venue]:
    """A client of a venue."""
    policy, clock = policy_for(http_url, ws_base=ws_url), VenueClock()
    http = VenueHttp(policy, clock, None, HttpOptions(retries=0))
    try:
        await http.sync_clock()
        yield Venue(policy, clock, http, PublicClient(http, policy, clock), StreamOptions(backoff_first_s=0.05), paper=True)
    finally:
        await http.aclose()


def rest_day(symbol: str, last: float, time_ms: int = T0) -> dict[str, Any]:
    """One row of the 24 h statistics."""
    return {
        "symbol": symbol,
        "lastPrice": str(last),
        "openPrice": "100",
        "highPrice": str(max(103.0, last)),
        "lowPrice": str(min(97.0, last)),
        "priceChangePercent": str(last - 100),
        "volume": "1000",
        "quoteVolume": "100000",
        "count": 10,
        "closeTime": time_ms,
    }


def stream_day(symbol: str, last: float, time_ms: int) -> dict[str, Any]:
    """The same on the stream."""
    row = rest_day(symbol, last)
    names = {"c": "lastPrice", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "P": "priceChangePercent", "v": "volume"}
    return {
        "e": "24hrTicker",
        "E": time_ms,
        "s": symbol,
        "q": "100000",
        "n": 10,
        "C": time_ms,
        **{short: row[name] for short, name in names.items()},
    }


def frame(time_ms: int, first: float = 100.0) -> list[dict[str, Any]]:
    """All symbols in one array; the first trades at another price."""
    return [stream_day(name, first if name == NAMES[0] else 100.0, time_ms) for name in NAMES]


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as venue:
        venue.on("GET", "/fapi/v1/time", Reply(body={"serverTime": T0}))
        venue.on("GET", "/fapi/v1/ticker/24hr", Reply(body=[rest_day(name, 100.0) for name in NAMES]))
        venue.on("GET", "/fapi/v1/premiumIndex", Reply(body=[]))
        yield venue


async def pushed(server: VenueServer, *frames: list[dict[str, Any]]) -> None:
    """Send frames once the sentinel has subscribed."""
    await eventually(lambda: server.streams and server.streams[-1].open and len(server.streams[-1].subscribed) == 2)
    await server.streams[-1].push(*frames)


async def test_a_crash_is_told_at_once_and_fades(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with (
        venue_at(server.http_url, server.ws_url) as venue,
        context(nats_server, redis_server, "sentinel", venue=venue) as ctx,
        heard(ctx, topic.SENTINEL_STATE) as states,
        running(ctx, build),
    ):
        await eventually(lambda: [state.symbol for state in states.of(SentinelState)] == [MARKET_KEY])
        await pushed(server, frame(T0 + 1000), frame(T0 + 2000, first=60.0))
        await eventually(lambda: len(states.messages) == 2, within_s=2)
        state, meta = states.messages[-1]
        assert isinstance(state, SentinelState)
        assert (state.symbol, state.label, state.veto, state.ts_ms, meta.ts_ms) == (NAMES[0], RiskLabel.RED, True, T0 + 2000, T0 + 2000)
        assert await ctx.state.get(ctx.keys.sentinel, NAMES[0])
        assert any("range" in reason for reason in state.reasons)
        for minute in range(1, 62):
            await pushed(server, frame(T0 + 2000 + 60_000 * minute, first=60.0))
            await eventually(lambda: ctx.activity.snapshot()["busy"] == 0)
        await eventually(lambda: states.of(SentinelState)[-1].label is RiskLabel.GREEN)
        clamps = [state.size_clamp for state in states.of(SentinelState) if state.symbol == NAMES[0]]
        assert clamps == sorted(clamps)
        assert clamps[-1] == Decimal(1)


async def test_a_restart_remembers_what_was_old_news(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with venue_at(server.http_url, server.ws_url) as venue:
        async with context(nats_server, redis_server, "sentinel", venue=venue) as ctx, running(ctx, build):
            await pushed(server, frame(T0 + 2000, first=60.0))
            await eventually(lambda: ctx.state.get(ctx.keys.sentinel, NAMES[0]))
        late = [rest_day(name, 60.0 if name == NAMES[0] else 100.0, T0 + 1_802_000) for name in NAMES]
        server.on("GET", "/fapi/v1/ticker/24hr", Reply(body=late))
        async with context(nats_server, redis_server, "sentinel", venue=venue) as ctx, running(ctx, build):
            document = await ctx.state.get(ctx.keys.sentinel, NAMES[0])
            assert document is not None
            state = SentinelState.model_validate(document)
            assert (state.label, state.expires_ms) == (RiskLabel.YELLOW, T0 + 2000 + 3_600_000)


async def test_states_of_another_timeline_are_dropped(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with venue_at(server.http_url, server.ws_url) as venue, context(nats_server, redis_server, "sentinel", venue=venue) as ctx:
        await ctx.state.put(ctx.keys.sentinel, "OLDUSDT", {"not": "a state"})
        future = SentinelState(
            symbol="S01USDT",
            ts_ms=T0 + 86_400_000,
            label=RiskLabel.RED,
            event_risk=1,
            hype=0,
            size_clamp=Decimal("0.3"),
            veto=True,
            expires_ms=T0 + 90_000_000,
        )
        await ctx.state.put(ctx.keys.sentinel, "S01USDT", future.model_dump(mode="json"))
        async with running(ctx, build):
            assert set(await ctx.state.get_all(ctx.keys.sentinel)) == {MARKET_KEY}


async def test_what_redis_did_not_take_is_written_later(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with (
        venue_at(server.http_url, server.ws_url) as venue,
        context(nats_server, redis_server, "sentinel", venue=venue) as ctx,
        heard(ctx, topic.SENTINEL_STATE) as states,
        running(ctx, build),
    ):
        await eventually(lambda: states.messages)
        redis_server.kill()
        await pushed(server, frame(T0 + 2000, first=60.0))
        await eventually(lambda: ctx.activity.snapshot()["frames"] >= 2)
        assert len(states.messages) == 1
        redis_server.start()
        await eventually(lambda: len(states.messages) == 2, within_s=20)
        assert await ctx.state.get(ctx.keys.sentinel, NAMES[0])


async def test_an_emptied_redis_gets_its_warnings_back(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with (
        venue_at(server.http_url, server.ws_url) as venue,
        context(nats_server, redis_server, "sentinel", venue=venue) as ctx,
        heard(ctx, topic.SENTINEL_STATE) as states,
        running(ctx, build),
    ):
        await pushed(server, frame(T0 + 2000, first=60.0))
        await eventually(lambda: len(states.messages) == 2)
        await ctx.state.drop(ctx.keys.sentinel, NAMES[0], MARKET_KEY)
        await eventually(lambda: ctx.state.get(ctx.keys.sentinel, NAMES[0]), within_s=15)
        assert len(states.messages) == 2


async def test_switched_off_it_leaves_no_warning_behind(nats_server: NatsServer, redis_server: RedisServer, server: VenueServer) -> None:
    async with (
        venue_at(server.http_url, server.ws_url) as venue,
        context(nats_server, redis_server, "sentinel", venue=venue, sentinel__enabled="false") as ctx,
    ):
        await ctx.state.put(ctx.keys.sentinel, NAMES[0], {"veto": True})
        async with running(ctx, build):
            assert await ctx.state.get_all(ctx.keys.sentinel) == {}
            assert server.streams == []

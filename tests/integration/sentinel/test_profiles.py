"""What is usual for a symbol is read from the venue, at little weight, and comes into its state."""

from typing import Any

import pytest

from services.paper_exchange.logic.rules import Observed, derive_row
from services.sentinel.logic.profile import DAY_MS
from services.sentinel.service import build
from shared.contracts import topic
from shared.contracts.sentinel import SentinelState
from tests.fakes.eventually import eventually
from tests.fakes.servers import NatsServer, RedisServer
from tests.fakes.venue_server import Reply, VenueServer
from tests.integration.advisor.rig import context, heard, running
from tests.integration.sentinel.test_sentinel import NAMES, T0, frame, pushed, rest_day, venue_at

pytestmark = pytest.mark.integration
KLINES = "/fapi/v1/klines"


def days(volume: float) -> list[list[Any]]:
    """Thirty full daily candles and the open one."""
    today = T0 // DAY_MS * DAY_MS
    opened = [today - (30 - n) * DAY_MS for n in range(31)]
    return [[ms, "100", "101", "99", "100", "1", ms + DAY_MS - 1, str(volume), 10, "1", "1", "0"] for ms in opened]


def listed(symbol: str, age_days: int) -> dict[str, Any]:
    return derive_row(Observed(symbol=symbol, price_places=2, qty_places=2, price=100.0, onboard_ms=T0 - age_days * DAY_MS))


async def test_volume_and_age_come_into_the_state(nats_server: NatsServer, redis_server: RedisServer) -> None:
    async with VenueServer() as server:
        server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": T0}))
        server.on("GET", "/fapi/v1/ticker/24hr", Reply(body=[rest_day(name, 100.0) for name in NAMES]))
        server.on("GET", "/fapi/v1/premiumIndex", Reply(body=[]))
        rows = [listed(name, 5 if name == NAMES[0] else 200 + number * 7) for number, name in enumerate(NAMES)]
        server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"symbols": rows}))
        server.on("GET", KLINES, Reply(body=days(2000.0)))
        async with (
            venue_at(server.http_url, server.ws_url) as venue,
            context(nats_server, redis_server, "sentinel", venue=venue) as ctx,
            heard(ctx, topic.SENTINEL_STATE) as states,
            running(ctx, build),
        ):

            def read() -> set[str]:
                return {call.params["symbol"] for call in server.asked_for("GET", KLINES)}

            await eventually(lambda: read() == set(NAMES), within_s=90, what="a read per symbol")
            assert {call.params["interval"] for call in server.asked_for("GET", KLINES)} == {"1d"}
            assert {call.params["limit"] for call in server.asked_for("GET", KLINES)} == {"31"}
            count = len(server.asked_for("GET", KLINES))
            await pushed(server, frame(T0 + 5000, first=140.0))
            await eventually(lambda: any(state.symbol == NAMES[0] for state in states.of(SentinelState)))
            state = next(state for state in states.of(SentinelState) if state.symbol == NAMES[0])
            assert state.inputs["volume_ratio"] == pytest.approx(50.0)
            assert state.inputs["listing_age_days"] == pytest.approx(5.0, abs=0.01)
            assert any("50.0 times the usual" in reason for reason in state.reasons)
            assert any("listed 5 days ago" in reason for reason in state.reasons)
            assert len(server.asked_for("GET", KLINES)) == count

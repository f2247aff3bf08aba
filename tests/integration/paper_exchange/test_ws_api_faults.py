"""Ordered faults strike the WebSocket API as they strike REST."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles
from tests.integration.paper_exchange.test_ws_api import ask

pytestmark = pytest.mark.integration

HEADERS = {"X-MBX-APIKEY": KEY}
BUY = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperVenue]:
    data = write_candles(Path(tmp_path_factory.mktemp("faults")) / "candles.csv", minutes=60)
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--faults") as venue:
        venue.step()
        yield venue


@pytest.fixture
def venue(running: PaperVenue) -> Iterator[PaperVenue]:
    yield running
    running.client.delete("/paper/v1/faults", headers=HEADERS)


def arm(venue: PaperVenue, kind: str, **words: Any) -> int:
    answer = venue.client.post("/paper/v1/faults", json={"kind": kind, **words}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def strikes(venue: PaperVenue, number: int) -> int:
    return sum(row["id"] == number for row in venue.client.get("/paper/v1/faults/log", headers=HEADERS).json())


async def test_executed_and_never_answered(venue: PaperVenue) -> None:
    number = arm(venue, "accept_then_timeout", path="order", method="POST", times=1)
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(socket, "order.place", **BUY, newClientOrderId="ws-lost"), 0.5)
        found = await ask(socket, "order.status", symbol="ETHUSDT", origClientOrderId="ws-lost")
        assert (found["id"], found["result"]["status"]) == ("order.status", "FILLED")
    assert strikes(venue, number) == 1


@pytest.mark.parametrize("executed", [True, False])
async def test_nobody_knows(venue: PaperVenue, *, executed: bool) -> None:
    arm(venue, "unknown_503", path="order", method="POST", executed=executed, times=1)
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        answer = await ask(socket, "order.place", **BUY, newClientOrderId=f"ws-maybe-{executed}")
        assert (answer["status"], answer["error"]["code"]) == (503, -1000)
        found = await ask(socket, "order.status", symbol="ETHUSDT", origClientOrderId=f"ws-maybe-{executed}")
        assert found["status"] == (200 if executed else 400)


async def test_refused_limited_and_broken(venue: PaperVenue) -> None:
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        arm(venue, "reject_order", path="order", code=-2019, times=1)
        assert (await ask(socket, "order.place", **BUY))["error"]["code"] == -2019
        arm(venue, "rate_limit", retry_after=7, times=1)
        answer = await ask(socket, "time")
        assert (answer["status"], answer["error"]["code"]) == (429, -1003)
        waited = answer["error"]["data"]
        assert waited["retryAfter"] - waited["serverTime"] == 7000
        arm(venue, "http_error", status=500, html=True, times=1)
        assert (await ask(socket, "ping"))["status"] == 500
        assert (await ask(socket, "ping"))["result"] == {}


async def test_an_outage_cuts_and_refuses(venue: PaperVenue) -> None:
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        await ask(socket, "ping")
        number = await asyncio.to_thread(arm, venue, "outage")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        with pytest.raises((ConnectionClosed, InvalidStatus)):
            async with connect(f"{venue.stream}/ws-fapi/v1") as again:
                await again.recv()
    venue.client.delete(f"/paper/v1/faults?id={number}", headers=HEADERS)
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        assert (await ask(socket, "ping"))["status"] == 200


async def test_sessions_and_limits_that_nobody_wants_to_hear_of(venue: PaperVenue) -> None:
    async with connect(f"{venue.stream}/ws-fapi/v1?returnRateLimits=false") as socket:
        assert "rateLimits" not in await ask(socket, "time")
        assert (await ask(socket, "session.status"))["result"]["apiKey"] is None
        assert (await ask(socket, "session.logon"))["error"]["code"] == -4056
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        await socket.send(json.dumps({"id": 5, "method": "time", "params": {"returnRateLimits": False}}))
        answer = json.loads(await socket.recv())
        assert (answer["id"], answer.keys()) == (5, {"id", "status", "result"})

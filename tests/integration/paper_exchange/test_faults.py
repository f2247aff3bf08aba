"""Faults: each can be ordered, strikes where it should, and leaves a record."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles

pytestmark = pytest.mark.integration

HEADERS = {"X-MBX-APIKEY": KEY}
BUY = {"symbol": "ETHUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.1"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperVenue]:
    data = write_candles(Path(tmp_path_factory.mktemp("faults")) / "candles.csv")
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--faults") as venue:
        venue.step()
        yield venue


@pytest.fixture
def venue(running: PaperVenue) -> Iterator[PaperVenue]:
    yield running
    running.client.delete("/paper/v1/faults", headers=HEADERS)
    running.client.post("/paper/v1/reset", headers=HEADERS)


def arm(venue: PaperVenue, kind: str, **words: Any) -> int:
    answer = venue.client.post("/paper/v1/faults", json={"kind": kind, **words}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def strikes(venue: PaperVenue, number: int) -> int:
    rows = venue.client.get("/paper/v1/faults/log", headers=HEADERS).json()
    return sum(row["id"] == number for row in rows)


def test_accepted_but_never_answered(venue: PaperVenue) -> None:
    number = arm(venue, "accept_then_timeout", path="order", method="POST", times=1)
    client = venue.client
    venue.client = httpx.Client(base_url=venue.url, timeout=0.3)
    with pytest.raises(httpx.ReadTimeout):
        venue.signed("POST", "/fapi/v1/order", **BUY, newClientOrderId="lost")
    venue.client = client
    assert venue.ask("GET", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId="lost")["status"] == "FILLED"
    assert strikes(venue, number) == 1
    assert venue.ask("POST", "/fapi/v1/order", **BUY)["orderId"] > 0


@pytest.mark.parametrize(("executed", "code"), [(True, 200), (False, 400)])
def test_nobody_knows(venue: PaperVenue, *, executed: bool, code: int) -> None:
    arm(venue, "unknown_503", path="order", method="POST", executed=executed, times=1)
    answer = venue.signed("POST", "/fapi/v1/order", **BUY, newClientOrderId=f"maybe-{executed}")
    assert (answer.status_code, answer.json()["code"]) == (503, -1000)
    assert venue.signed("GET", "/fapi/v1/order", symbol="ETHUSDT", origClientOrderId=f"maybe-{executed}").status_code == code


def test_errors_limits_and_outages(venue: PaperVenue) -> None:
    arm(venue, "http_error", path="balance", status=500, html=True, times=1)
    answer = venue.signed("GET", "/fapi/v2/balance")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/html")
    arm(venue, "rate_limit", retry_after=7, times=1)
    answer = venue.client.get("/fapi/v1/time")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "7", -1003)
    arm(venue, "ban", times=1)
    assert venue.client.get("/fapi/v1/time").status_code == 418
    number = arm(venue, "outage")
    assert venue.client.get("/fapi/v1/ping").status_code == 502
    venue.client.delete(f"/paper/v1/faults?id={number}", headers=HEADERS)
    assert venue.client.get("/fapi/v1/ping").status_code == 200


def test_latency_and_clock_skew(venue: PaperVenue) -> None:
    arm(venue, "latency", path="ping", ms=200, times=1)
    before = time.monotonic()
    venue.client.get("/fapi/v1/ping")
    assert time.monotonic() - before >= 0.2
    now = venue.get("/fapi/v1/time")["serverTime"]
    arm(venue, "clock_skew", ms=400_000)
    assert venue.get("/fapi/v1/time")["serverTime"] == now + 400_000
    assert venue.signed("GET", "/fapi/v2/balance").json()["code"] == -1021


def test_refused_stops_and_partial_fills(venue: PaperVenue) -> None:
    arm(venue, "reject_order", path="algoOrder", types=["STOP_MARKET"], code=-2021, times=1)
    price = float(venue.get("/fapi/v1/ticker/price", symbol="ETHUSDT")["price"])
    words = {"algoType": "CONDITIONAL", "symbol": "ETHUSDT", "side": "SELL", "quantity": "0.1"}
    low, high = f"{price * 0.9:.2f}", f"{price * 1.1:.2f}"
    assert venue.signed("POST", "/fapi/v1/algoOrder", **words, type="TAKE_PROFIT_MARKET", triggerPrice=high).status_code == 200
    assert venue.signed("POST", "/fapi/v1/algoOrder", **words, type="STOP_MARKET", triggerPrice=low).json()["code"] == -2021
    assert venue.signed("POST", "/fapi/v1/algoOrder", **words, type="STOP_MARKET", triggerPrice=low).status_code == 200
    arm(venue, "partial_fill", parts=4, times=1)
    order = venue.ask("POST", "/fapi/v1/order", **BUY)
    assert len(venue.ask("GET", "/fapi/v1/userTrades", symbol="ETHUSDT", orderId=order["orderId"])) == 4
    arm(venue, "partial_fill", share=0.5, times=1)
    half = venue.ask("POST", "/fapi/v1/order", **BUY)
    assert (half["status"], half["executedQty"]) == ("EXPIRED", "0.050")


def test_stale_open_orders(venue: PaperVenue) -> None:
    arm(venue, "stale_open_orders")
    assert venue.ask("GET", "/fapi/v1/openOrders", symbol="ETHUSDT") == []
    price = float(venue.get("/fapi/v1/ticker/price", symbol="ETHUSDT")["price"])
    venue.ask(
        "POST", "/fapi/v1/order", symbol="ETHUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.1", price=f"{price * 0.97:.2f}"
    )
    assert venue.ask("GET", "/fapi/v1/openOrders", symbol="ETHUSDT") == []
    venue.client.delete("/paper/v1/faults", headers=HEADERS)
    assert len(venue.ask("GET", "/fapi/v1/openOrders", symbol="ETHUSDT")) == 1


async def events_of(venue: PaperVenue) -> list[str]:
    """Order and account events of one market order, as they arrive."""
    async with connect(f"{venue.stream}/ws/{venue.listen_key()}") as socket:
        await asyncio.to_thread(venue.ask, "POST", "/fapi/v1/order", **BUY)
        seen: list[str] = []
        try:
            while True:
                seen.append(json.loads(await asyncio.wait_for(socket.recv(), 0.5))["e"])
        except TimeoutError:
            return seen


async def test_events_out_of_order_twice_or_not_at_all(venue: PaperVenue) -> None:
    usual = ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"]
    assert await events_of(venue) == usual
    arm(venue, "shuffle_events", times=1)
    assert await events_of(venue) == usual[::-1]
    arm(venue, "duplicate_events", times=1)
    assert await events_of(venue) == [name for name in usual for _ in range(2)]
    arm(venue, "silent_user_stream")
    assert await events_of(venue) == []


async def test_dropped_and_silent_streams(venue: PaperVenue) -> None:
    key = venue.listen_key()
    async with connect(f"{venue.stream}/ws/{key}") as user, connect(f"{venue.stream}/ws/ethusdt@kline_1m") as market:
        await asyncio.to_thread(arm, venue, "drop_user_stream", expire=True)
        frames = [frame async for frame in user]
        assert {json.loads(frame)["e"] for frame in frames} <= {"listenKeyExpired"}
        arm(venue, "silent_market_stream", stream="kline")
        await asyncio.to_thread(venue.step)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(market.recv(), 0.3)
        venue.client.delete("/paper/v1/faults", headers=HEADERS)
        await asyncio.to_thread(venue.step)
        assert json.loads(await asyncio.wait_for(market.recv(), 5))["e"] == "kline"
    assert venue.listen_key() != key


def test_probability_is_the_same_in_equal_runs(venue: PaperVenue) -> None:
    number = arm(venue, "http_error", path="ping", probability=0.5, status=503)
    answers = [venue.client.get("/fapi/v1/ping").status_code for _ in range(60)]
    assert 15 < answers.count(503) < 45
    assert strikes(venue, number) == answers.count(503)


def test_bad_rules_and_a_venue_without_faults(venue: PaperVenue, tmp_path: Path) -> None:
    bodies: list[Any] = [{}, {"kind": "unheard_of"}, {"kind": "latency", "probability": "often"}, []]
    for body in bodies:
        assert venue.client.post("/paper/v1/faults", json=body, headers=HEADERS).status_code == 400
    assert venue.client.post("/paper/v1/faults", json={"kind": "outage"}).status_code == 401
    data = write_candles(tmp_path / "candles.csv", minutes=20)
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as plain:
        assert plain.client.post("/paper/v1/faults", json={"kind": "outage"}, headers=HEADERS).status_code == 404

"""Lock-step: time stands still, and two equal runs are equal to the last digit."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.integration.paper_exchange.harness import PaperVenue, write_candles

pytestmark = pytest.mark.integration

LEDGER = ("/fapi/v3/account", "/fapi/v1/income", "/fapi/v1/userTrades", "/fapi/v1/allOrders")


def trade(venue: PaperVenue) -> dict[str, Any]:
    """A small strategy over 40 candles, and everything it left behind."""
    seen: list[Any] = []
    for number in range(40):
        venue.step()
        price = float(venue.get("/fapi/v1/ticker/price", symbol="ETHUSDT")["price"])
        if number % 4 == 0:
            side, other = ("BUY", "SELL") if number % 8 else ("SELL", "BUY")
            sign = 1 if side == "BUY" else -1
            seen.append(venue.ask("POST", "/fapi/v1/order", symbol="ETHUSDT", side=side, type="MARKET", quantity="0.5"))
            for kind, away in (("STOP_MARKET", -0.0007), ("TAKE_PROFIT_MARKET", 0.0007)):
                level = f"{price * (1 + sign * away):.2f}"
                answer = venue.signed(
                    "POST",
                    "/fapi/v1/algoOrder",
                    algoType="CONDITIONAL",
                    symbol="ETHUSDT",
                    side=other,
                    type=kind,
                    triggerPrice=level,
                    quantity="0.5",
                    reduceOnly="true",
                )
                seen.append(answer.json())
        seen.append(venue.get("/fapi/v1/ticker/bookTicker"))
    ledger = {path: venue.ask("GET", path, symbol="ETHUSDT") for path in LEDGER}
    ledger["algo"] = venue.ask("GET", "/fapi/v1/allAlgoOrders", symbol="ETHUSDT")
    assert len(ledger["/fapi/v1/userTrades"]) > 15
    return {"seen": seen, **ledger}


def test_two_runs_are_equal(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv")
    results = []
    for _ in range(2):
        with PaperVenue("--market", f"replay:{data}", "--lock-step") as venue:
            results.append(json.dumps(trade(venue), sort_keys=True))
    assert results[0] == results[1]


def test_time_stands_still_between_steps(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv", minutes=60)
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as venue:
        assert venue.client.get("/fapi/v1/time").headers["x-mraster-speed"] == "0"
        before = venue.get("/fapi/v1/time")
        assert venue.get("/fapi/v1/time") == before
        kinds = [venue.step(until="batch")["batch"] for _ in range(9)]
        assert kinds == ["prices", "tickers"] * 4 + ["closes"]
        assert venue.get("/fapi/v1/time")["serverTime"] == before["serverTime"] + 60_000
        while not venue.step()["ended"]:
            pass
        status = venue.get("/paper/v1/status")
        assert status["state"] == "ended"
        refused = venue.signed("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
        assert refused.json()["code"] == -4140


async def test_every_frame_is_counted(tmp_path: Path) -> None:
    data = write_candles(tmp_path / "candles.csv", minutes=100)
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as venue:
        names = "btcusdt@kline_1m/btcusdt@kline_5m/ethusdt@bookTicker/!miniTicker@arr/btcusdt@depth/!markPrice@arr@1s"
        async with connect(f"{venue.stream}/stream?streams={names}") as socket:
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": "one"}))
            frames = [json.loads(await socket.recv())]
            assert frames[0] == {"result": names.split("/"), "id": "one"}
            for _ in range(10):
                await asyncio.to_thread(venue.step)
            total = venue.get("/paper/v1/activity")["frames_sent_total"]
            while len(frames) < total:
                frames.append(json.loads(await asyncio.wait_for(socket.recv(), 5)))
    closed = [frame["data"]["k"] for frame in frames[1:] if "kline" in frame["stream"] and frame["data"]["k"]["x"]]
    minutes = [bar["t"] for bar in closed if bar["i"] == "1m"]
    assert len(minutes) == len(set(minutes)) == 10
    assert len([bar for bar in closed if bar["i"] == "5m"]) == 2
    books = [frame["data"] for frame in frames[1:] if frame["stream"] == "btcusdt@depth"]
    assert all(after["pu"] == before["u"] for before, after in pairwise(books))

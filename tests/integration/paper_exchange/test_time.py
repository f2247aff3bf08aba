"""Pause, speed and seek with every source of prices."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.eventually import eventually
from tests.integration.paper_exchange.harness import KEY, PaperVenue, write_candles
from tests.unit.paper_exchange.recordings import MINUTE, T0, books, candles, trades

pytestmark = pytest.mark.integration


def control(venue: PaperVenue, what: str, **params: Any) -> tuple[int, Any]:
    answer = venue.client.post(f"/paper/v1/{what}", params=params, headers={"X-MBX-APIKEY": KEY})
    return answer.status_code, answer.json()


def flow(folder: Path) -> str:
    """Order flow of an hour."""
    tape = [(n * 500, 100.0 + (n % 40) / 10, 1.0, bool(n % 2)) for n in range(7200)]
    book = [(n * 500, 99.9 + (n % 40) / 10, 5.0, 100.1 + (n % 40) / 10, 5.0) for n in range(7200)]
    return f"{trades(folder / 'trades.parquet', tape)},{books(folder / 'book.parquet', book)}"


def folder(place: Path) -> str:
    """Candles of two intervals."""
    candles(place / "klines_1m.parquet", [100.0 + n % 5 for n in range(600)])
    candles(place / "klines_1h.parquet", [100.0 + n % 5 for n in range(10)], length=60 * MINUTE)
    return str(place)


@contextmanager
def started(kind: str, place: Path, *more: str) -> Iterator[PaperVenue]:
    markets = {
        "synthetic": lambda: "synthetic",
        "candles": lambda: f"replay:{write_candles(place / 'candles.csv')}",
        "flow": lambda: f"replay:{flow(place)}",
        "folder": lambda: f"replay:{folder(place)}",
    }
    with PaperVenue("--market", markets[kind](), *more) as venue:
        yield venue


@pytest.mark.parametrize("kind", ["synthetic", "candles", "flow", "folder"])
def test_time_stops_goes_on_jumps_ahead_and_never_back(kind: str, tmp_path: Path) -> None:
    with started(kind, tmp_path, "--speed", "1") as venue:
        symbol = venue.get("/fapi/v1/exchangeInfo")["symbols"][0]["symbol"]
        status, body = control(venue, "pause")
        assert (status, body["paused"]) == (200, True)
        assert venue.get("/fapi/v1/time")["serverTime"] == body["time_ms"]
        target = body["time_ms"] + 17 * MINUTE
        status, body = control(venue, "seek", time=target)
        assert status == 200, body
        assert target <= body["time_ms"] < target + MINUTE
        # it was paused before, so it is paused after
        assert venue.get("/paper/v1/status")["paused"]
        assert venue.get("/fapi/v1/time")["serverTime"] == body["time_ms"]
        rows = venue.get("/fapi/v1/klines", symbol=symbol, interval="1m", limit=5)
        assert [after[0] - before[0] for before, after in pairwise(rows)] == [MINUTE] * 4
        status, refused = control(venue, "seek", time=target - MINUTE)
        assert (status, refused["code"]) == (400, -1130)
        assert "forward only" in refused["msg"]
        assert control(venue, "seek")[1]["code"] == -1102
        assert control(venue, "speed", speed="600")[1]["speed"] == 600.0
        assert venue.get("/fapi/v1/time")["serverTime"] == body["time_ms"]
        control(venue, "resume")
        asyncio.run(eventually(lambda: venue.get("/fapi/v1/time")["serverTime"] > target + 2 * MINUTE, within_s=30))
        order = venue.signed("POST", "/fapi/v1/order", symbol=symbol, side="BUY", type="MARKET", quantity="1", newOrderRespType="RESULT")
        assert order.json()["status"] == "FILLED"


@pytest.mark.parametrize("kind", ["candles", "flow"])
def test_a_seek_beyond_the_data_ends_them(kind: str, tmp_path: Path) -> None:
    with started(kind, tmp_path, "--speed", "1") as venue:
        status, body = control(venue, "seek", time=T0 + 10**11)
        assert (status, body["ended"]) == (200, True)
        assert venue.get("/paper/v1/status")["state"] == "ended"


def test_a_synthetic_market_is_not_sought_for_ever(tmp_path: Path) -> None:
    with started("synthetic", tmp_path, "--speed", "1") as venue:
        status, body = control(venue, "seek", time=10**15)
        assert (status, body["code"]) == (400, -1130)


def test_in_lock_step_there_is_nothing_to_pause(tmp_path: Path) -> None:
    with started("folder", tmp_path, "--lock-step") as venue:
        for what, params in (("pause", {}), ("resume", {}), ("speed", {"speed": "5"})):
            status, body = control(venue, what, **params)
            assert status == 400
            assert "step" in body["msg"]
        now = venue.get("/fapi/v1/time")["serverTime"]
        assert control(venue, "seek", time=now + 90 * MINUTE)[1]["time_ms"] == now + 90 * MINUTE
        assert venue.step()["time_ms"] == now + 91 * MINUTE


@pytest.mark.parametrize("kind", ["flow", "folder"])
def test_killed_it_goes_on_where_it_stood(kind: str, tmp_path: Path) -> None:
    with started(kind, tmp_path, "--lock-step", "--store", str(tmp_path / "venue.sqlite")) as venue:
        for _ in range(5):
            venue.step()
        for _ in range(7):
            venue.step(until="batch")
        venue.ask("POST", "/fapi/v1/order", symbol="AUSDT", side="BUY", type="MARKET", quantity="2")
        paths = ("/fapi/v1/time", "/fapi/v1/ticker/bookTicker", "/fapi/v1/ticker/price", "/fapi/v1/premiumIndex")
        before = [venue.get(path) for path in paths]
        trades_before = venue.get("/fapi/v1/aggTrades", symbol="AUSDT", limit=50)
        venue.kill()
        venue.start()
        assert [venue.get(path) for path in paths] == before
        assert venue.get("/fapi/v1/aggTrades", symbol="AUSDT", limit=50) == trades_before
        assert venue.step()["batch"] == "closes"
        assert len(venue.ask("GET", "/fapi/v1/userTrades", symbol="AUSDT")) >= 1

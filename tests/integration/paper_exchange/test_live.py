"""A live mirror, with another paper venue as its upstream."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from tests.fakes.eventually import eventually
from tests.integration.paper_exchange.harness import PaperVenue

pytestmark = pytest.mark.integration


@pytest.fixture
def upstream() -> Iterator[PaperVenue]:
    with PaperVenue("--market", "synthetic", "--symbols", "BTCUSDT,ETHUSDT") as running:
        yield running


async def test_prices_pass_through_and_orders_stay_on_paper(upstream: PaperVenue) -> None:
    with PaperVenue("--market", "live", "--upstream", upstream.url) as mirror:
        status = mirror.get("/paper/v1/status")
        assert (status["market"], status["synthetic"], status["source"]) == ("live", False, upstream.url)
        assert (
            mirror.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1h", limit=5)[:4]
            == upstream.get("/fapi/v1/klines", symbol="BTCUSDT", interval="1h", limit=5)[:4]
        )
        async with connect(f"{mirror.stream}/stream?streams=btcusdt@kline_1m/!miniTicker@arr/{mirror.listen_key()}") as socket:
            order = await asyncio.to_thread(
                mirror.ask,
                "POST",
                "/fapi/v1/order",
                symbol="BTCUSDT",
                side="BUY",
                type="MARKET",
                quantity="0.01",
                newOrderRespType="RESULT",
            )
            assert order["status"] == "FILLED"
            seen: set[str] = set()
            while not {"kline", "24hrMiniTicker", "ACCOUNT_UPDATE"} <= seen:
                data = json.loads(await asyncio.wait_for(socket.recv(), 15))["data"]
                seen.add(data[0]["e"] if isinstance(data, list) else data["e"])
        price = float(mirror.get("/fapi/v1/ticker/price", symbol="BTCUSDT")["price"])
        stops = [
            await asyncio.to_thread(
                mirror.ask,
                "POST",
                "/fapi/v1/algoOrder",
                algoType="CONDITIONAL",
                symbol="BTCUSDT",
                side="SELL",
                type=kind,
                triggerPrice=f"{price * factor:.1f}",
                quantity="0.005",
                reduceOnly="true",
            )
            for kind, factor in (("STOP_MARKET", 0.99995), ("TAKE_PROFIT_MARKET", 1.00005))
        ]

        def triggered() -> bool:
            states = [mirror.ask("GET", "/fapi/v1/algoOrder", algoId=stop["algoId"])["algoStatus"] for stop in stops]
            return "FINISHED" in states

        await eventually(triggered, within_s=60, every_s=0.5)
        assert upstream.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT") == []


def test_stale_prices_take_no_orders(upstream: PaperVenue) -> None:
    with PaperVenue("--market", "live", "--upstream", upstream.url) as mirror:
        upstream.kill()
        assert mirror.client.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m").json()["code"] == -1001

        async def stale() -> bool:
            return bool(mirror.get("/paper/v1/status")["staleness"]["stale_count"] == 2)

        asyncio.run(eventually(stale, within_s=40, every_s=0.5))
        refused = mirror.signed("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        assert refused.json()["code"] == -4140


def test_auto_says_why_it_is_synthetic() -> None:
    with PaperVenue("--market", "auto", "--upstream", "http://127.0.0.1:9") as venue:
        status = venue.get("/paper/v1/status")
        assert status["market"] == "synthetic"
        assert "does not answer" in status["note"]

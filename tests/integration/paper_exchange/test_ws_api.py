"""Orders over the WebSocket API."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.integration.paper_exchange.harness import KEY, SECRET, PaperVenue, write_candles

pytestmark = pytest.mark.integration


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[PaperVenue]:
    data = write_candles(tmp_path / "candles.csv", minutes=60)
    with PaperVenue("--market", f"replay:{data}", "--lock-step") as running:
        running.step()
        yield running


async def ask(socket: ClientConnection, method: str, *, secret: str = SECRET, **params: Any) -> Any:
    params |= {"apiKey": KEY, "timestamp": time.time_ns() // 1_000_000}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["signature"] = hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    await socket.send(json.dumps({"id": method, "method": method, "params": params}))
    return json.loads(await socket.recv())


async def test_an_order_from_place_to_cancel(venue: PaperVenue) -> None:
    async with connect(f"{venue.stream}/ws-fapi/v1") as socket:
        price = float(venue.get("/fapi/v1/ticker/price", symbol="ETHUSDT")["price"])
        words = {
            "symbol": "ETHUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.1",
            "price": f"{price * 0.97:.2f}",
        }
        placed = await ask(socket, "order.place", **words)
        assert (placed["id"], placed["status"], placed["result"]["status"]) == ("order.place", 200, "NEW")
        assert [row["rateLimitType"] for row in placed["rateLimits"]] == ["REQUEST_WEIGHT", "ORDERS", "ORDERS"]
        number = placed["result"]["orderId"]
        assert (await ask(socket, "order.status", symbol="ETHUSDT", orderId=number))["result"]["orderId"] == number
        assert (await ask(socket, "order.cancel", symbol="ETHUSDT", orderId=number))["result"]["status"] == "CANCELED"
        again = await ask(socket, "order.cancel", symbol="ETHUSDT", orderId=number)
        assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
        assert (await ask(socket, "v2/account.status"))["result"]["totalWalletBalance"] == "10000.00000000"
        assert (await ask(socket, "order.place", secret="wrong", **words))["error"]["code"] == -1022
        assert (await ask(socket, "session.logon"))["status"] == 400
        for junk in ("[]", "{}", "not json", '{"method": 5}', '{"method": "order.place", "params": []}'):
            await socket.send(junk)
            assert json.loads(await socket.recv())["status"] in {400, 401}

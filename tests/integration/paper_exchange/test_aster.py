"""The Aster dialect: wallets instead of keys, conditional orders on /order, its own shapes."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from eth_account import Account as Wallet
from eth_account.messages import encode_typed_data

from services.paper_exchange.wallet_auth import typed_message
from tests.integration.paper_exchange.harness import SECRET, PaperVenue, write_candles

pytestmark = pytest.mark.integration

KEY = "0x" + hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PaperVenue]:
    data = write_candles(Path(tmp_path_factory.mktemp("aster")) / "candles.csv")
    with PaperVenue("--market", f"replay:{data}", "--lock-step", "--dialect", "aster") as running:
        running.step()
        yield running


class Agent:
    """Signs as an agent wallet does."""

    def __init__(self, venue: PaperVenue, key: str = KEY) -> None:
        self.venue, self.key, self.last = venue, key, 0

    def ask(self, method: str, path: str, *, nonce: int | None = None, **params: Any) -> httpx.Response:
        self.last = max(self.last + 1, time.time_ns() // 1000)
        params |= {"nonce": self.last if nonce is None else nonce, "signer": Wallet.from_key(self.key).address}
        text = urlencode(params)
        signed = Wallet.sign_message(encode_typed_data(full_message=typed_message(text.encode())), self.key)
        whole = f"{text}&signature=0x{signed.signature.hex().removeprefix('0x')}"
        if method == "GET":
            return self.venue.client.get(f"{path}?{whole}")
        form = {"content-type": "application/x-www-form-urlencoded"}
        return self.venue.client.request(method, path, content=whole, headers=form)


def test_a_wallet_signs(venue: PaperVenue) -> None:
    agent = Agent(venue)
    balance = agent.ask("GET", "/fapi/v3/balance")
    assert (balance.status_code, balance.json()[0]["asset"]) == (200, "USDT")
    placed = agent.ask("POST", "/fapi/v3/order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.5")
    assert (placed.status_code, placed.json()["status"]) == (200, "NEW")
    assert "priceMatch" not in placed.json()
    rows = agent.ask("GET", "/fapi/v3/positionRisk", symbol="ETHUSDT").json()
    assert (rows[0]["positionAmt"], rows[0]["leverage"]) == ("0.500", "20")
    assert agent.ask("GET", "/fapi/v3/accountWithJoinMargin").json()["canTrade"] is True


def test_nonces_count_once_and_soon(venue: PaperVenue) -> None:
    agent = Agent(venue)
    assert agent.ask("POST", "/fapi/v3/noop").status_code == 200
    assert agent.ask("GET", "/fapi/v3/balance", nonce=agent.last).json() == {"code": -4225, "msg": "Nonce Expired"}
    assert agent.ask("GET", "/fapi/v3/balance", nonce=agent.last - 61_000_000).json()["code"] == -4225


def test_strangers_and_broken_signatures(venue: PaperVenue) -> None:
    assert Agent(venue, "0x" + "11" * 32).ask("GET", "/fapi/v3/balance").json()["code"] == -2015
    address = Wallet.from_key(KEY).address
    for signature in ("0x" + "00" * 65, "zz", "0x" + "ff" * 65):
        query = urlencode({"nonce": time.time_ns() // 1000, "signer": address, "signature": signature})
        assert venue.client.get(f"/fapi/v3/balance?{query}").json()["code"] == -1022


def test_conditional_orders_are_ordinary_orders(venue: PaperVenue) -> None:
    agent = Agent(venue)
    price = float(venue.get("/fapi/v3/ticker/price", symbol="ETHUSDT")["price"])
    stop = agent.ask(
        "POST", "/fapi/v3/order", symbol="ETHUSDT", side="SELL", type="STOP_MARKET", stopPrice=f"{price * 0.9:.2f}", closePosition="true"
    )
    assert stop.json()["type"] == "STOP_MARKET"
    pending = agent.ask("GET", "/fapi/v3/openOrders", symbol="ETHUSDT").json()
    assert [row["orderId"] for row in pending] == [stop.json()["orderId"]]
    assert agent.ask("DELETE", "/fapi/v3/allOpenOrders", symbol="ETHUSDT").json()["code"] == "200"
    assert venue.client.post("/fapi/v1/algoOrder").status_code == 404


def test_the_first_generation_still_works_with_keys(venue: PaperVenue) -> None:
    assert venue.ask("GET", "/fapi/v1/balance")[0]["asset"] == "USDT"
    assert venue.ask("GET", "/fapi/v4/account")["canTrade"] is True
    rows = venue.ask("GET", "/fapi/v1/income")
    assert isinstance(rows[0]["tranId"], str)
    assert venue.client.get("/fapi/v1/openInterest?symbol=ETHUSDT").status_code == 404
    assert isinstance(venue.get("/fapi/v1/fundingInfo")[0]["fundingFeeCap"], float)

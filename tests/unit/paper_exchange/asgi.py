"""The application called directly, without sockets."""

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from eth_account import Account as Wallet
from eth_account.messages import encode_typed_data

from services.paper_exchange.app import App
from services.paper_exchange.logic.synthetic import COINS, SyntheticMarket
from services.paper_exchange.markets import Plan, build_exchange
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.service import build_app
from services.paper_exchange.sources.beside import contracts_of
from services.paper_exchange.store import Store
from services.paper_exchange.wallet_auth import private_key, typed_message


class StillWall:
    """A machine whose clocks stand still."""

    def __init__(self) -> None:
        self.now_ms = 1_760_000_400_000

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_s(self) -> float:
        return self.now_ms / 1000


class Direct:
    """A lock-step venue over 600 synthetic candles of three contracts, asked without sockets."""

    def __init__(self, store: Path | None = None, **words: Any) -> None:
        options = Options(**{"market": MarketKind.REPLAY, "lock_step": True, "limits": False, **words})
        market = SyntheticMarket(5, COINS[:3], 1_760_000_400_000 // 60_000 * 60_000)
        grid = market.block()
        for _ in range(9):
            grid.extend(market.block())
        plan = Plan(
            kind=MarketKind.REPLAY,
            grid=grid,
            listing=contracts_of(COINS[:3], grid),
            column=300,
            points=4,
            end_ms=grid.end_ms,
            source="test",
        )
        self.wall = StillWall()
        self.nonces = 0
        self.exchange = build_exchange(options, plan, Store(store), self.wall)
        self.app: App = build_app(self.exchange)
        self.loop = asyncio.new_event_loop()

    def close(self) -> None:
        self.exchange.store.close()
        self.loop.close()

    def call(
        self, method: str, path: str, query: bytes = b"", body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """(status, body, headers) of a request."""
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "client": ("127.0.0.1", 1),
        }
        self.loop.run_until_complete(self.app(scope, receive, send))
        shown = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], sent[1]["body"], shown

    def signed(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        """(status, JSON) of a signed request."""
        options = self.exchange.options
        query = urlencode({"timestamp": self.wall.now_ms, **params})
        signature = hmac.new(options.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        status, body, _ = self.call(method, path, f"{query}&signature={signature}".encode(), headers={"X-MBX-APIKEY": options.api_key})
        return status, orjson.loads(body)

    def wallet_signed(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        """(status, JSON) of a request signed by the account's agent wallet (Aster's V3)."""
        key = private_key(self.exchange.options.api_secret)
        self.nonces += 1
        nonce = self.wall.now_ms * 1000 + self.nonces
        query = urlencode({**params, "nonce": nonce, "signer": Wallet.from_key(key).address})
        signed = Wallet.sign_message(encode_typed_data(full_message=typed_message(query.encode())), key)
        status, body, _ = self.call(method, path, f"{query}&signature=0x{signed.signature.hex().removeprefix('0x')}".encode())
        return status, orjson.loads(body)

    def socket(self, path: str, texts: list[str | bytes], query: bytes = b"") -> list[dict[str, Any]]:
        """What a WebSocket is sent: the client sends its texts one after the other and goes away once all is said."""
        sent: list[dict[str, Any]] = []
        coming: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        coming += [{"type": "websocket.receive", "text" if isinstance(text, str) else "bytes": text} for text in texts]

        async def receive() -> dict[str, Any]:
            for _ in range(3):
                await asyncio.sleep(0)
            return coming.pop(0) if coming else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        scope = {"type": "websocket", "path": path, "query_string": query, "headers": [], "client": ("127.0.0.1", 1)}
        self.loop.run_until_complete(self.app(scope, receive, send))
        return sent

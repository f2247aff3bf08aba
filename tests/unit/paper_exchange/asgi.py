"""The application called directly, without sockets."""

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from services.paper_exchange.app import App
from services.paper_exchange.logic.synthetic import COINS, SyntheticMarket
from services.paper_exchange.markets import Plan, build_exchange
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.service import build_app
from services.paper_exchange.sources.beside import contracts_of
from services.paper_exchange.store import Store


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

"""A scripted upstream with one or two contracts, and a live mirror of it in this process whose clock the test sets."""

import asyncio
import gzip
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from services.paper_exchange.exchange import Exchange
from services.paper_exchange.hub import Connection
from services.paper_exchange.live_market import LiveMarket
from services.paper_exchange.live_start import build_live
from services.paper_exchange.logic.streams import Route
from services.paper_exchange.options import MarketKind, Options
from services.paper_exchange.service import build_app
from services.paper_exchange.store import Store
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Reply, Stream, VenueServer
from tests.integration.data.scripted import contract
from tests.unit.paper_exchange.asgi import StillWall


def recorded_frames(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """The first messages of a raw recording: a local stamp, a space, the message."""
    with gzip.open(path, "rb") as file:
        for _, line in zip(range(most), file, strict=False):
            yield orjson.loads(line.partition(b" ")[2])


def answer_everything(server: VenueServer, symbols: tuple[str, ...], price: str = "28000.00") -> None:
    """What a mirror asks for when it starts."""
    up = str(float(price) + 0.1)
    rows = [contract(symbol) for symbol in symbols]
    server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": StillWall().now_ms}))
    server.on("GET", "/fapi/v1/exchangeInfo", Reply(body={"rateLimits": [], "symbols": rows}))
    server.on("GET", "/fapi/v1/ticker/price", Reply(body=[{"symbol": symbol, "price": price} for symbol in symbols]))
    book = {"bidPrice": price, "bidQty": "5", "askPrice": up, "askQty": "5"}
    server.on("GET", "/fapi/v1/ticker/bookTicker", Reply(body=[{"symbol": symbol, **book} for symbol in symbols]))
    mark = {"markPrice": price, "lastFundingRate": "0.0001", "nextFundingTime": StillWall().now_ms + 3_600_000}
    server.on("GET", "/fapi/v1/premiumIndex", Reply(body=[{"symbol": symbol, **mark} for symbol in symbols]))


class Mirror:
    """A mirror and the stream that its upstream has to it."""

    def __init__(self, exchange: Exchange, wall: StillWall, server: VenueServer) -> None:
        assert isinstance(exchange.market, LiveMarket)
        self.exchange, self.wall, self.server = exchange, wall, server
        self.market: LiveMarket = exchange.market
        self.app = build_app(exchange)
        self.client = Connection(Route.LEGACY, combined=True, most_frames=10**6)
        exchange.hub.add(self.client)

    @property
    def stream(self) -> Stream:
        return self.server.streams[-1]

    def listen(self, *names: str) -> None:
        self.exchange.hub.subscribe(self.client, names)

    async def push(self, *frames: object) -> None:
        """Send frames and wait until they have arrived: a last one of our own shows it."""
        end = {"stream": "end", "data": {"number": self.exchange.hub.frames}}
        self.listen("end")
        before = len(self.client.queue)
        await self.stream.push(*frames, end)
        await eventually(lambda: any('"stream":"end"' in text for text in list(self.client.queue)[before:]), within_s=30)

    def status(self) -> dict[str, Any]:
        return self.market.status()

    async def call(
        self, method: str, path: str, query: str = "", *, signed: bool = False, **params: Any
    ) -> tuple[int, Any, dict[str, str]]:
        """A request to the mirror, without sockets but in this loop."""
        sent: list[Any] = []
        headers: dict[str, str] = {}
        if signed:
            options = self.exchange.options
            query = urlencode({"timestamp": self.wall.now_ms, **params})
            query += f"&signature={hmac.new(options.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"
            headers = {"X-MBX-APIKEY": options.api_key}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "client": ("127.0.0.1", 1)}
        scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.app(scope, receive, send)
        return sent[0]["status"], orjson.loads(sent[1]["body"]), {name.decode(): value.decode() for name, value in sent[0]["headers"]}


@asynccontextmanager
async def mirrored(server: VenueServer, **words: Any) -> AsyncIterator[Mirror]:
    """A running mirror of the server."""
    wall = StillWall()
    options = Options(market=MarketKind.LIVE, upstream=server.http_url, upstream_stream=server.ws_url, limits=False, **words)
    store = Store(None)
    exchange = await build_live(options, store, wall)
    mirror = Mirror(exchange, wall, server)
    running = asyncio.create_task(mirror.market.run())
    try:
        await eventually(lambda: server.streams and "!markPrice@arr@1s" in server.streams[-1].subscribed)
        yield mirror
        assert not running.done(), "the mirror ended by itself"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await mirror.market.upstream.rest.close()
        store.close()

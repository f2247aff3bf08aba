"""Stream names, routes, subscriptions, slow clients."""

import asyncio
from typing import Any

import orjson
import pytest

from services.paper_exchange.hub import Connection, Hub
from services.paper_exchange.logic.streams import Kind, Route, parse
from services.paper_exchange.websocket import Bucket, Sockets, open_path


@pytest.mark.parametrize(
    ("name", "kind", "symbol", "argument", "route"),
    [
        ("btcusdt@kline_5m", Kind.KLINE, "BTCUSDT", "5m", Route.MARKET),
        ("btcusdt_perpetual@continuousKline_1h", Kind.CONTINUOUS, "BTCUSDT", "1h", Route.MARKET),
        ("btcusdt@markPrice@1s", Kind.MARK, "BTCUSDT", "", Route.MARKET),
        ("!markPrice@arr@1s", Kind.MARK_ALL, "", "", Route.MARKET),
        ("btcusdt@bookTicker", Kind.BOOK, "BTCUSDT", "", Route.PUBLIC),
        ("btcusdt@depth20@100ms", Kind.PARTIAL, "BTCUSDT", "20", Route.PUBLIC),
        ("btcusdt@depth", Kind.DEPTH, "BTCUSDT", "", Route.PUBLIC),
        ("btcusdt@rpiDepth@500ms", Kind.DEPTH, "BTCUSDT", "", Route.PUBLIC),
        ("币安人生usdt@ticker", Kind.TICKER, "币安人生USDT", "", Route.MARKET),
    ],
)
def test_names(name: str, kind: Kind, symbol: str, argument: str, *, route: Route) -> None:
    stream = parse(name)
    assert stream is not None
    assert (stream.kind, stream.symbol, stream.argument, stream.route) == (kind, symbol, argument, route)


@pytest.mark.parametrize(
    "name", ["BTCUSDT@kline_5m", "btcusdt@kline_1s", "btcusdt@depth@250ms", "btcusdt@depth7", "btcusdt", "", "@", "!all@arr"]
)
def test_names_that_deliver_nothing(name: str) -> None:
    assert parse(name) is None


@pytest.mark.parametrize(
    ("path", "query", "opened"),
    [
        ("/ws/btcusdt@ticker", "", (Route.LEGACY, False, ["btcusdt@ticker"], frozenset())),
        ("/stream", "streams=a@b/c@d", (Route.LEGACY, True, ["a@b", "c@d"], frozenset())),
        ("/market/stream", "", (Route.MARKET, True, [], frozenset())),
        (
            "/private/ws",
            "listenKey=K&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE",
            (Route.PRIVATE, False, ["K"], frozenset({"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"})),
        ),
        ("/other", "", None),
        ("/public", "", None),
    ],
)
def test_paths(path: str, query: str, opened: Any) -> None:
    assert open_path(path, query) == opened


class Client:
    """A WebSocket client without a socket."""

    def __init__(self, sockets: Sockets, path: str) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.inbox.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": path, "query_string": b""}
        self.task = asyncio.ensure_future(sockets.serve(scope, self.inbox.get, self._take))

    async def _take(self, message: Any) -> None:
        self.sent.append(dict(message))

    async def say(self, body: Any) -> Any:
        """Send a command; returns the last text that came back."""
        self.inbox.put_nowait({"type": "websocket.receive", "text": body if isinstance(body, str) else orjson.dumps(body).decode()})
        for _ in range(5):
            await asyncio.sleep(0)
        return self.texts[-1] if self.texts else None

    @property
    def texts(self) -> list[Any]:
        return [orjson.loads(item["text"]) for item in self.sent if item["type"] == "websocket.send"]

    async def leave(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect"})
        await self.task


async def test_commands_are_answered_as_the_venue_does() -> None:
    hub = Hub()
    client = Client(Sockets(hub, 3, 100), "/ws")
    assert await client.say({"method": "SUBSCRIBE", "params": ["a@ticker", "UPPER@ticker"], "id": 1}) == {"result": None, "id": 1}
    assert await client.say({"method": "LIST_SUBSCRIPTIONS", "id": "x"}) == {"result": ["a@ticker", "UPPER@ticker"], "id": "x"}
    assert await client.say({"method": "UNSUBSCRIBE", "params": ["a@ticker"], "id": 2}) == {"result": None, "id": 2}
    assert await client.say({"method": "GET_PROPERTY", "params": ["combined"], "id": 3}) == {"result": False, "id": 3}
    assert (await client.say("not json"))["code"] == 3
    assert (await client.say({"method": "DANCE", "id": 3}))["code"] == 2
    assert (await client.say({"method": "SUBSCRIBE", "params": [1], "id": 3}))["code"] == 2
    assert await client.say({"method": "SUBSCRIBE", "params": ["a@b", "c@d", "e@f", "g@h"], "id": 4}) == {
        "error": {"code": 4, "msg": "Too many subscriptions"}
    }
    assert client.sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "Invalid request"}
    assert hub.frames == len(client.texts)
    await client.leave()
    assert not hub.connections
    assert not hub.wanted[Kind.TICKER]


async def test_routed_paths_deliver_their_own_streams_only() -> None:
    hub = Hub()
    client = Client(Sockets(hub, 10, 100), "/market/stream")
    await client.say({"method": "SUBSCRIBE", "params": ["a@ticker", "a@bookTicker"], "id": 1})
    assert hub.publish("a@bookTicker", b"{}") == 0
    assert hub.publish("a@ticker", b'{"e":1}') == 1
    await client.say({"method": "LIST_SUBSCRIPTIONS", "id": 2})
    assert {"stream": "a@ticker", "data": {"e": 1}} in client.texts
    await client.leave()


async def test_too_many_messages_close_the_connection() -> None:
    sockets = Sockets(Hub(), 10, 100)
    sockets.bucket = lambda: Bucket(lambda: 0.0)
    client = Client(sockets, "/ws")
    for _ in range(17):
        await client.say({"method": "LIST_SUBSCRIPTIONS", "id": 1})
    assert len(client.texts) == 15
    assert client.sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "Too many requests"}
    await client.leave()


def test_a_client_that_does_not_read_is_cut_off() -> None:
    hub = Hub()
    slow, quick = (Connection(Route.LEGACY, combined=False, most_frames=most) for most in (3, 100))
    for connection in (slow, quick):
        hub.add(connection)
        hub.subscribe(connection, ["a@ticker"])
    assert [hub.publish("a@ticker", b"{}") for _ in range(5)] == [2, 2, 2, 1, 1]
    assert slow.closing == (1008, "too slow")
    assert hub.frames == 5

"""Streams over real WebSockets: subscriptions, resync, silence, lost connections, dying keys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import ExchangeUnavailable, MrasterError, Permanent, StateCorrupt
from shared.exchange.clock import VenueClock
from shared.exchange.events import OrderUpdate
from shared.exchange.market import BookTicker, KlineEvent
from shared.exchange.stream import MarketStream, StreamOptions, UserStream
from shared.exchange.venues.policy import VenuePolicy, WsLayout, policy_for
from tests.fakes.eventually import eventually
from tests.fakes.venue_server import Stream, VenueServer

QUICK = StreamOptions(
    ping_s=5,
    silent_s=30,
    ack_s=5,
    open_s=2,
    close_s=0.1,
    backoff_first_s=0.01,
    backoff_max_s=0.05,
    renew_key_s=60,
    retry_renew_s=0.02,
    user_agent="mraster-test",
)
START_MS = 1_760_000_040_000


@pytest.fixture
async def server() -> AsyncIterator[VenueServer]:
    async with VenueServer() as running:
        yield running


@pytest.fixture
def policy(server: VenueServer) -> VenuePolicy:
    policy = policy_for("http://127.0.0.1:1", ws_base=server.ws_url)
    return replace(policy, stream_limits=replace(policy.stream_limits, messages_per_s=1000))


@asynccontextmanager
async def running(stream: MarketStream | UserStream) -> AsyncIterator[asyncio.Task[None]]:
    """The stream at work, and gone afterwards."""
    task = asyncio.create_task(stream.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Listener:
    """Remembers what it is told, in order; waits or fails when asked to."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.resyncs: list[frozenset[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: MrasterError | None = None

    async def on_event(self, event: Any) -> None:
        await self.gate.wait()
        self.events.append(event)
        if self.failure is not None:
            raise self.failure

    async def on_live(self, streams: frozenset[str]) -> None:
        self.resyncs.append(streams)
        await self.on_resync_failure()

    async def on_resync(self) -> None:
        self.resyncs.append(frozenset())
        self.events.append("resync")
        await self.on_resync_failure()

    async def on_resync_failure(self) -> None:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure


class Keys:
    """Listen keys that are numbered; errors as scripted."""

    def __init__(self) -> None:
        self.made = 0
        self.renewed = 0
        self.create_errors: list[MrasterError] = []
        self.renew_errors: list[MrasterError] = []

    async def create_listen_key(self) -> str:
        if self.create_errors:
            raise self.create_errors.pop(0)
        self.made += 1
        return f"key{self.made}"

    async def keepalive_listen_key(self) -> None:
        self.renewed += 1
        if self.renew_errors:
            raise self.renew_errors.pop(0)


def kline(symbol: str = "ABCUSDT", *, event_ms: int = START_MS, closed: bool = False) -> dict[str, Any]:
    k = {"t": START_MS - 60_000, "T": START_MS - 1, "s": symbol, "i": "1m", "o": "1", "c": "1.5", "h": "2", "l": "0.5", "v": "10", "n": 3}
    return {"e": "kline", "E": event_ms, "s": symbol, "k": k | {"x": closed, "q": "15"}}


def combined(data: dict[str, Any]) -> dict[str, Any]:
    return {"stream": "abcusdt@kline_1m", "data": data}


def order_update(trade: int) -> dict[str, Any]:
    o = {
        "s": "ABCUSDT",
        "c": "mr-abcdefghij-e",
        "S": "BUY",
        "o": "MARKET",
        "ot": "MARKET",
        "q": "2",
        "p": "0",
        "ap": "1.5",
        "sp": "0",
        "x": "TRADE",
    }
    o |= {
        "X": "PARTIALLY_FILLED",
        "i": 7,
        "l": "1",
        "z": str(trade),
        "L": "1.5",
        "n": "0.001",
        "N": "USDT",
        "T": START_MS,
        "t": trade,
        "rp": "0",
        "m": False,
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": START_MS, "T": START_MS, "o": o}


async def nothing_happens_for(seconds: float, event: Callable[[], bool]) -> None:
    """The event stays away for so long."""
    with pytest.raises(AssertionError, match="not within"):
        await eventually(event, within_s=seconds)


async def connected(server: VenueServer, number: int = 1) -> Stream:
    """The n-th connection that was made."""
    await eventually(lambda: len(server.streams) >= number, what=f"connection {number}")
    return server.streams[number - 1]


def market(
    policy: VenuePolicy, names: list[str], listener: Listener, options: StreamOptions = QUICK, clock: VenueClock | None = None
) -> MarketStream:
    return MarketStream(policy, clock or VenueClock(), names, listener.on_event, on_resync=listener.on_live, options=options)


def user(keys: Keys, policy: VenuePolicy, listener: Listener, options: StreamOptions = QUICK) -> UserStream:
    return UserStream(keys, policy, VenueClock(), listener.on_event, listener.on_resync, options=options)


async def test_events_arrive_typed_after_the_resync(server: VenueServer, policy: VenuePolicy):
    listener, clock = Listener(), VenueClock()
    clock.sync(START_MS - 5000, clock.monotonic_s(), clock.monotonic_s(), "0")
    stream = market(policy, ["abcusdt@kline_1m", "!bookTicker"], listener, clock=clock)
    async with running(stream):
        venue = await connected(server)
        await eventually(lambda: listener.resyncs)
        assert listener.resyncs == [frozenset({"abcusdt@kline_1m", "!bookTicker"})]
        assert stream.live_streams == stream.streams == listener.resyncs[0]
        assert (venue.target, venue.user_agent) == ("/stream", "mraster-test")
        await venue.push(
            combined(kline(closed=True)), {"e": "bookTicker", "E": 5, "s": "A", "b": "1", "B": "2", "a": "3", "A": "4", "T": 5}
        )
        await eventually(lambda: len(listener.events) == 2)
        first, second = listener.events
        assert isinstance(first, KlineEvent)
        assert first.closed
        assert isinstance(second, BookTicker)
        assert clock.now_ms() == START_MS
        assert stream.frames_received == stream.frames_handled == 3


async def test_a_frame_counts_as_handled_when_its_listener_has_returned(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["abcusdt@kline_1m"], listener)
    async with running(stream):
        venue = await connected(server)
        await eventually(lambda: stream.frames_handled == 1)
        listener.gate.clear()
        await venue.push(kline(), kline(), {"e": "miniTicker", "E": 1}, {"result": None, "id": 99}, b"junk{")
        await eventually(lambda: stream.frames_received == 2)
        assert stream.frames_handled == 1
        listener.gate.set()
        await eventually(lambda: stream.frames_handled == 6)
        assert (stream.frames_received, stream.frames_refused, stream.ignored["miniTicker"]) == (6, 1, 1)
        assert stream.reconnects == 0


async def test_coin_margined_rows_and_odd_rows_in_an_array_are_left_out(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["!markPrice@arr"], listener)
    mark = {"e": "markPriceUpdate", "E": START_MS, "s": "A", "p": "1", "i": "1", "r": "0", "T": 0}
    async with running(stream):
        venue = await connected(server)
        await venue.push([mark, {**mark, "s": "B", "st": 2}, {**mark, "p": "one"}, {**mark, "s": "C"}])
        await eventually(lambda: len(listener.events) == 2)
        assert [event.symbol for event in listener.events] == ["A", "C"]
        assert stream.frames_refused == 1


async def test_lost_connection_is_made_again_with_a_resync(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["abcusdt@kline_1m"], listener)
    async with running(stream):
        first = await connected(server)
        await eventually(lambda: len(listener.resyncs) == 1)
        first.socket.transport.abort()
        second = await connected(server, 2)
        await eventually(lambda: len(listener.resyncs) == 2)
        assert second.subscribed == {"abcusdt@kline_1m"}
        await second.push(kline())
        await eventually(lambda: listener.events)
        assert stream.reconnects == 1


async def test_streams_change_while_running(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["a@kline_1m", "b@kline_1m"], listener)
    async with running(stream):
        venue = await connected(server)
        await eventually(lambda: len(listener.resyncs) == 1)
        stream.set_streams(["b@kline_1m", "c@kline_1m"])
        await eventually(lambda: len(listener.resyncs) == 2)
        assert listener.resyncs[1] == {"c@kline_1m"}
        assert venue.subscribed == stream.live_streams == {"b@kline_1m", "c@kline_1m"}
        stream.set_streams([])
        await eventually(lambda: not venue.open)
        stream.set_streams(["d@kline_1m"])
        again = await connected(server, 2)
        await eventually(lambda: again.subscribed == {"d@kline_1m"})


async def test_streams_are_spread_within_the_venues_limits(server: VenueServer, policy: VenuePolicy):
    small = replace(policy, stream_limits=replace(policy.stream_limits, streams=4, names_per_message=3))
    names = [f"s{number:02}@kline_1m" for number in range(10)]
    stream = market(small, names, Listener())
    async with running(stream):
        await eventually(lambda: sum(len(venue.subscribed) for venue in server.streams) == 10)
        assert sorted(len(venue.subscribed) for venue in server.streams) == [2, 4, 4]
        assert max(len(request["params"]) for venue in server.streams for request in venue.asked) == 3
        stream.set_streams([*names[:9], "t@kline_1m"])
        await eventually(lambda: "t@kline_1m" in server.streams[2].subscribed)
        assert len(server.streams) == 3


async def test_routed_venue_gets_each_stream_on_its_own_path(server: VenueServer, policy: VenuePolicy):
    routed = replace(policy, ws_layout=WsLayout.ROUTED)
    async with running(market(routed, ["a@kline_1m", "a@bookTicker"], Listener())):
        await eventually(
            lambda: (
                {v.target: v.subscribed for v in server.streams} == {"/market/stream": {"a@kline_1m"}, "/public/stream": {"a@bookTicker"}}
            )
        )


async def test_silent_connection_is_left(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["a@kline_1m"], listener, replace(QUICK, silent_s=0.1))
    async with running(stream):
        await connected(server, 2)
        await eventually(lambda: len(listener.resyncs) >= 2)
        assert stream.reconnects >= 1


async def test_busy_listener_is_not_silence(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["a@kline_1m"], listener, replace(QUICK, silent_s=0.15))
    async with running(stream):
        venue = await connected(server)
        await eventually(lambda: listener.resyncs)
        listener.gate.clear()
        await venue.push(kline())
        await eventually(lambda: stream.frames_received == 2)
        await nothing_happens_for(0.4, lambda: len(server.streams) > 1)
        listener.gate.set()


async def test_subscription_without_an_answer_is_not_believed(server: VenueServer, policy: VenuePolicy):
    server.acknowledge = False
    listener = Listener()
    stream = market(policy, ["a@kline_1m"], listener, replace(QUICK, ack_s=0.1))
    async with running(stream):
        await connected(server, 2)
        assert stream.live_streams == frozenset()
        server.acknowledge = True
        await eventually(lambda: listener.resyncs)


async def test_refused_subscription_makes_a_new_connection(server: VenueServer, policy: VenuePolicy):
    async def refuse_first(venue: Stream, request: dict[str, Any]) -> None:
        refused = venue is server.streams[0]
        await venue.push({"error": {"code": 4, "msg": "Too many subscriptions"}} if refused else {"result": None, "id": request["id"]})

    server.on_request = refuse_first
    listener = Listener()
    async with running(market(policy, ["a@kline_1m"], listener)):
        await eventually(lambda: listener.resyncs)
        assert len(server.streams) == 2


async def test_old_connection_is_rotated(server: VenueServer, policy: VenuePolicy):
    async with running(market(policy, ["a@kline_1m"], Listener(), replace(QUICK, lifetime_s=0.1))):
        await connected(server, 3)


async def test_error_of_the_listener_ends_the_stream(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    stream = market(policy, ["a@kline_1m"], listener)
    async with running(stream) as task:
        venue = await connected(server)
        await eventually(lambda: listener.resyncs)
        listener.failure = StateCorrupt("no")
        await venue.push(kline())
        with pytest.raises(StateCorrupt):
            await task


@pytest.mark.parametrize("where", ["event", "resync"])
async def test_passing_trouble_of_the_listener_means_another_resync(server: VenueServer, policy: VenuePolicy, where: str):
    listener = Listener()
    if where == "resync":
        listener.failure = ExchangeUnavailable("not now")
    async with running(market(policy, ["a@kline_1m"], listener)):
        venue = await connected(server)
        if where == "event":
            await eventually(lambda: listener.resyncs)
            listener.failure = ExchangeUnavailable("not now")
            await venue.push(kline())
            await eventually(lambda: listener.events)
            listener.failure = None
        await connected(server, 2)
        await eventually(lambda: len(listener.resyncs) == 2)


async def test_user_stream_resyncs_before_the_first_event(server: VenueServer, policy: VenuePolicy):
    keys, listener = Keys(), Listener()
    stream = user(keys, policy, listener)
    async with running(stream):
        venue = await connected(server)
        assert venue.target == "/ws/key1"
        await venue.push(order_update(1), {"e": "TRADE_LITE", "E": START_MS}, {"e": "SOMETHING_NEW", "E": START_MS}, order_update(2))
        await eventually(lambda: len(listener.events) == 3)
        resync, first, second = listener.events
        assert resync == "resync"
        assert isinstance(first, OrderUpdate)
        assert first.fill is not None
        assert (first.fill.trade_id, second.cumulative_qty) == (1, 2)
        assert (stream.frames_received, stream.frames_handled) == (4, 4)
        assert stream.ignored == {"TRADE_LITE": 1, "SOMETHING_NEW": 1}
        assert stream.connected


async def test_expired_key_is_replaced(server: VenueServer, policy: VenuePolicy):
    keys, listener = Keys(), Listener()
    async with running(user(keys, policy, listener)):
        venue = await connected(server)
        await venue.push({"e": "listenKeyExpired", "E": START_MS})
        second = await connected(server, 2)
        assert second.target == "/ws/key2"
        await eventually(lambda: listener.events == ["resync", "resync"])


async def test_key_is_renewed_and_a_lost_one_replaced(server: VenueServer, policy: VenuePolicy):
    keys, listener = Keys(), Listener()
    keys.renew_errors = [ExchangeUnavailable("not now"), Permanent("gone", code="listen_key_unknown")]
    async with running(user(keys, policy, listener, replace(QUICK, renew_key_s=0.05))):
        second = await connected(server, 2)
        assert second.target == "/ws/key2"
        assert keys.renewed >= 2


async def test_refused_credentials_end_the_user_stream(server: VenueServer, policy: VenuePolicy):
    keys, listener = Keys(), Listener()
    keys.create_errors = [ExchangeUnavailable("not now"), Permanent("no", code="credentials_refused")]
    with pytest.raises(Permanent, match="no"):
        await asyncio.wait_for(user(keys, policy, listener).run(), 5)
    keys.renew_errors = [Permanent("no more", code="credentials_refused")]
    with pytest.raises(Permanent, match="no more"):
        await asyncio.wait_for(user(keys, policy, listener, replace(QUICK, renew_key_s=0.02)).run(), 5)


async def test_user_frame_that_cannot_be_read_is_replaced_by_a_resync(server: VenueServer, policy: VenuePolicy):
    listener = Listener()
    broken = order_update(1)
    del broken["o"]["i"]
    stream = user(Keys(), policy, listener)
    async with running(stream):
        venue = await connected(server)
        await venue.push(broken, order_update(2))
        await eventually(lambda: len(listener.events) == 3)
        assert listener.events[:2] == ["resync", "resync"]
        assert stream.frames_refused == 1


async def test_quiet_account_is_not_silence(server: VenueServer, policy: VenuePolicy):
    stream = user(Keys(), policy, Listener(), replace(QUICK, silent_s=0.1))
    async with running(stream):
        await connected(server)
        await nothing_happens_for(0.3, lambda: len(server.streams) > 1)


async def test_peer_that_stops_answering_pings_is_left(policy: VenuePolicy):
    """A socket that accepts and then never says anything: only pings can tell."""
    made: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(writer)
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(_handshake(request))
        await writer.drain()

    dead = await asyncio.start_server(accept, "127.0.0.1", 0)
    address = f"ws://127.0.0.1:{dead.sockets[0].getsockname()[1]}"
    options = replace(QUICK, ping_s=0.05, silent_s=1.05)
    async with running(user(Keys(), replace(policy, ws_base=address), Listener(), options)):
        await eventually(lambda: len(made) >= 2)
    dead.close()
    for writer in made:
        writer.close()


def _handshake(request: str) -> bytes:
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    key = next(line.split(":", 1)[1].strip() for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()  # noqa: S324
    return (
        f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )


async def test_unreachable_venue_is_tried_again_and_stopping_is_quick(policy: VenuePolicy):
    stream = user(Keys(), replace(policy, ws_base="ws://127.0.0.1:1"), Listener())
    async with running(stream):
        await eventually(lambda: stream.reconnects >= 3)

"""Which streams live on which connection, and keeping the venue's list the same as ours."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from shared.exchange.clock import VenueClock
from shared.exchange.fields import Row
from shared.exchange.link import FrameCount, Link, LinkPlan, Reconnect, StreamOptions
from shared.exchange.parse_stream import Control, Events
from shared.exchange.venues.shape import VenuePolicy

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the connections of one market stream share. `open_frame` gives None for a frame that was refused."""

    policy: VenuePolicy
    clock: VenueClock
    options: StreamOptions
    count: FrameCount
    open_frame: Callable[[bytes], Events | Control | None]
    on_events: Callable[[tuple[Row, ...]], Awaitable[None]]
    on_live: Callable[[frozenset[str]], Awaitable[None]]


@dataclass(slots=True)
class _Session:
    """What the venue was told on the present connection. Requests wait for their answer by id."""

    told: set[str] = field(default_factory=set)
    waiting: dict[str, frozenset[str]] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    oldest_s: float = 0.0


class Shard:
    """One connection with its share of the streams."""

    def __init__(self, route: str, wiring: Wiring) -> None:
        self.route = route
        self.wanted: frozenset[str] = frozenset()
        self._wiring = wiring
        self._session = _Session()
        self._changed = asyncio.Event()
        self._ids = 0
        self._link = Link(
            LinkPlan(
                name=f"market stream{' ' + route if route else ''}",
                dial=self._dial,
                opened=self._opened,
                on_frame=self._on_frame,
                jobs=(self._subscribe, self._expect_answers),
                lifetime_s=wiring.policy.stream_limits.lifetime_s,
            ),
            wiring.clock,
            wiring.options,
            wiring.count,
        )

    @property
    def live(self) -> frozenset[str]:
        """Streams that the venue has acknowledged on a connection that is up."""
        if not self._link.connected:
            return frozenset()
        pending = frozenset().union(*self._session.waiting.values())
        return frozenset(self._session.told) - pending

    def want(self, streams: Iterable[str]) -> None:
        """Replace the share of this connection."""
        self.wanted = frozenset(streams)
        self._changed.set()

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        await self._link.run()

    async def _dial(self) -> str:
        """Combined streams of the route."""
        return self._wiring.policy.stream_url(self.route)

    async def _opened(self, _socket: ClientConnection) -> None:
        """A new connection knows nothing."""
        self._session = _Session()
        self._changed.set()

    async def _on_frame(self, frame: bytes) -> None:
        """Events to the listener, answers to the subscriptions."""
        content = self._wiring.open_frame(frame)
        if isinstance(content, Events):
            await self._wiring.on_events(content.items)
        elif isinstance(content, Control):
            await self._answered(content)

    async def _answered(self, answer: Control) -> None:
        """Mark a request as answered; once none is open, the new streams are live."""
        if answer.code is not None:
            raise Reconnect(f"the venue refuses a request: code {answer.code}, {answer.message!r}")
        session = self._session
        session.fresh |= session.waiting.pop(answer.request_id, frozenset())
        session.oldest_s = self._wiring.clock.monotonic_s()
        if session.fresh and not session.waiting:
            live = frozenset(session.fresh & session.told)
            session.fresh = set()
            await self._wiring.on_live(live)

    async def _subscribe(self, socket: ClientConnection) -> None:
        """Tell the venue what changed, slowly enough for its limit of messages."""
        limits = self._wiring.policy.stream_limits
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                session = self._session
                for method, names in (("UNSUBSCRIBE", session.told - self.wanted), ("SUBSCRIBE", self.wanted - session.told)):
                    for part in _parts(names, limits.names_per_message):
                        await self._send(socket, method, part)
                        await asyncio.sleep(1 / limits.messages_per_s)
        except ConnectionClosed:
            return

    async def _send(self, socket: ClientConnection, method: str, names: list[str]) -> None:
        """One request; what it asks for counts as told once it is on its way."""
        self._ids += 1
        session = self._session
        if not session.waiting:
            session.oldest_s = self._wiring.clock.monotonic_s()
        if method == "SUBSCRIBE":
            session.told.update(names)
            session.waiting[str(self._ids)] = frozenset(names)
        else:
            session.told.difference_update(names)
            session.waiting[str(self._ids)] = frozenset()
        await socket.send(orjson.dumps({"method": method, "params": names, "id": self._ids}).decode())

    async def _expect_answers(self, _socket: ClientConnection) -> None:
        """A request without an answer means that the connection is not what it seems."""
        ack_s = self._wiring.options.ack_s
        while True:
            await asyncio.sleep(ack_s / 4)
            if self._session.waiting and self._wiring.clock.monotonic_s() - self._session.oldest_s > ack_s:
                raise Reconnect(f"no answer to a subscription within {ack_s:.0f} s")


def spread(shards: list[Shard], wanted: frozenset[str], policy: VenuePolicy, create: Callable[[str], Shard]) -> list[Shard]:
    """Assign streams to connections: those that stay keep theirs, new ones fill gaps of their route, empty ones go.

    Order does not depend on hashing: the same calls give the same assignment.
    """
    shares: dict[Shard, set[str]] = {shard: set(shard.wanted & wanted) for shard in shards}
    placed = set().union(*shares.values())
    for name in sorted(wanted - placed):
        route = policy.route_of(name)
        home = next((s for s, share in shares.items() if s.route == route and len(share) < policy.stream_limits.streams), None)
        if home is None:
            home = create(route)
            shares[home] = set()
        shares[home].add(name)
    for shard, share in shares.items():
        if share != shard.wanted:
            shard.want(share)
    return [shard for shard, share in shares.items() if share]


def _parts(names: set[str] | frozenset[str], size: int) -> list[list[str]]:
    """Names in order, in messages of at most `size`."""
    ordered = sorted(names)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]

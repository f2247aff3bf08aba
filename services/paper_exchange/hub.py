"""Who listens to what, and how a frame reaches all of them: made once, sent as the same text to everybody."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from services.paper_exchange.logic.streams import Kind, Route, Stream, parse


class Connection:
    """One WebSocket client. Frames wait in a bounded queue; a client that does not read is cut off, nobody waits for it."""

    def __init__(self, route: Route, *, combined: bool, most_frames: int) -> None:
        self.route = route
        self.combined = combined
        self.names: dict[str, None] = {}
        self.event_filter: frozenset[str] = frozenset()
        self.queue: deque[str] = deque()
        self.wake = asyncio.Event()
        self.overrun = False
        self.closing: tuple[int, str] | None = None
        self._most = most_frames

    def push(self, text: str) -> bool:
        """Queue a frame; False when the client was too slow and is being cut off."""
        if self.closing is not None:
            return False
        if len(self.queue) >= self._most:
            self.overrun = True
            self.close(1008, "too slow")
            return False
        self.queue.append(text)
        self.wake.set()
        return True

    def close(self, code: int, reason: str) -> None:
        """Close once what was queued is sent (a slow client's queue is thrown away)."""
        if self.closing is None:
            self.closing = (code, reason)
            self.wake.set()


class Hub:
    """The index of streams. `frames` counts every text frame ever queued for a client and not thrown away."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.frames = 0
        self.on_change: Callable[[Stream, bool], None] | None = None
        self.wanted: dict[Kind, dict[str, Stream]] = {kind: {} for kind in Kind}
        self._listeners: dict[str, dict[Connection, None]] = {}
        self._sorted: dict[Kind, list[Stream]] = {}
        self.mute: Callable[[str, str], bool] | None = None

    def add(self, connection: Connection) -> None:
        """A client connected."""
        self.connections.add(connection)

    def remove(self, connection: Connection) -> None:
        """A client is gone; frames that never left are not counted as sent."""
        self.unsubscribe(connection, list(connection.names))
        self.connections.discard(connection)
        self.frames -= len(connection.queue)
        connection.queue.clear()

    def subscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Add streams to a connection. Names that deliver nothing are taken without a word, as on the venue."""
        for name in names:
            connection.names[name] = None
            stream = parse(name)
            if stream is not None and connection.route not in {Route.LEGACY, stream.route}:
                continue
            fresh = name not in self._listeners
            self._listeners.setdefault(name, {})[connection] = None
            if stream is not None and fresh:
                self._want(stream, wanted=True)

    def unsubscribe(self, connection: Connection, names: Iterable[str]) -> None:
        """Take streams from a connection."""
        for name in names:
            connection.names.pop(name, None)
            listeners = self._listeners.get(name)
            if listeners is None or connection not in listeners:
                continue
            del listeners[connection]
            if not listeners:
                del self._listeners[name]
                stream = parse(name)
                if stream is not None:
                    self._want(stream, wanted=False)

    def _want(self, stream: Stream, *, wanted: bool) -> None:
        if wanted:
            self.wanted[stream.kind][stream.name] = stream
        else:
            self.wanted[stream.kind].pop(stream.name, None)
        self._sorted.pop(stream.kind, None)
        if self.on_change is not None:
            self.on_change(stream, wanted)

    def streams(self, kind: Kind) -> list[Stream]:
        """Streams of a kind that somebody listens to, in a fixed order."""
        found = self._sorted.get(kind)
        if found is None:
            found = self._sorted[kind] = sorted(self.wanted[kind].values(), key=lambda stream: stream.name)
        return found

    def listens(self, name: str) -> bool:
        """Whether anybody listens to a stream."""
        return name in self._listeners

    def publish(self, name: str, data: bytes, event: str = "") -> int:
        """Send a payload to everybody on a stream: raw or wrapped, each text made once. Returns how many got it."""
        listeners = self._listeners.get(name)
        if listeners is None or (self.mute is not None and self.mute(name, event)):
            return 0
        texts: list[str] = ["", ""]
        sent = 0
        for connection in listeners:
            if event and connection.event_filter and event not in connection.event_filter:
                continue
            text = texts[connection.combined]
            if not text:
                body = data.decode()
                text = texts[connection.combined] = f'{{"stream":"{name}","data":{body}}}' if connection.combined else body
            if self.send(connection, text):
                sent += 1
        return sent

    def send(self, connection: Connection, text: str) -> bool:
        """Queue one frame for one client."""
        if connection.push(text):
            self.frames += 1
            return True
        if connection.overrun:
            self.frames -= len(connection.queue)
            connection.queue.clear()
        return False

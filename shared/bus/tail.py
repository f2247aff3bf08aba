"""Following streams and core subjects without a durable consumer, without gaps or repeats on streams."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import api

from shared.bus.delivery import Window
from shared.bus.feed import Feed
from shared.bus.link import Link, translated
from shared.bus.routes import routes
from shared.contracts.envelope import Meta, Payload, decode
from shared.domain.errors import BusLost, BusUnavailable, ContractViolation

Since = Literal["new", "all", "last_per_subject"] | int
_WINDOW = 256  # messages of one stream that may wait for the reader
_CORE_LIMIT = 2000  # core messages that may wait for the reader; more are dropped
_FORGET_S = 60.0  # after so long without us the server forgets our consumer


class StreamTail:
    """One stream in order, by consumers that live only as long as nothing goes wrong.

    The position is kept here: after any doubt (reconnect, silence, a number missing) a new consumer starts behind the last
    message that was passed on.
    """

    def __init__(self, link: Link, stream: str, filters: list[str], since: Since, put: Callable[["StreamTail", Msg], None]) -> None:
        self._link = link
        self._stream = stream
        self._filters = filters
        self._since = since
        self._put = put
        self._next = 1 if since == "all" else 0  # 0 = nothing passed on yet
        self._born: dt.datetime | None = None  # when the stream was created
        self._expected = 1  # the consumer's own number of the next message
        self._feed = Feed(link, stream, self._begin, self._deliver, Window(_WINDOW, _WINDOW))

    async def open(self) -> None:
        """Begin."""
        await self._feed.open()

    async def close(self) -> None:
        """End, and tell the server that the consumer is not needed."""
        await self._feed.close()
        if self._feed.consumer:
            with contextlib.suppress(BusUnavailable, BusLost), translated("ending a tail"):  # it is forgotten by itself later
                await self._link.js.delete_consumer(self._stream, self._feed.consumer)

    def taken(self) -> None:
        """The reader took a message: there is room for another."""
        self._feed.released()

    async def _begin(self) -> str:
        with translated(f"following {self._stream}", setup=True):
            stream = await self._link.js.stream_info(self._stream)
            if self._born is None and self._since == "new":
                self._next = stream.state.last_seq + 1
            elif self._born not in (None, stream.created):
                self._next = 1  # another stream of this name: all of it is new
            self._born = stream.created
            info = await self._link.js.add_consumer(self._stream, self._config())
        self._expected = 1
        return info.name

    def _config(self) -> api.ConsumerConfig:
        single = len(self._filters) == 1
        return api.ConsumerConfig(
            name=f"tail-{self._link.new_inbox().rpartition('.')[2]}",
            filter_subject=self._filters[0] if single else None,
            filter_subjects=None if single else self._filters,
            ack_policy=api.AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=_FORGET_S,
            **self._start(),
        )

    def _start(self) -> dict[str, Any]:
        if self._next:
            return {"deliver_policy": api.DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": self._next}
        if isinstance(self._since, int):
            moment = dt.datetime.fromtimestamp(self._since / 1000, dt.UTC)
            return {"deliver_policy": api.DeliverPolicy.BY_START_TIME, "opt_start_time": moment}
        return {"deliver_policy": api.DeliverPolicy.LAST_PER_SUBJECT}

    def _deliver(self, msg: Msg) -> None:
        place = msg.metadata
        if place.consumer != self._feed.consumer or place.sequence.stream < self._next:
            self._feed.released()  # of a consumer that was given up, or passed on before
            return
        if place.sequence.consumer != self._expected:
            self._feed.released()
            self._feed.doubt()
            return
        self._expected += 1
        self._next = place.sequence.stream + 1
        self._put(self, msg)


class Tail:
    """Streams and core subjects, merged in the order of arrival."""

    def __init__(self, link: Link, models: Mapping[str, type[Payload]], patterns: Sequence[str], since: Since) -> None:
        self._link = link
        self._models = models
        self._routes = routes(patterns, models)
        self._queue: asyncio.Queue[tuple[StreamTail | None, Msg] | None] = asyncio.Queue()
        self._streams = [StreamTail(link, stream, filters, since, self._stored) for stream, filters in self._routes.streams.items()]
        self._subs: list[Subscription] = []
        self._core_waiting = 0
        self.misfits = 0
        self.dropped = 0

    async def open(self) -> None:
        """Begin to follow.

        Raises:
            BusUnavailable: the server did not answer.
            ConfigError: a stream does not exist.
        """
        self._link.lost.add_done_callback(self._wake)
        for pattern in self._routes.core:
            with translated(f"subscribing to {pattern}"):
                self._subs.append(await self._link.subscribe(pattern, cb=self._core))
        for stream in self._streams:
            await stream.open()

    async def close(self) -> None:
        """End."""
        self._link.lost.remove_done_callback(self._wake)
        for sub in self._subs:
            with contextlib.suppress(BusUnavailable, BusLost), translated("unsubscribing"):
                await sub.unsubscribe()
        for stream in self._streams:
            with contextlib.suppress(BusUnavailable, BusLost):
                await stream.close()

    def __aiter__(self) -> "Tail":
        """Itself."""
        return self

    async def __anext__(self) -> tuple[Payload, Meta]:
        """The next message that fits its contract.

        Raises:
            BusLost: the connection is closed for good.
        """
        while True:
            item = await self._queue.get()
            if item is None:
                raise self._link.lost.result()
            stream, msg = item
            if stream is None:
                self._core_waiting -= 1
            else:
                stream.taken()
            try:
                return decode(msg.data, self._models, subject=msg.subject, sequence=msg.metadata.sequence.stream if stream else 0)
            except ContractViolation:
                self.misfits += 1

    def _stored(self, stream: StreamTail, msg: Msg) -> None:
        self._queue.put_nowait((stream, msg))

    async def _core(self, msg: Msg) -> None:
        if self._core_waiting >= _CORE_LIMIT:
            self.dropped += 1
            return
        self._core_waiting += 1
        self._queue.put_nowait((None, msg))

    def _wake(self, _lost: "asyncio.Future[BusLost]") -> None:
        self._queue.put_nowait(None)

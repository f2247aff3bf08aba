"""Durable pull consumers on NATS: create or update, deliveries with their verdicts, what to do when one disappears."""

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import NotFoundError

from shared.bus.delivery import Delivery, Sink, Window
from shared.bus.feed import Feed
from shared.bus.link import Link, translated
from shared.bus.port import Consumption
from shared.domain.errors import ConfigError

_LOG = logging.getLogger("mraster.bus")
_MAX_ACK_PENDING = 1000
_START = {
    "all": api.DeliverPolicy.ALL,
    "new": api.DeliverPolicy.NEW,
    "last_per_subject": api.DeliverPolicy.LAST_PER_SUBJECT,
}


class NatsDelivery:
    """One delivery, with its verdicts."""

    def __init__(self, msg: Msg, ack_s: float) -> None:
        place = msg.metadata
        self._msg = msg
        self._ack_s = ack_s
        self.subject = msg.subject
        self.data = msg.data
        self.stream = place.stream
        self.sequence = place.sequence.stream
        self.attempt = place.num_delivered

    @property
    def message_id(self) -> str:
        """`Nats-Msg-Id`, or empty."""
        return str((self._msg.headers or {}).get(api.Header.MSG_ID, ""))

    async def ack(self, *, confirm: bool) -> None:
        """Done."""
        with translated("acknowledging"):
            if confirm:
                await self._msg.ack_sync(timeout=self._ack_s)
            else:
                await self._msg.ack()

    async def nak(self, delay_s: float) -> None:
        """Give it back."""
        with translated("giving back"):
            await self._msg.nak(delay=delay_s or None)

    async def term(self) -> None:
        """Never again."""
        with translated("ending"):
            await self._msg.term()

    async def keep(self) -> None:
        """Still at work."""
        with translated("keeping alive"):
            await self._msg.in_progress()


class NatsSource:
    """The durable of one consumption."""

    def __init__(self, link: Link, consumption: Consumption, sink: Sink, window: Window) -> None:
        if consumption.topic.stream is None:
            raise ConfigError(f"{consumption.durable}: {consumption.topic.name} has no stream, expected one that has; use `tail` for it")
        self._link = link
        self._consumption = consumption
        self._stream = consumption.topic.stream.name
        self._sink = sink
        self._born: dt.datetime | None = None  # when the stream was created
        self._seen = 0  # the highest sequence that this durable has passed, as far as known here
        self._feed = Feed(link, self._stream, self._ensure, self._deliver, window)

    async def open(self) -> None:
        """Create or update the durable, begin to pull."""
        await self._feed.open()

    def release(self, waited_s: float | None) -> None:
        """A message is settled."""
        self._feed.released(waited_s)

    def widen(self) -> None:
        """Ask for one more if the window is full."""
        self._feed.widen()

    async def close(self) -> None:
        """Stop pulling."""
        await self._feed.close()

    async def waiting(self) -> int:
        """What the server has not delivered, plus what is delivered and not settled."""
        with translated(f"asking for the lag of {self._consumption.durable}"):
            info = await self._link.js.consumer_info(self._stream, self._consumption.durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    def _deliver(self, msg: Msg) -> None:
        delivery: Delivery = NatsDelivery(msg, self._link.timing.ack_s)
        self._seen = max(self._seen, delivery.sequence)
        self._sink(delivery)

    async def _ensure(self) -> str:
        """Create the durable or bring it up to date.

        Where it starts cannot be changed on an existing one. One that disappeared while we worked goes on behind what was seen,
        instead of repeating the stream.
        """
        name = self._consumption.durable
        with translated(f"consumer {name} of {self._stream}", setup=True):
            born = (await self._link.js.stream_info(self._stream)).created
            if born != self._born:
                self._born, self._seen = born, 0  # another stream of this name: its numbers begin anew
            try:
                info = await self._link.js.consumer_info(self._stream, name)
                start = _kept(info.config)
                self._seen = max(self._seen, info.ack_floor.stream_seq if info.ack_floor else 0)
            except NotFoundError:
                start = self._first()
            await self._link.js.add_consumer(self._stream, self._config(start))
        return name

    def _first(self) -> dict[str, Any]:
        """Where a durable that does not exist starts."""
        if self._seen:
            _LOG.warning("consumer %s of %s was gone: made again behind %d", self._consumption.durable, self._stream, self._seen)
            return {"deliver_policy": api.DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": self._seen + 1}
        return {"deliver_policy": _START[self._consumption.start]}

    def _config(self, start: Mapping[str, Any]) -> api.ConsumerConfig:
        consumption = self._consumption
        return api.ConsumerConfig(
            name=consumption.durable,
            durable_name=consumption.durable,
            filter_subject=consumption.topic.pattern,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=consumption.ack_wait_s,
            max_deliver=-1,  # the server would strand what reaches its limit; attempts are counted here
            max_ack_pending=_MAX_ACK_PENDING,
            **start,
        )


def _kept(config: api.ConsumerConfig) -> dict[str, Any]:
    """Where an existing durable starts; it cannot be changed."""
    return {
        "deliver_policy": config.deliver_policy,
        "opt_start_seq": config.opt_start_seq,
        "opt_start_time": config.opt_start_time,
    }

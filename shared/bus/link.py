"""The connection to NATS: nats-py's client, with the places where it is not safe enough for orders set right.

- Nothing is buffered while disconnected, and what was queued at the moment of the break is thrown away: a message whose
  publisher was told "not confirmed" must not be sent later.
- `flush` writes its PING before what is still queued, so it is no barrier; `barrier` is.
- A server that stands still while bytes wait in the socket cannot hold up closing or reconnecting.
- A timed-out PING whose PONG comes late would end nats-py's read loop; here the future is not cancelled.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from nats import errors
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError

from shared.domain.errors import BusLost, BusUnavailable, ConfigError, ContractViolation, MrasterError

_LOG = logging.getLogger("mraster.bus")
_NOT_NOW = 503
_TOO_BIG = 10054  # JSStreamMessageExceedsMaximumErr


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits towards the server. A dead connection is noticed after `ping_s` * (`pings` + 1)."""

    publish_s: float = 2.0
    request_s: float = 3.0
    ack_s: float = 2.0
    ping_s: float = 5.0
    pings: int = 2
    reconnect_s: float = 0.5
    pull_s: float = 20.0
    heartbeat_s: float = 2.0
    close_s: float = 2.0


def address(url: str) -> str:
    """A NATS URL without its user and password, for messages."""
    parts = urlsplit(url)
    return f"{parts.scheme or 'nats'}://{parts.hostname or '?'}:{parts.port or 4222}"


@contextlib.contextmanager
def translated(what: str, *, setup: bool = False) -> Iterator[None]:
    """Errors of nats-py as errors of this product; `what` was being tried. `setup` makes a refusal fatal.

    Raises:
        BusLost: the connection is closed for good.
        ConfigError: (setup) the server understood and does not want it.
        ContractViolation: the message is larger than the server takes.
        BusUnavailable: everything else.
    """
    try:
        yield
    except APIError as error:
        if setup and error.code not in (None, _NOT_NOW):
            raise ConfigError(f"{what}: the server refuses it: {error.description} (error {error.err_code})") from error
        raise _meaning(what, error) from error
    except (errors.Error, TimeoutError, OSError) as error:
        raise _meaning(what, error) from error


def _meaning(what: str, error: Exception) -> MrasterError:
    if isinstance(error, errors.ConnectionClosedError):
        return BusLost(f"{what}: the connection to NATS is closed for good")
    if isinstance(error, errors.MaxPayloadError):
        return ContractViolation(f"{what}: the message is larger than the server's max_payload")
    if isinstance(error, APIError) and error.err_code == _TOO_BIG:
        return ContractViolation(f"{what}: {error.description}")
    return BusUnavailable(f"{what}: {_reason(error)}")


def _reason(error: Exception) -> str:
    match error:
        case errors.OutboundBufferLimitError():
            return "not connected to NATS at the moment"
        case TimeoutError():
            return "no answer from NATS in time"
        case APIError(err_code=int(code), description=text):
            return f"{text} (error {code})"
        case errors.NoRespondersError() | JetStreamError():
            return "nobody takes it: expected a server with JetStream (nats-server -js) and the streams provisioned"
    return f"{type(error).__name__} {error}"


class Link(Client):
    """One connection that reconnects for ever; `lost` is set when it is closed for good without our wish."""

    def __init__(self, url: str, name: str, timing: Timing, on_disconnect: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.address = address(url)
        self.timing = timing
        self.last_trouble = ""
        self.lost: asyncio.Future[BusLost] = asyncio.get_running_loop().create_future()
        self.on_reconnect: set[Callable[[], None]] = set()
        self._url = url
        self._label = name
        self._on_disconnect = on_disconnect
        self._ours = False
        self._context: JetStreamContext | None = None

    @property
    def js(self) -> JetStreamContext:
        """JetStream on this connection."""
        if self._context is None:
            self._context = self.jetstream(timeout=self.timing.request_s)
        return self._context

    async def open(self, deadline_s: float) -> None:
        """Connect, trying again until the deadline.

        Raises:
            BusUnavailable: nothing answered, or it refused us, with what to do.
        """
        options: dict[str, Any] = {
            "name": self._label,
            "inbox_prefix": f"_INBOX_{self._label.partition('/')[0]}",
            "pending_size": 0,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": self.timing.reconnect_s,
            "connect_timeout": 3,
            "ping_interval": self.timing.ping_s,
            "max_outstanding_pings": self.timing.pings,
            "error_cb": self._note,
            "disconnected_cb": self._disconnected,
            "reconnected_cb": self._reconnected,
            "closed_cb": self._closed,
        }
        try:
            async with asyncio.timeout(deadline_s):
                await self.connect(self._url, **options)
        except asyncio.CancelledError:
            await self.shut()
            raise
        except (TimeoutError, errors.Error, OSError) as error:
            await self.shut()
            reason = self.last_trouble or str(error) or "no answer"
            raise BusUnavailable(
                f"expected a NATS server at {self.address} within {deadline_s:g} s, got: {reason}. "
                "Start nats-server (with JetStream: -js) there, or correct the NATS address and password in the settings"
            ) from error

    async def shut(self) -> None:
        """Close on our own wish. What is unsent is thrown away: `barrier` comes before."""
        self._ours = True
        self._cut()
        with contextlib.suppress(errors.Error, OSError, AssertionError):
            await self.close()

    async def round_trip(self, timeout_s: float) -> None:
        """PING to PONG.

        Raises:
            BusUnavailable: no answer in time.
        """
        with translated("ping"):
            if self.is_closed:
                raise errors.ConnectionClosedError
            if not self.is_connected:
                raise errors.OutboundBufferLimitError
            pong: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            await self._send_ping(pong)
            done, _ = await asyncio.wait([pong], timeout=timeout_s)
            if not done:
                raise TimeoutError

    async def barrier(self, timeout_s: float) -> None:
        """Everything queued before has reached the server when this returns."""
        await asyncio.sleep(0)  # lets the flusher write first
        await asyncio.sleep(0)
        await self.round_trip(timeout_s)

    async def end_delivery(self, sub: Subscription) -> None:
        """No more messages for a subscription; those on their way still reach its callback before this returns."""
        with translated("unsubscribe"):
            if self.is_connected:
                await self._send_unsubscribe(sub._id)  # noqa: SLF001 - `unsubscribe` would drop what is on its way
                await self.barrier(self.timing.close_s)
                async with asyncio.timeout(self.timing.close_s):
                    await sub.drain()  # type: ignore[no-untyped-call]
            elif not self.is_closed:
                await sub.unsubscribe()

    async def _note(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if text != self.last_trouble:
            _LOG.warning("nats %s: %s", self.address, text)
        self.last_trouble = text

    async def _attempt_reconnect(self) -> None:
        self._cut()
        await super()._attempt_reconnect()

    def _cut(self) -> None:
        """Throw away what is unsent, in the queue and in the socket.

        A graceful close would wait until a server that stands still takes it, and a reconnect would wait for that close.
        """
        self._pending = []
        self._pending_data_size = 0
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    async def _disconnected(self) -> None:
        if self._on_disconnect is not None and not self._ours:
            self._on_disconnect()

    async def _reconnected(self) -> None:
        for listener in list(self.on_reconnect):
            listener()

    async def _closed(self) -> None:
        if not self._ours and not self.lost.done():
            reason = self.last_trouble or str(self.last_error or "no reason given")
            self.lost.set_result(BusLost(f"the connection to NATS at {self.address} is closed for good: {reason}"))

"""Market and user streams."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from shared.exchange.clock import VenueClock
from shared.exchange.events import UserEvent
from shared.exchange.market import MarketEvent
from shared.exchange.venues.shape import VenuePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """Timings of a stream, in seconds of our time."""

    ping_s: float = 20.0
    silent_s: float = 60.0
    ack_s: float = 10.0
    open_s: float = 10.0
    backoff_first_s: float = 0.5
    backoff_max_s: float = 60.0
    renew_key_s: float = 1800.0
    user_agent: str = "mraster"
    proxy: str | None = None


class ListenKeys(Protocol):
    """What the user stream needs of `PrivateClient`."""

    async def create_listen_key(self) -> str:
        """A key that is valid for 60 minutes."""
        ...

    async def keepalive_listen_key(self) -> None:
        """Renew it."""
        ...


class MarketStream:
    """Public streams by name, for example "btcusdt@kline_5m" or "!bookTicker".

    `on_resync(streams)` is awaited after each connection has subscribed, before its next event is handled.
    """

    frames_received: int
    frames_handled: int

    def __init__(
        self,
        policy: VenuePolicy,
        clock: VenueClock,
        streams: Iterable[str],
        on_event: Callable[[MarketEvent], Awaitable[None]],
        *,
        on_resync: Callable[[frozenset[str]], Awaitable[None]] | None = None,
        options: StreamOptions | None = None,
    ) -> None:
        raise NotImplementedError

    def set_streams(self, streams: Iterable[str]) -> None:
        """Change what is subscribed, while running or before."""
        raise NotImplementedError

    async def run(self) -> None:
        """Deliver events until cancelled; an error of `on_event` or `on_resync` ends it."""
        raise NotImplementedError


class UserStream:
    """The private stream. `on_resync()` is awaited after each (re)connect, before the next event is handled."""

    frames_received: int
    frames_handled: int

    def __init__(
        self,
        private: ListenKeys,
        policy: VenuePolicy,
        clock: VenueClock,
        on_event: Callable[[UserEvent], Awaitable[None]],
        on_resync: Callable[[], Awaitable[None]],
        *,
        options: StreamOptions | None = None,
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Deliver events until cancelled."""
        raise NotImplementedError

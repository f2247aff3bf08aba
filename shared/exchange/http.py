"""One way to ask the venue something."""

from dataclasses import dataclass

import httpx

from shared.exchange.clock import VenueClock
from shared.exchange.signing import Signer
from shared.exchange.venues.shape import VenuePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Settings of the HTTP client."""

    retries: int = 2
    backoff_s: float = 0.6
    timeout_s: float = 20.0
    recv_window_ms: int = 5000
    user_agent: str = "mraster"
    proxy: str | None = None
    transport: httpx.AsyncBaseTransport | None = None


class VenueHttp:
    """The connection pool of one venue."""

    def __init__(self, policy: VenuePolicy, clock: VenueClock, signer: Signer | None = None, options: HttpOptions | None = None) -> None:
        self.policy = policy
        self.clock = clock

    async def aclose(self) -> None:
        """Close all connections."""

    async def sync_clock(self) -> None:
        """Bring the clock together with the venue's."""
        raise NotImplementedError

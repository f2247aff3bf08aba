"""The connection of one service to the venue that the settings name: the real one, or the paper venue."""

from dataclasses import dataclass

from shared.config.settings import Settings
from shared.domain.errors import ConfigError
from shared.exchange.clock import VenueClock
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.public import PublicClient
from shared.exchange.signing import Eip712Signer, HmacSigner, Signer
from shared.exchange.stream import StreamOptions
from shared.exchange.venues.policy import policy_for
from shared.exchange.venues.shape import Signing, VenuePolicy


@dataclass(frozen=True, slots=True)
class Venue:
    """Policy, clock and HTTP client of one venue; market data needs no credentials."""

    policy: VenuePolicy
    clock: VenueClock
    http: VenueHttp
    public: PublicClient
    streams: StreamOptions
    paper: bool


def open_venue(settings: Settings, user_agent: str, *, signed: bool) -> Venue:
    """The venue of the settings; `signed` for services that read the account or place orders.

    Raises:
        ConfigError: live trading without credentials.
    """
    core, paper = settings.core, settings.paper
    base = str(paper.base if core.paper else core.exchange_base)
    ws_base = str(paper.ws_base if core.paper else core.ws_base) or None
    dialect = None if core.venue_dialect.value == "auto" else core.venue_dialect.value
    policy = policy_for(base, dialect, ws_base=ws_base)
    clock = VenueClock()
    options = HttpOptions(
        retries=core.http_retries,
        backoff_s=core.http_backoff_s,
        timeout_s=core.http_timeout_s,
        recv_window_ms=core.recv_window_ms,
        user_agent=user_agent,
    )
    http = VenueHttp(policy, clock, _signer(settings, policy) if signed else None, options)
    public = PublicClient(http, policy, clock)
    return Venue(policy, clock, http, public, StreamOptions(user_agent=user_agent), paper=core.paper)


def _signer(settings: Settings, policy: VenuePolicy) -> Signer:
    """The signer for the venue's way of authentication."""
    core, paper = settings.core, settings.paper
    key = (paper.api_key if core.paper else core.api_key).get_secret_value()
    secret = (paper.api_secret if core.paper else core.api_secret).get_secret_value()
    if not key or not secret:
        raise ConfigError(
            "the venue's API key and secret are not set: expected both (docs/configuration.md, group Venue), or paper trading"
        )
    if policy.signing is Signing.EIP712:
        return Eip712Signer(secret, user=core.user_address or None, chain_id=policy.chain_id)
    return HmacSigner(key, secret)

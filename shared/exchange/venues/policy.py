"""Choosing the policy of a venue by its address."""

import re
from urllib.parse import urlsplit

from shared.domain.errors import ConfigError
from shared.exchange.venues.aster import aster
from shared.exchange.venues.binance import binance
from shared.exchange.venues.shape import (
    Conditional,
    Dialect,
    Endpoint,
    LeverageSource,
    Limits,
    PositionShape,
    Signing,
    StreamLimits,
    VenuePolicy,
    Weight,
    WsLayout,
    depth_weight,
    klines_weight,
)

__all__ = [
    "Conditional",
    "Dialect",
    "Endpoint",
    "LeverageSource",
    "Limits",
    "PositionShape",
    "Signing",
    "StreamLimits",
    "VenuePolicy",
    "Weight",
    "WsLayout",
    "depth_weight",
    "klines_weight",
    "policy_for",
    "stream_base",
]

_BINANCE_HOSTS = ("binance.com", "binancefuture.com")
_ASTER_HOSTS = ("asterdex.com", "asterdex-testnet.com")


def policy_for(base_url: str, dialect: Dialect | str | None = None, *, ws_base: str | None = None) -> VenuePolicy:
    """The policy for a REST address such as "https://fapi.binance.com" or "http://127.0.0.1:8080" (the paper venue).

    Without a dialect the host decides: Aster's hosts speak V3, everything else Binance. Only Binance's own hosts get the
    routed stream paths. `ws_base` overrides the derived stream address.

    Raises:
        ConfigError: the address is not an http(s) URL, or the dialect is unknown.
    """
    base = base_url.rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"venue address {base_url!r}: expected an http:// or https:// URL with a host")
    streams = ws_base.rstrip("/") if ws_base else stream_base(base)
    chosen = _dialect(dialect, parts.hostname)
    if chosen is Dialect.BINANCE:
        layout = WsLayout.ROUTED if parts.hostname.endswith(_BINANCE_HOSTS) else WsLayout.FLAT
        return binance(base, streams, layout)
    return aster(base, streams, legacy=chosen is Dialect.ASTER_V1)


def stream_base(base_url: str) -> str:
    """The WebSocket address that belongs to a REST address: fapi becomes fstream, a plain host stays as it is."""
    parts = urlsplit(base_url)
    host = parts.netloc
    if host == "testnet.binancefuture.com":
        host = "fstream.binancefuture.com"
    host = re.sub(r"(^|-)fapi\d*\.", r"\1fstream.", host)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{host}"


def _dialect(dialect: Dialect | str | None, host: str) -> Dialect:
    """The dialect that was named, or the one of the host."""
    if dialect:
        try:
            return Dialect(dialect)
        except ValueError:
            raise ConfigError(f"unknown venue dialect {dialect!r}: expected one of {', '.join(Dialect)}") from None
    return Dialect.ASTER if host.endswith(_ASTER_HOSTS) else Dialect.BINANCE

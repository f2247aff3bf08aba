"""Aster: V3 with an agent wallet's signature, or V1 with an HMAC key; conditional orders among the ordinary ones."""

from collections.abc import Mapping
from decimal import Decimal

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
)

MAINNET_CHAIN_ID = 1666
TESTNET_CHAIN_ID = 714

_MISSING = {Endpoint.SYMBOL_CONFIG}
_RENAMED_V1 = {Endpoint.POSITION_RISK: "/fapi/v2/positionRisk", Endpoint.ACCOUNT: "/fapi/v4/account"}
_RENAMED_V3 = {Endpoint.ACCOUNT: "/fapi/v3/accountWithJoinMargin"}

WEIGHTS = {
    Endpoint.TICKER_24H: Weight(1, 40),
    Endpoint.BOOK_TICKER: Weight(1, 2),
    Endpoint.OPEN_ORDERS: Weight(1, 40),
    Endpoint.POSITION_RISK: Weight(5, 5),
    Endpoint.ACCOUNT: Weight(5, 5),
    Endpoint.USER_TRADES: Weight(5, 5),
    Endpoint.INCOME: Weight(30, 30),
    Endpoint.POSITION_MODE: Weight(30, 30),
    Endpoint.COMMISSION_RATE: Weight(20, 20),
}
"""IP weights that are not 1."""


def _paths(version: str, renamed: Mapping[Endpoint, str]) -> dict[Endpoint, str]:
    """Paths of one API generation; algo paths are there in case the venue moves conditional orders as Binance did."""
    return {endpoint: renamed.get(endpoint, f"/fapi/{version}/{endpoint}") for endpoint in Endpoint if endpoint not in _MISSING}


PATHS_V1 = _paths("v1", _RENAMED_V1)
PATHS_V3 = _paths("v3", _RENAMED_V3)


def aster(rest_base: str, ws_base: str, *, legacy: bool) -> VenuePolicy:
    """The policy of Aster; `legacy` is the older API whose keys can no longer be created.

    The taker rate is what recorded fills paid; the makers' sources conflict, so the dearer published one is the default
    until `commissionRate` has been read.
    """
    return VenuePolicy(
        dialect=Dialect.ASTER_V1 if legacy else Dialect.ASTER,
        rest_base=rest_base,
        ws_base=ws_base,
        ws_layout=WsLayout.FLAT,
        signing=Signing.HMAC if legacy else Signing.EIP712,
        chain_id=TESTNET_CHAIN_ID if "testnet" in rest_base else MAINNET_CHAIN_ID,
        conditional=Conditional.ORDER,
        position_shape=PositionShape.FULL,
        leverage_source=LeverageSource.POSITION_RISK,
        body_params=not legacy,
        listen_key_signed=not legacy,
        every_503_unknown=True,
        activation_param="activationPrice",
        order_weight=1,
        limits=Limits(weight_per_minute=2400, orders_per_minute=1200, orders_per_10s=None),
        stream_limits=StreamLimits(streams=200, messages_per_s=5, names_per_message=200, lifetime_s=23.8 * 3600),
        maker_default=Decimal("0.0002"),
        taker_default=Decimal("0.0004"),
        paths=PATHS_V1 if legacy else PATHS_V3,
        weights=WEIGHTS,
    )

"""Binance USD-M: versions mixed by endpoint, conditional orders on the algo service, routed streams."""

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

_V3 = {Endpoint.POSITION_RISK, Endpoint.ACCOUNT}

PATHS = {endpoint: f"/fapi/{'v3' if endpoint in _V3 else 'v1'}/{endpoint}" for endpoint in Endpoint}

WEIGHTS = {
    Endpoint.TICKER_24H: Weight(1, 40),
    Endpoint.BOOK_TICKER: Weight(2, 5),
    Endpoint.PREMIUM_INDEX: Weight(1, 10),
    Endpoint.OPEN_ORDERS: Weight(1, 40),
    Endpoint.OPEN_ALGO_ORDERS: Weight(1, 40),
    Endpoint.POSITION_RISK: Weight(5, 5),
    Endpoint.ACCOUNT: Weight(5, 5),
    Endpoint.SYMBOL_CONFIG: Weight(5, 5),
    Endpoint.USER_TRADES: Weight(5, 5),
    Endpoint.INCOME: Weight(30, 30),
    Endpoint.POSITION_MODE: Weight(30, 30),
    Endpoint.COMMISSION_RATE: Weight(20, 20),
}
"""IP weights that are not 1. Changing the position mode costs 1, reading it 30; the larger one is counted for both."""


def binance(rest_base: str, ws_base: str, layout: WsLayout) -> VenuePolicy:
    """The policy of a venue that speaks Binance's dialect; the paper venue is one of them, with the flat layout."""
    return VenuePolicy(
        dialect=Dialect.BINANCE,
        rest_base=rest_base,
        ws_base=ws_base,
        ws_layout=layout,
        signing=Signing.HMAC,
        chain_id=0,
        conditional=Conditional.ALGO,
        position_shape=PositionShape.SLIM,
        leverage_source=LeverageSource.SYMBOL_CONFIG,
        body_params=False,
        listen_key_signed=False,
        every_503_unknown=False,
        activation_param="activatePrice",
        order_weight=0,
        limits=Limits(weight_per_minute=2400, orders_per_minute=1200, orders_per_10s=300),
        stream_limits=StreamLimits(streams=1024, messages_per_s=5, names_per_message=200, lifetime_s=23.8 * 3600),
        maker_default=Decimal("0.0002"),
        taker_default=Decimal("0.0005"),
        paths=PATHS,
        weights=WEIGHTS,
    )

"""The policy of a venue by its address."""

import pytest

from shared.domain.errors import ConfigError
from shared.exchange.venues.policy import (
    Conditional,
    Dialect,
    Endpoint,
    LeverageSource,
    Signing,
    WsLayout,
    depth_weight,
    klines_weight,
    policy_for,
    stream_base,
)


def test_binance():
    policy = policy_for("https://fapi.binance.com/")
    assert (policy.dialect, policy.signing, policy.conditional) == (Dialect.BINANCE, Signing.HMAC, Conditional.ALGO)
    assert policy.path(Endpoint.ORDER) == "/fapi/v1/order"
    assert policy.path(Endpoint.POSITION_RISK) == "/fapi/v3/positionRisk"
    assert policy.path(Endpoint.OPEN_ALGO_ORDERS) == "/fapi/v1/openAlgoOrders"
    assert policy.ws_layout is WsLayout.ROUTED
    assert policy.stream_url(policy.route_of("btcusdt@kline_5m")) == "wss://fstream.binance.com/market/stream"
    assert policy.stream_url(policy.route_of("btcusdt@bookTicker")) == "wss://fstream.binance.com/public/stream"
    assert policy.stream_url(policy.route_of("!bookTicker")) == "wss://fstream.binance.com/public/stream"
    assert policy.route_of("btcusdt@depth20@100ms") == "public"
    assert policy.route_of("!markPrice@arr@1s") == "market"
    assert policy.user_stream_url("KEY") == "wss://fstream.binance.com/private/ws?listenKey=KEY"


def test_aster_v3():
    policy = policy_for("https://fapi.asterdex.com")
    assert (policy.dialect, policy.signing, policy.conditional) == (Dialect.ASTER, Signing.EIP712, Conditional.ORDER)
    assert policy.path(Endpoint.ACCOUNT) == "/fapi/v3/accountWithJoinMargin"
    assert policy.path(Endpoint.KLINES) == "/fapi/v3/klines"
    assert policy.leverage_source is LeverageSource.POSITION_RISK
    assert policy.chain_id == 1666
    assert policy.every_503_unknown
    assert policy.body_params
    assert policy.stream_url(policy.route_of("btcusdt@bookTicker")) == "wss://fstream.asterdex.com/stream"
    assert policy.user_stream_url("KEY") == "wss://fstream.asterdex.com/ws/KEY"
    assert policy_for("https://fapi.asterdex-testnet.com").chain_id == 714


def test_aster_v1_keys_still_work():
    policy = policy_for("https://fapi.asterdex.com", "aster-v1")
    assert (policy.signing, policy.listen_key_signed, policy.body_params) == (Signing.HMAC, False, False)
    assert policy.path(Endpoint.ACCOUNT) == "/fapi/v4/account"
    assert policy.path(Endpoint.POSITION_RISK) == "/fapi/v2/positionRisk"


def test_paper_venue_speaks_binance_without_routes():
    policy = policy_for("http://127.0.0.1:8099", "binance")
    assert (policy.dialect, policy.ws_layout) == (Dialect.BINANCE, WsLayout.FLAT)
    assert policy.stream_url(policy.route_of("btcusdt@kline_5m")) == "ws://127.0.0.1:8099/stream"
    assert policy.user_stream_url("KEY") == "ws://127.0.0.1:8099/ws/KEY"


@pytest.mark.parametrize(
    ("rest", "streams"),
    [
        ("https://demo-fapi.binance.com", "wss://demo-fstream.binance.com"),
        ("https://testnet.binancefuture.com", "wss://fstream.binancefuture.com"),
        ("https://fapi3.asterdex.com", "wss://fstream.asterdex.com"),
        ("http://localhost:9", "ws://localhost:9"),
    ],
)
def test_stream_address(rest: str, streams: str):
    assert stream_base(rest) == streams


def test_stream_address_can_be_given():
    assert policy_for("https://fapi.binance.com", ws_base="wss://elsewhere/").ws_base == "wss://elsewhere"


@pytest.mark.parametrize(("base", "dialect"), [("fapi.binance.com", None), ("ftp://x", None), ("http://", None), ("http://x", "kraken")])
def test_nonsense_is_a_configuration_error(base: str, dialect: str | None):
    with pytest.raises(ConfigError, match="expected"):
        policy_for(base, dialect)


def test_weights_by_limit_have_the_measured_edges():
    assert [klines_weight(n) for n in (1, 100, 101, 500, 501, 1000, 1001, 1500)] == [1, 1, 2, 2, 5, 5, 10, 10]
    assert [depth_weight(n) for n in (5, 50, 100, 500, 1000)] == [2, 2, 5, 10, 20]


def test_weights_of_all_symbols_at_once():
    binance, aster = policy_for("https://fapi.binance.com"), policy_for("https://fapi.asterdex.com")
    assert (binance.weight(Endpoint.TICKER_24H, every=True), binance.weight(Endpoint.PREMIUM_INDEX, every=True)) == (40, 10)
    assert (aster.weight(Endpoint.BOOK_TICKER, every=True), aster.weight(Endpoint.PREMIUM_INDEX, every=True)) == (2, 1)
    assert (binance.order_weight, aster.order_weight) == (0, 1)

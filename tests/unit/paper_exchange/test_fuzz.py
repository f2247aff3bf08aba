"""Whatever is sent to any endpoint, the answer is the venue's own: never a server error."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.paper_exchange.logic.spec import Dialect
from tests.unit.paper_exchange.asgi import Direct

TURNS = count()
NAMES = [
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "stopPrice",
    "triggerPrice",
    "timeInForce",
    "reduceOnly",
    "closePosition",
    "positionSide",
    "newClientOrderId",
    "clientAlgoId",
    "orderId",
    "origClientOrderId",
    "algoId",
    "algoType",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "interval",
    "leverage",
    "marginType",
    "dualSidePosition",
    "multiAssetsMargin",
    "amount",
    "batchOrders",
    "orderIdList",
    "origClientOrderIdList",
    "countdownTime",
    "recvWindow",
    "incomeType",
    "callbackRate",
    "activatePrice",
    "activationPrice",
    "workingType",
    "priceProtect",
    "priceMatch",
    "goodTillDate",
    "newOrderRespType",
    "pair",
    "key",
    "secret",
    "balance",
    "what",
    "speed",
    "time",
    "until",
]
USUAL = {
    "symbol": ["BTCUSDT", "ETHUSDT", "solusdt", "NOPE"],
    "side": ["BUY", "SELL"],
    "type": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET", "1", "2"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC"],
    "interval": ["1m", "5m", "1d", "1w", "1M", "1s"],
    "algoType": ["CONDITIONAL"],
    "positionSide": ["BOTH", "LONG", "SHORT"],
    "marginType": ["ISOLATED", "CROSSED"],
    "priceMatch": ["OPPONENT", "QUEUE_5", "NONE", "X"],
    "batchOrders": ['[{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":0.01}]', "[1]", "{}", "[", '[{"symbol":null}]', "[[[]]]"],
    "orderIdList": ["[1,2]", "[null]", '["x",{}]', "[]"],
}
ODD = st.one_of(
    st.text(max_size=20),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["", "0", "1", "true", "false", "-1", "0.001", "100", "1e400", "NaN", "9" * 400, "\x00", "币安人生USDT", "0x10", "1_000", "٣"]
    ),
)
PARAMS = st.dictionaries(st.sampled_from(NAMES), ODD, max_size=7).flatmap(
    lambda odd: st.tuples(
        st.just(odd), st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in USUAL.items()})
    ).map(lambda pair: {**pair[0], **pair[1]})
)


@pytest.fixture(scope="module", params=[Dialect.BINANCE, Dialect.ASTER])
def venue(request: pytest.FixtureRequest) -> Iterator[Direct]:
    running = Direct(dialect=request.param, faults=True)
    yield running
    running.close()


def endpoints(venue: Direct) -> list[tuple[str, str]]:
    return sorted(key for key in venue.app.routes if not key[1].startswith(("/paper/v1/faults", "/paper/v1/seek")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(params=PARAMS, step=st.booleans())
def test_any_parameters_at_every_endpoint(venue: Direct, params: dict[str, str], *, step: bool) -> None:
    turn = next(TURNS)
    for number, (method, path) in enumerate(endpoints(venue)):
        if by_wallet(venue, method, path) and (number + turn) % 10:
            continue  # signatures of wallets are slow: these take turns
        status, body = signed_or_text(venue, method, path, params)
        assert status in {200, 400, 401, 404, 429}, (method, path, params, body)
        if status != 200:
            assert isinstance(body["code"], int)
            assert isinstance(body["msg"], str)
    if step:
        venue.call("POST", "/paper/v1/step")


def test_no_route_is_left_out(venue: Direct) -> None:
    versions = {path.split("/")[2] for _, path in endpoints(venue) if path.startswith("/fapi/")}
    assert versions >= {"v1", "v2", "v3"}
    assert len(endpoints(venue)) == len(venue.app.routes) - 5


def by_wallet(venue: Direct, method: str, path: str) -> bool:
    """Whether a route takes the signature of a wallet."""
    aster = venue.exchange.desk.dialect is Dialect.ASTER
    return aster and path.startswith("/fapi/v3/") and venue.app.routes[(method, path)].security != "none"


def signed_or_text(venue: Direct, method: str, path: str, params: dict[str, str]) -> tuple[int, Any]:
    if path == "/paper/v1/export":
        status, body, _ = venue.call(method, path, headers={"X-MBX-APIKEY": "paper-key"})
        return status, {} if status == 200 else orjson.loads(body)
    try:
        if by_wallet(venue, method, path):
            return venue.wallet_signed(method, path, **params)
        return venue.signed(method, path, **params)
    except UnicodeEncodeError:
        return 200, {}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes(venue: Direct, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(endpoints(venue)))
    query, body = data.draw(st.binary(max_size=60)), data.draw(st.binary(max_size=60))
    key = data.draw(st.sampled_from(["paper-key", "", "x y", "é"]))
    status, answer, _ = venue.call(method, path, query, body, {"X-MBX-APIKEY": key})
    assert status in {200, 400, 401, 404}, (method, path, query, body, answer)
    if path != "/paper/v1/export":
        orjson.loads(answer)


@given(
    body=st.one_of(
        st.binary(max_size=40),
        st.recursive(
            st.none() | st.text(max_size=5) | st.integers() | st.floats(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["kind", "times", "probability", "seconds", "method"]), inner, max_size=3)
            ),
            max_leaves=5,
        ).map(lambda value: orjson.dumps(value, default=str) if not _wide(value) else b"1"),
    )
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_fault_body(venue: Direct, body: bytes) -> None:
    status, answer, _ = venue.call("POST", "/paper/v1/faults", b"", body, {"X-MBX-APIKEY": "paper-key"})
    venue.call("DELETE", "/paper/v1/faults", b"", b"", {"X-MBX-APIKEY": "paper-key"})
    assert status in {200, 400}, answer


def _wide(value: Any) -> bool:
    """Integers beyond 64 bits, which JSON in this process does not write."""
    if isinstance(value, dict):
        return any(map(_wide, value.values()))
    if isinstance(value, list):
        return any(map(_wide, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def test_unknown_paths_and_methods(venue: Direct) -> None:
    for method, path in (
        ("GET", "/"),
        ("PATCH", "/fapi/v1/order"),
        ("POST", "/fapi/v1/time"),
        ("GET", "/fapi/v9/order"),
        ("DELETE", "/paper/v1/status"),
    ):
        status, body, headers = venue.call(method, path)
        assert (status, orjson.loads(body)["code"]) == (404, -5000)
        assert headers["x-mraster-speed"] == "0"

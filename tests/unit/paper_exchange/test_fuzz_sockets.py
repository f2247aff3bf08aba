"""Whatever is sent over a WebSocket, it is answered or the client is sent away: never an error of the server's own."""

import hashlib
import hmac
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.paper_exchange.logic.spec import Dialect
from services.paper_exchange.ws_api import METHODS
from tests.unit.paper_exchange.asgi import Direct
from tests.unit.paper_exchange.test_fuzz import PARAMS

PATHS = ["/ws", "/stream", "/public/ws", "/market/stream", "/private/ws", "/ws/btcusdt@kline_1m", "/ws/x", "/stream/", "/ws/ws/ws"]
NAMES = ["btcusdt@kline_1m", "!ticker@arr", "BTCUSDT@depth", "btcusdt@depth5@100ms", "", "@", "!", "btcusdt@", "x" * 300, "\x00", "é"]
COMMANDS = ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "subscribe", "", "NOPE"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "method", "params", "x"]), inner, max_size=4),
    max_leaves=8,
)
COMMAND = st.fixed_dictionaries(
    {"method": st.sampled_from(COMMANDS)},
    optional={"params": st.lists(st.sampled_from(NAMES) | JSON, max_size=4) | JSON, "id": st.integers(0, 9) | st.text(max_size=4) | JSON},
)
TEXTS = st.lists(
    (JSON | COMMAND).map(lambda value: orjson.dumps(value).decode()) | st.text(max_size=20) | st.binary(max_size=20), min_size=1, max_size=6
)
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module", params=[Dialect.BINANCE, Dialect.ASTER])
def venue(request: pytest.FixtureRequest) -> Iterator[Direct]:
    running = Direct(dialect=request.param)
    yield running
    running.close()


@settings(max_examples=150, deadline=None, suppress_health_check=QUIET)
@given(
    path=st.sampled_from(PATHS), texts=TEXTS, query=st.sampled_from([b"", b"streams=a/btcusdt@ticker", b"listenKey=x&events=A", b"%ff=&&"])
)
def test_any_frames_on_the_streams(venue: Direct, path: str, texts: list[str | bytes], query: bytes) -> None:
    sent = venue.socket(path, texts, query)
    assert sent[0]["type"] == "websocket.accept"
    for message in sent[1:]:
        if message["type"] == "websocket.send":
            orjson.loads(message["text"])
    assert not venue.exchange.hub.connections


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(path=st.text(max_size=20).map(lambda text: f"/{text}"), texts=TEXTS)
def test_any_path(venue: Direct, path: str, texts: list[str | bytes]) -> None:
    sent = venue.socket(path, texts)
    assert sent[0]["type"] in {"websocket.accept", "websocket.close"}


@pytest.fixture
def api() -> Iterator[Direct]:
    running = Direct()
    yield running
    running.close()


def request(venue: Direct, method: str, params: dict[str, Any], *, signed: bool) -> str:
    """A request of the WebSocket API as text, with a good signature or none."""
    options = venue.exchange.options
    if signed:
        params = {**params, "apiKey": options.api_key, "timestamp": venue.wall.now_ms}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = hmac.new(options.api_secret.encode(), payload.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return orjson.dumps({"id": 1, "method": method, "params": params}).decode()


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(params=PARAMS, signed=st.booleans())
def test_any_parameters_of_every_method(api: Direct, caplog: pytest.LogCaptureFixture, params: dict[str, str], *, signed: bool) -> None:
    with caplog.at_level(logging.ERROR):
        answers = api.socket("/ws-fapi/v1", [request(api, method, params, signed=signed) for method in METHODS])[1:]
    assert len(answers) == len(METHODS)
    for method, message in zip(METHODS, answers, strict=True):
        answer = orjson.loads(message["text"])
        assert answer["status"] in {200, 400, 401, 404, 429}, (method, params, answer)
        assert ("result" in answer) == (answer["status"] == 200)
    assert not caplog.records


@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
@given(texts=TEXTS)
def test_any_frames_on_the_api(api: Direct, caplog: pytest.LogCaptureFixture, texts: list[str | bytes]) -> None:
    with caplog.at_level(logging.ERROR):
        answers = api.socket("/ws-fapi/v1", texts)[1:]
    assert len(answers) == len(texts)
    assert {orjson.loads(message["text"])["status"] for message in answers} <= {200, 400, 401}
    assert not caplog.records

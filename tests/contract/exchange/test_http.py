"""Requests over real HTTP: what is sent, and what each failure becomes."""

import asyncio
import logging

import pytest

from shared.domain.errors import (
    ClockSkew,
    ConfigError,
    ContractViolation,
    ExchangeUnavailable,
    OutcomeUnknown,
    Permanent,
    RateLimited,
)
from shared.exchange.call import Call, Priority, Security
from shared.exchange.http import HttpOptions, VenueHttp
from shared.exchange.signing import HmacSigner
from shared.exchange.venues.policy import policy_for
from tests.contract.exchange.conftest import SECRET, Rig, impatient, server_time
from tests.fakes.venue_server import Asked, Reply, VenueServer

READ = Call(method="GET", path="/fapi/v1/klines", params=[("symbol", "ABCUSDT")], weight=5)
ORDER = Call(
    method="POST",
    path="/fapi/v1/order",
    params=[("symbol", "ABCUSDT"), ("newClientOrderId", "mr-x-e")],
    weight=0,
    orders=1,
    security=Security.SIGNED,
    client_id="mr-x-e",
)
UNKNOWN_TEXT = "Unknown error, please check your request or try again later."


async def test_what_is_signed_is_what_arrives(rig: Rig):
    rig.server.on("GET", "/fapi/v1/order", Reply(body={"ok": True}))
    call = Call(
        method="GET", path="/fapi/v1/order", params=[("symbol", "币安人生USDT"), ("ids", '["a b","c+d"]')], security=Security.SIGNED
    )
    assert await rig.http.request(call) == {"ok": True}
    (asked,) = rig.server.asked
    text, _, signature = asked.query.partition("&signature=")
    assert HmacSigner("key", SECRET).signature(text) == signature
    assert asked.params["symbol"] == "币安人生USDT"
    assert asked.params["ids"] == '["a b","c+d"]'
    assert asked.headers["x-mbx-apikey"] == "key"


async def test_connection_is_kept(rig: Rig):
    rig.server.on("GET", READ.path, Reply(body=[]))
    for _ in range(5):
        await rig.http.request(READ)
    assert rig.server.connections == 1


async def test_order_accepted_and_no_answer_is_unknown_and_sent_once(rig: Rig):
    rig.server.on("POST", ORDER.path, Reply(silent=True))
    with pytest.raises(OutcomeUnknown) as caught:
        await rig.http.request(ORDER)
    assert caught.value.client_id == "mr-x-e"
    assert len(rig.server.asked_for("POST", ORDER.path)) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(cut=True),
        Reply(503, {"code": -1000, "msg": UNKNOWN_TEXT}),
        Reply(503, b"<html>503</html>"),
        Reply(500, b"<html>500</html>"),
        Reply(502, b""),
        Reply(504, b""),
        Reply(408, b""),
        Reply(400, {"code": -1007, "msg": "Timeout waiting for response"}),
        Reply(400, {"code": -1006, "msg": "An unexpected response"}),
        Reply(200, b"<html>hello</html>"),
    ],
)
async def test_order_with_an_unclear_answer_is_unknown_and_sent_once(rig: Rig, reply: Reply):
    rig.server.on("POST", ORDER.path, reply)
    with pytest.raises(OutcomeUnknown):
        await rig.http.request(ORDER)
    assert len(rig.server.asked_for("POST", ORDER.path)) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(503, {"code": 0, "msg": "Service Unavailable."}),
        Reply(503, {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}),
        Reply(503, {"code": -1008, "msg": "Request throttled"}),
    ],
)
async def test_order_surely_not_executed_is_unavailable_and_sent_once(rig: Rig, reply: Reply):
    rig.server.on("POST", ORDER.path, reply)
    with pytest.raises(ExchangeUnavailable):
        await rig.http.request(ORDER)
    assert len(rig.server.asked_for("POST", ORDER.path)) == 1


async def test_venue_that_cannot_be_reached_took_nothing():
    async with VenueServer() as server:
        address = server.http_url
    http = VenueHttp(policy_for(address), rig_clock(), HmacSigner("key", SECRET), HttpOptions(connect_timeout_s=0.3))
    with pytest.raises(ExchangeUnavailable, match="cannot connect"):
        await http.request(ORDER)
    await http.aclose()


def rig_clock():
    from shared.exchange.clock import VenueClock  # noqa: PLC0415

    return VenueClock()


@pytest.mark.parametrize(
    "trouble", [Reply(cut=True), Reply(silent=True), Reply(500, b"<html>oops</html>"), Reply(503, b"x"), Reply(502, b"")]
)
async def test_read_is_repeated_with_growing_waits(rig: Rig, trouble: Reply):
    rig.server.on("GET", READ.path, trouble, trouble, Reply(body=[1]))
    assert await rig.http.request(READ) == [1]
    first, second = rig.slept
    assert 0.25 <= first <= 0.5 <= second <= 1.0


async def test_read_gives_up_after_its_retries(rig: Rig):
    rig.server.on("GET", READ.path, Reply(500, b"<html>oops</html>"))
    with pytest.raises(ExchangeUnavailable, match="oops"):
        await rig.http.request(READ)
    assert len(rig.server.asked) == 3


async def test_refused_read_is_not_repeated(rig: Rig):
    rig.server.on("GET", READ.path, Reply(400, {"code": -1120, "msg": "Invalid interval."}))
    with pytest.raises(Permanent, match="Invalid interval") as caught:
        await rig.http.request(READ)
    assert caught.value.code == "malformed_request"
    assert len(rig.server.asked) == 1


async def test_read_with_a_body_that_is_not_json(rig: Rig):
    rig.server.on("GET", READ.path, Reply(200, b"<html>hi</html>"))
    with pytest.raises(ContractViolation):
        await rig.http.request(READ)


async def test_off_timestamp_is_corrected_and_sent_once_more(rig: Rig):
    rig.server.on("POST", ORDER.path, Reply(400, {"code": -1021, "msg": "outside of the recvWindow"}), Reply(body={"orderId": 1}))
    rig.server.on("GET", "/fapi/v1/time", ahead_by(60_000))
    assert await rig.http.request(ORDER) == {"orderId": 1}
    first, second = rig.server.asked_for("POST", ORDER.path)
    assert int(second.params["timestamp"]) - int(first.params["timestamp"]) > 50_000
    assert first.params["recvWindow"] == "5000"


async def test_many_off_timestamps_cost_one_synchronisation(rig: Rig):
    good = iter([False] * 8)
    rig.server.on("POST", ORDER.path, lambda _: Reply(body={"ok": 1}) if next(good, True) else Reply(400, {"code": -1021, "msg": "ahead"}))
    await asyncio.gather(*(rig.http.request(ORDER) for _ in range(8)))
    assert len(rig.server.asked_for("GET", "/fapi/v1/time")) == 2


async def test_clock_that_cannot_be_brought_together_is_fatal(rig: Rig):
    rig.server.on("POST", ORDER.path, Reply(400, {"code": -1021, "msg": "ahead of the server's time"}))
    for _ in range(2):
        with pytest.raises(ExchangeUnavailable):
            await rig.http.request(ORDER)
    with pytest.raises(ClockSkew, match="check this machine's clock"):
        await rig.http.request(ORDER)
    assert len(rig.server.asked_for("POST", ORDER.path)) == 6


async def test_slow_time_leaves_too_much_doubt(rig: Rig):
    impatient(rig, recv_window_ms=0)
    with pytest.raises(ClockSkew, match="check the connection"):
        await rig.http.sync_clock()


async def test_replay_tells_its_speed(rig: Rig):
    rig.server.on("GET", "/fapi/v1/time", Reply(body={"serverTime": 1_760_000_000_000}, headers={"X-MRASTER-SPEED": "0"}))
    await rig.http.sync_clock()
    assert rig.clock.rate == 0
    assert rig.clock.now_ms() == 1_760_000_000_000
    rig.server.on("GET", READ.path, Reply(body=[], headers={"X-MRASTER-SPEED": "600"}))
    await rig.http.request(READ)
    assert rig.clock.rate == 600


async def test_too_much_asked_stops_everybody_for_as_long_as_the_venue_says(rig: Rig):
    rig.server.on("GET", READ.path, Reply(429, {"code": -1003, "msg": "Too many requests"}, {"Retry-After": "7"}), Reply(body=[]))
    impatient(rig, retries=0)
    with pytest.raises(RateLimited) as caught:
        await rig.http.request(READ)
    assert caught.value.retry_after_s == 7
    with pytest.raises(RateLimited, match="the venue asked us to stop"):
        await rig.http.request(ORDER)
    assert rig.server.asked_for("POST", ORDER.path) == []


async def test_read_waits_out_a_short_stop(rig: Rig):
    rig.server.on("GET", READ.path, Reply(429, {"code": -1003, "msg": "Too many"}, {"Retry-After": "7"}), Reply(body=[1]))
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        rig.http.limiter._blocked_until_ms = 0

    rig.http._options = HttpOptions(timeout_s=0.3, sleep=sleep, backoff_s=0.0)
    assert await rig.http.request(READ) == [1]


async def test_ban_is_not_waited_out(rig: Rig):
    rig.server.on("GET", READ.path, Reply(418, b"<html>I'm a teapot</html>", {"Retry-After": "600"}))
    with pytest.raises(RateLimited) as caught:
        await rig.http.request(READ)
    assert caught.value.retry_after_s > 590
    assert len(rig.server.asked) == 1


async def test_reserve_is_kept_for_protection(rig: Rig):
    rig.server.on("GET", READ.path, Reply(body=[], headers={"X-MBX-USED-WEIGHT-1M": "1950"}))
    await rig.http.request(READ)
    impatient(rig, read_wait_s=0)
    with pytest.raises(RateLimited, match="our share"):
        await rig.http.request(READ)
    protect = Call(method="GET", path=READ.path, params=READ.params, weight=5, priority=Priority.PROTECT)
    assert await rig.http.request(protect) == []


async def test_too_many_orders_stop_orders_only(rig: Rig):
    rig.server.on("POST", ORDER.path, Reply(429, {"code": -1015, "msg": "Too many new orders"}))
    rig.server.on("GET", READ.path, Reply(body=[]))
    impatient(rig, order_wait_s=0)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await rig.http.request(ORDER)
    assert len(rig.server.asked_for("POST", ORDER.path)) == 1
    assert await rig.http.request(READ) == []


async def test_no_change_is_success(rig: Rig):
    rig.server.on("POST", "/fapi/v1/marginType", Reply(400, {"code": -4046, "msg": "No need to change margin type."}))
    assert await rig.http.request(Call(method="POST", path="/fapi/v1/marginType", security=Security.SIGNED)) == {}


async def test_nothing_secret_is_logged_or_raised(rig: Rig, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    rig.server.on("POST", ORDER.path, lambda asked: Reply(400, f"<html>{asked.target}</html>".encode()))
    with pytest.raises(Permanent) as caught:
        await rig.http.request(ORDER)
    signature = rig.server.asked[0].params["signature"]
    for text in (str(caught.value), repr(caught.value), caplog.text):
        assert signature not in text
        assert SECRET not in text


async def test_private_request_without_credentials_says_so(rig: Rig):
    http = VenueHttp(rig.policy, rig.clock)
    with pytest.raises(ConfigError, match="needs credentials"):
        await http.request(ORDER)
    await http.aclose()


async def test_clock_is_kept_in_step_until_cancelled(rig: Rig):
    rounds = 0

    async def sleep(_: float) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 2:
            rig.server.on("GET", "/fapi/v1/time", Reply(cut=True))
        if rounds == 4:
            raise asyncio.CancelledError

    rig.http._options = HttpOptions(timeout_s=0.3, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await rig.http.keep_clock()
    assert rig.clock.synced


def ahead_by(ms: int):
    def answer(asked: Asked) -> Reply:
        body = server_time(asked).body
        assert isinstance(body, dict)
        return Reply(body={"serverTime": body["serverTime"] + ms})

    return answer

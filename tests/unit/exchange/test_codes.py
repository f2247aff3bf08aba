"""Every code that the venues document has a reaction, and the reaction becomes the right error."""

import orjson
import pytest

from shared.domain.errors import (
    ExchangeUnavailable,
    MrasterError,
    OrderRejected,
    OutcomeUnknown,
    Permanent,
    RateLimited,
    UnknownInstrument,
)
from shared.exchange.call import Call
from shared.exchange.codes import RULES, Reaction, rule_for
from shared.exchange.verdict import error_for, is_refusal, read_answer

DOCUMENTED = {
    -1000: Reaction.UNKNOWN,
    -1001: Reaction.UNKNOWN,
    -1003: Reaction.WEIGHT_LIMIT,
    -1006: Reaction.UNKNOWN,
    -1007: Reaction.UNKNOWN,
    -1008: Reaction.UNAVAILABLE,
    -1015: Reaction.ORDER_LIMIT,
    -1021: Reaction.RESYNC,
    -5028: Reaction.RESYNC,
    -1022: Reaction.CREDENTIALS,
    **dict.fromkeys((-1100, -1101, -1102, -1103, -1104, -1105, -1106), Reaction.MALFORMED),
    **dict.fromkeys((-1114, -1115, -1116, -1117, -1128, -1130), Reaction.MALFORMED),
    -1111: Reaction.ROUND,
    **dict.fromkeys((-1121, -4140, -4141, -4144), Reaction.SYMBOL),
    -1125: Reaction.LISTEN_KEY,
    -2010: Reaction.REJECTED,
    -2011: Reaction.QUERY,
    -2013: Reaction.ABSENT,
    **dict.fromkeys((-2014, -2015), Reaction.CREDENTIALS),
    **dict.fromkeys((-2018, -2019), Reaction.SHRINK),
    -2021: Reaction.TRIGGERS_NOW,
    **dict.fromkeys((-2022, -2024, -4118), Reaction.POSITION),
    -2023: Reaction.STOP,
    -2025: Reaction.CROWDED,
    **dict.fromkeys((-2026, -4138), Reaction.MALFORMED),
    **dict.fromkeys((-2027, -2028), Reaction.SHRINK),
    **dict.fromkeys((-4003, -4004, -4005), Reaction.ROUND),
    **dict.fromkeys((-4001, -4002, -4013, -4016, -4024), Reaction.REPRICE),
    **dict.fromkeys((-4014, -4023), Reaction.ROUND),
    -4015: Reaction.MALFORMED,
    -4028: Reaction.LEVERAGE,
    -4045: Reaction.CROWDED,
    -4046: Reaction.ALREADY,
    **dict.fromkeys((-4047, -4048), Reaction.POSTPONE),
    **dict.fromkeys((-4050, -4051), Reaction.SHRINK),
    -4059: Reaction.ALREADY,
    -4061: Reaction.POSITION_MODE,
    -4062: Reaction.MALFORMED,
    **dict.fromkeys((-4067, -4068), Reaction.POSTPONE),
    -4116: Reaction.DUPLICATE,
    -4117: Reaction.QUERY,
    -4120: Reaction.USE_ALGO,
    -4130: Reaction.EXISTS,
    -4131: Reaction.LATER,
    -4137: Reaction.MALFORMED,
    -4142: Reaction.TRIGGERS_NOW,
    -4161: Reaction.LEVERAGE,
    -4164: Reaction.SHRINK,
    -4166: Reaction.MALFORMED,
    -4171: Reaction.ALREADY,
    **dict.fromkeys((-4183, -4184), Reaction.REPRICE),
    **dict.fromkeys((-4400, -4401, -4402), Reaction.REDUCE_ONLY),
    -4531: Reaction.POSTPONE,
    **dict.fromkeys((-5021, -5022), Reaction.NOT_STORED),
    -5047: Reaction.MALFORMED,
    -5050: Reaction.STOP,
    -4225: Reaction.NEW_NONCE,
}
ORDER = Call(method="POST", path="/fapi/v1/order", orders=1, client_id="mr-abcdefghij-e")
READ = Call(method="GET", path="/fapi/v1/klines")


def refused(call: Call, status: int, body: object, *, every_503_unknown: bool = False) -> MrasterError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return error_for(call, read_answer(status, {}, raw, every_503_unknown=every_503_unknown, now_ms=0))


@pytest.mark.parametrize(("code", "reaction"), sorted(DOCUMENTED.items()))
def test_documented_code_has_its_reaction(code: int, reaction: Reaction):
    assert rule_for(400, code, "", every_503_unknown=False).reaction is reaction


def test_table_has_nothing_that_the_test_does_not_know():
    assert set(RULES) - set(DOCUMENTED) == {-1120, -1127}


@pytest.mark.parametrize("code", sorted(RULES))
def test_every_code_becomes_an_error_with_a_slug(code: int):
    error = refused(ORDER, 400, {"code": code, "msg": "text of the venue"})
    assert error.code == RULES[code].slug or isinstance(error, OutcomeUnknown)
    assert str(code) in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"code": -1007, "msg": "Unknown error, please check your request or try again later."}, OutcomeUnknown),
        (503, {"code": 0, "msg": "Unknown error, please check your request or try again later."}, OutcomeUnknown),
        (503, {"code": 0, "msg": "Service Unavailable."}, ExchangeUnavailable),
        (503, b"Service Unavailable", ExchangeUnavailable),
        (503, {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}, ExchangeUnavailable),
        (503, {"code": -1008, "msg": "throttled"}, ExchangeUnavailable),
        (503, b"<html><h1>503 Service Unavailable</h1></html>", OutcomeUnknown),
        (500, {"code": -1001, "msg": "Internal error"}, OutcomeUnknown),
        (500, b"<html>Internal Server Error</html>", OutcomeUnknown),
        (408, b"", OutcomeUnknown),
        (502, b"<html>Bad Gateway</html>", OutcomeUnknown),
        (504, b"", OutcomeUnknown),
        (400, {"code": -2019, "msg": "no margin"}, OrderRejected),
        (400, {"code": "-2019", "msg": "no margin"}, OrderRejected),
        (400, {"code": -99999, "msg": "something new"}, OrderRejected),
        (400, {"code": -1121, "msg": "Invalid symbol."}, UnknownInstrument),
        (401, {"code": -2015, "msg": "Invalid API-key"}, Permanent),
        (429, {"code": -1003, "msg": "too much"}, RateLimited),
        (429, {"code": -1015, "msg": "too many orders"}, RateLimited),
        (418, b"<html>teapot</html>", RateLimited),
        (403, b"<html>WAF</html>", RateLimited),
        (451, b"<html>legal</html>", Permanent),
    ],
)
def test_refusal_of_an_order(status: int, body: object, kind: type[MrasterError]):
    assert type(refused(ORDER, status, body)) is kind


def test_refused_order_carries_the_venues_number_and_lost_one_its_client_id():
    rejected, unknown = refused(ORDER, 400, {"code": -2019, "msg": ""}), refused(ORDER, 504, b"")
    assert isinstance(rejected, OrderRejected)
    assert rejected.venue_code == -2019
    assert isinstance(unknown, OutcomeUnknown)
    assert unknown.client_id == "mr-abcdefghij-e"


@pytest.mark.parametrize("body", [{"code": -1001, "msg": "x"}, {"code": 0, "msg": "Service Unavailable."}, {"code": -1008, "msg": "x"}])
def test_a_503_of_a_venue_that_does_not_tell_is_always_unknown(body: dict[str, object]):
    assert isinstance(refused(ORDER, 503, body, every_503_unknown=True), OutcomeUnknown)


def test_a_lost_read_may_simply_be_asked_again():
    assert type(refused(READ, 504, b"")) is ExchangeUnavailable


@pytest.mark.parametrize(("code", "message"), [(-2010, "Duplicate order sent."), (-4015, "clientOrderId is duplicated"), (-4116, "")])
def test_duplicate_under_any_name(code: int, message: str):
    assert refused(ORDER, 400, {"code": code, "msg": message}).code == "duplicate_client_id"


def test_wait_comes_from_the_header_or_from_the_end_of_a_ban():
    body = orjson.dumps({"code": -1003, "msg": "Way too much; IP banned until 1700000120000. Use WebSocket."})
    by_text = read_answer(418, {}, body, every_503_unknown=False, now_ms=1_700_000_000_000)
    by_header = read_answer(418, {"Retry-After": "7"}, body, every_503_unknown=False, now_ms=1_700_000_000_000)
    assert (by_text.retry_after_s, by_header.retry_after_s) == (120.0, 7.0)


def test_signature_that_a_proxy_echoes_is_not_repeated():
    error = refused(READ, 400, b"<html>/fapi/v1/order?symbol=A&signature=deadbeef0123 is bad</html>")
    assert "deadbeef" not in str(error)


def test_refusal_in_a_success_is_seen():
    assert is_refusal({"code": -4046, "msg": "x"})
    assert is_refusal({"code": "-1121", "msg": "x"})
    assert not is_refusal({"code": 200, "msg": "success"})
    assert not is_refusal({"code": "200"})
    assert not is_refusal([{"code": -1}])

"""Signatures and timestamps."""

import pytest

from services.paper_exchange.auth import Raw, Times, check_signature, check_time, sign, signed_payload
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import Reject

SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
PAYLOAD = b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943"
SIGNATURE = "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def raw(query: bytes, body: bytes = b"") -> Raw:
    return Raw(method="POST", path="/fapi/v1/order", query=query, body=body, headers={})


def test_the_vendors_vector() -> None:
    assert sign(SECRET, PAYLOAD) == SIGNATURE


@pytest.mark.parametrize("split", [0, 7, 41, len(PAYLOAD)])
def test_query_and_body_are_joined_without_anything_between(split: int) -> None:
    cut = PAYLOAD.index(b"&", split) + 1 if 0 < split < len(PAYLOAD) else split
    query, body = PAYLOAD[:cut], PAYLOAD[cut:]
    parts = (query, body + b"&signature=" + SIGNATURE.encode()) if body else (query + b"&signature=" + SIGNATURE.encode(), b"")
    request = raw(*parts)
    assert signed_payload(request) == PAYLOAD
    check_signature(request, Params({"signature": SIGNATURE.upper()}), SECRET)


def test_a_wrong_signature_is_refused() -> None:
    with pytest.raises(Reject, match="-1022"):
        check_signature(raw(PAYLOAD), Params({"signature": "ü" * 64}), SECRET)
    with pytest.raises(Reject, match="-1102"):
        check_signature(raw(PAYLOAD), Params({}), SECRET)


REAL = Times(wall_ms=1_000_000, venue_ms=1_000_000, scale=1.0)
FAST = Times(wall_ms=9_000_000_000, venue_ms=1_000_000, scale=600.0)


@pytest.mark.parametrize(
    ("times", "stamp", "window", "good"),
    [
        (REAL, 1_000_999, None, True),
        (REAL, 1_001_000, None, False),
        (REAL, 995_000, None, True),
        (REAL, 994_999, None, False),
        (REAL, 994_999, 6000, True),
        (FAST, 9_000_000_000, None, True),
        (FAST, 1_000_000 - 2_000_000, None, True),
        (FAST, 1_000_000 - 4_000_000, None, False),
    ],
)
def test_the_window(times: Times, stamp: int, window: int | None, *, good: bool) -> None:
    params = Params({"timestamp": str(stamp), **({"recvWindow": str(window)} if window else {})})
    if good:
        check_time(params, times)
    else:
        with pytest.raises(Reject, match="-1021"):
            check_time(params, times)


@pytest.mark.parametrize("window", ["0", "60001", "-1"])
def test_a_window_outside_its_bounds(window: str) -> None:
    with pytest.raises(Reject, match="-1130"):
        check_time(Params({"timestamp": "1000000", "recvWindow": window}), REAL)

"""Who calls: API key, HMAC over the bytes as sent, and the timestamp window."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.paper_exchange.logic.entities import Account
from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import Reject, reject

_SIGNATURE = re.compile(rb"(^|&)signature=[^&]*")
_AHEAD_MS = 1000
_WINDOW_MS = 5000
_MOST_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A request as it came over the wire."""

    method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[bytes, bytes]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Times:
    """The clocks that a timestamp may be right by.

    On a recorded market venue time is not the time of day and may run many times faster than it, and a client may live by
    either. So a timestamp is good when it is within the window by the time of day, or by venue time with the window
    stretched by the speed, venue time being what a clock could show that was set by it within the last hour (`logic/beliefs.py`):
    up to `behind_ms` less and `ahead_ms` more than it is. With recorded prices the check has no security meaning; it is there
    so that clients meet -1021. In lock-step venue time stands still between steps; there one candle (`slack_ms`) is added.
    """

    wall_ms: int
    venue_ms: int
    scale: float
    slack_ms: int = 0
    behind_ms: int = 0
    ahead_ms: int = 0

    def fits(self, stamp_ms: int, window_ms: int, ahead_ms: int) -> bool:
        """Whether a timestamp is at most `window_ms` old and less than `ahead_ms` early by one of the clocks."""
        if -ahead_ms < self.wall_ms - stamp_ms <= window_ms:
            return True
        age, stretch = self.venue_ms - stamp_ms, max(1.0, self.scale)
        return -ahead_ms * stretch - self.slack_ms - self.ahead_ms < age <= window_ms * stretch + self.slack_ms + self.behind_ms


def signed_payload(raw: Raw) -> bytes:
    """What the signature covers: query then body, nothing between them, without the signature itself."""
    return _without_signature(raw.query) + _without_signature(raw.body)


def _without_signature(part: bytes) -> bytes:
    return _SIGNATURE.sub(b"", part).removeprefix(b"&")


def sign(secret: str, payload: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()


def find_account(raw: Raw, accounts: Mapping[str, Account]) -> Account:
    """The account of the key in the header (-2014 missing or odd, -2015 unknown)."""
    key = raw.headers.get(b"x-mbx-apikey", b"").decode("latin-1")
    if not key or not key.isascii() or " " in key:
        raise reject(-2014)
    found = accounts.get(key)
    if found is None:
        raise reject(-2015)
    return found


def check_time(params: Params, times: Times) -> None:
    """The timestamp rule: timestamp < now + 1000 and now - timestamp <= recvWindow (-1021, -1102)."""
    stamp = params.integer("timestamp")
    if stamp is None:
        raise reject(-1102, name="timestamp")
    window = params.integer("recvWindow")
    window = _WINDOW_MS if window is None else window
    if not 0 < window <= _MOST_MS:
        raise reject(-1130, name="recvWindow")
    if times.fits(stamp, window, _AHEAD_MS):
        return
    if stamp > max(times.wall_ms, times.venue_ms):
        raise Reject(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    raise reject(-1021)


def check_signature(raw: Raw, params: Params, secret: str) -> None:
    """The signature must be the HMAC of the bytes as sent (-1022); hex in any case."""
    given = params.need("signature").lower()
    if not hmac.compare_digest(sign(secret, signed_payload(raw)).encode(), given.encode("utf-8", "replace")):
        raise reject(-1022)

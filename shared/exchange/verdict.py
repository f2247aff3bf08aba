"""From an answer that is not a success to the error that callers handle."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

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
from shared.exchange.codes import Reaction, Rule, rule_for

_BANNED_UNTIL = re.compile(r"until (\d{13})")
_SIGNATURE = re.compile(r"signature=\w+")
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """A refused request: status, the venue's code (None without its JSON), its text, and the wait that it asks for."""

    status: int
    code: int | None
    message: str
    retry_after_s: float
    rule: Rule

    @property
    def reaction(self) -> Reaction:
        """What to do."""
        return self.rule.reaction


def read_answer(status: int, headers: Mapping[str, str], body: bytes, *, every_503_unknown: bool, now_ms: int) -> Answer:
    """Take a refusal apart. Bodies that are not JSON (proxies answer in HTML) leave the code empty."""
    code, message = _code_and_message(body)
    rule = rule_for(status, code, message, every_503_unknown=every_503_unknown)
    return Answer(status, code, message, _wait_s(headers, message, now_ms), rule)


def is_refusal(payload: Any) -> bool:
    """Whether a 200 answer is an error after all: some venues wrap a negative code in it."""
    return isinstance(payload, dict) and _as_int(payload.get("code")) is not None and (_as_int(payload["code"]) or 0) < 0


def error_for(call: Call, answer: Answer) -> MrasterError:
    """The error class for a refused request. The message names the endpoint and the venue's words, no parameters."""
    said = f"{call.label}: HTTP {answer.status}, code {answer.code}, {answer.message!r}"
    reaction, slug = answer.rule.reaction, answer.rule.slug
    if reaction is Reaction.UNKNOWN:
        return lost(call, said)
    if reaction in {Reaction.UNAVAILABLE, Reaction.RESYNC, Reaction.NEW_NONCE}:
        return ExchangeUnavailable(said, code=slug, retry_after_s=answer.retry_after_s)
    if reaction in {Reaction.WEIGHT_LIMIT, Reaction.ORDER_LIMIT}:
        return RateLimited(said, code=slug, retry_after_s=answer.retry_after_s)
    if reaction is Reaction.SYMBOL:
        return UnknownInstrument(said, code=slug)
    if call.client_id is not None and reaction not in {Reaction.CREDENTIALS, Reaction.STOP}:
        return OrderRejected(said, code=slug, venue_code=answer.code or 0)
    return Permanent(said, code=slug)


def lost(call: Call, said: str) -> MrasterError:
    """The answer is missing: for an order nobody knows what happened, for the rest asking again is harmless."""
    if call.client_id is not None:
        return OutcomeUnknown(f"{said}; ask for client id {call.client_id} before anything else", client_id=call.client_id)
    return ExchangeUnavailable(said)


def _code_and_message(body: bytes) -> tuple[int | None, str]:
    """Code and text of the venue's JSON, or no code and the start of whatever came."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None, _clean(body.decode("utf-8", "replace"))
    if not isinstance(payload, dict):
        return None, _clean(str(payload))
    return _as_int(payload.get("code")), _clean(str(payload.get("msg", "")))


def _clean(text: str) -> str:
    """The start of a text, without the signature that some proxies echo with the address."""
    return _SIGNATURE.sub("signature=...", text)[:_TEXT_LIMIT]


def _as_int(value: Any) -> int | None:
    """A code as a number; venues send it as a number or as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d{1,9}", value) else None


def _wait_s(headers: Mapping[str, str], message: str, now_ms: int) -> float:
    """Seconds to wait, from the Retry-After header or from the end of a ban in the text."""
    text = headers.get("Retry-After", "")
    if text.isdigit():
        return float(text)
    banned = _BANNED_UNTIL.search(message)
    return max(0.0, (int(banned[1]) - now_ms) / 1000) if banned else 0.0

from dataclasses import replace

import pytest

from shared.risk.clearance import GOOD_FOR_MS, REQUIRED, Check, Clearance, document_of, from_document, mark_of, refusal, stand
from shared.risk.gate import Refused, RefusedReason

SUBJECT = mark_of("main", "https://fapi.example.com", "key", "")
CLEAR = Clearance(SUBJECT, 1_000, tuple(Check(name, "ok") for name in sorted(REQUIRED)))


def with_check(name: str, status: str, detail: str = "") -> Clearance:
    checks = tuple(Check(name, status, detail) if c.check == name else c for c in CLEAR.checks)
    return replace(CLEAR, checks=checks)


def test_entries_are_allowed_while_the_checks_stand() -> None:
    now = stand(CLEAR, SUBJECT, 1_000 + GOOD_FOR_MS - 1)
    assert (now.allowed, now.detail, now.at_ms, now.until_ms) == (True, "", 1_000, 1_000 + GOOD_FOR_MS)
    assert refusal(now) is None


@pytest.mark.parametrize(
    ("found", "subject", "now_ms", "words"),
    [
        (None, SUBJECT, 2_000, "never made"),
        (CLEAR, mark_of("main", "https://fapi.example.com", "other key", ""), 2_000, "another account, venue or key"),
        (CLEAR, SUBJECT, 1_000 + GOOD_FOR_MS, "older than 30 days"),
        (with_check("permissions", "failed", "the key may withdraw"), SUBJECT, 2_000, r"permissions \(the key may withdraw\)"),
        (with_check("stream", "skipped"), SUBJECT, 2_000, "not made: stream"),
        (replace(CLEAR, checks=CLEAR.checks[:3]), SUBJECT, 2_000, "not made: "),
        (replace(CLEAR, checks=()), SUBJECT, 2_000, "not made: "),
    ],
)
def test_everything_else_is_refused_with_what_is_in_the_way(found: Clearance | None, subject: str, now_ms: int, words: str) -> None:
    refused = refusal(stand(found, subject, now_ms))
    assert isinstance(refused, Refused)
    assert refused.reason is RefusedReason.DOCTOR
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(refused.detail)
    assert "mraster doctor" in refused.detail


def test_a_warning_does_not_keep_from_trading_and_more_checks_than_needed_do_no_harm() -> None:
    found = with_check("permissions", "warning", "this venue does not tell")
    assert stand(replace(found, checks=(*found.checks, Check("order_round_trip", "skipped"))), SUBJECT, 2_000).allowed


@pytest.mark.parametrize(
    "other",
    [
        ("second", "https://fapi.example.com", "key", ""),
        ("main", "https://fapi.example.org", "key", ""),
        ("main", "https://fapi.example.com", "yek", ""),
        ("main", "https://fapi.example.com", "key", "0xAB"),
    ],
)
def test_the_mark_is_of_account_venue_key_and_wallet_and_tells_none_of_them(other: tuple[str, str, str, str]) -> None:
    assert mark_of(*other) != SUBJECT
    assert mark_of("main", "https://fapi.example.com/", "key", "") == SUBJECT
    assert mark_of("main", "x", "key", "0xAB") == mark_of("main", "x", "key", "0xab")
    assert not any(word in SUBJECT for word in ("main", "key", "example"))


def test_a_document_comes_back_and_junk_clears_nothing() -> None:
    assert from_document(document_of(CLEAR)) == CLEAR
    junk: list[dict[str, object] | None] = [None, {}, {"subject": SUBJECT}, {**document_of(CLEAR), "checks": 3}]
    junk += [{**document_of(CLEAR), "at_ms": "never"}, {**document_of(CLEAR), "checks": [{"check": "clock"}]}]
    for document in junk:
        assert not stand(from_document(document), SUBJECT, 2_000).allowed

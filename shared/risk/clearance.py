"""May real money be traded? Only while the checks of `mraster doctor` have passed for this very account, venue and key.

Written by the doctor, read by the executor before each entry. Values in, values out; exits never ask.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.risk.gate import Refused, RefusedReason

REQUIRED = frozenset({"clock", "keys", "permissions", "position_mode", "leverage_brackets", "stream"})
"""Checks that a clearance must contain; an older doctor that did not make them clears nothing."""
GOOD_FOR_MS = 30 * 86_400_000
"""Keys and permissions change; after this time they are looked at again."""
FIELD = "clearance"
_MARK = 16


@dataclass(frozen=True, slots=True)
class Check:
    """One check as it ended: `status` ok, warning, failed or skipped."""

    check: str
    status: str
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Clearance:
    """The last run of the doctor. `subject` is the mark of what was examined, `at_ms` the machine's time."""

    subject: str
    at_ms: int
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Stand:
    """Whether entries may be sent, why not, and until when (machine time)."""

    allowed: bool
    detail: str
    at_ms: int | None = None
    until_ms: int | None = None


def mark_of(account: str, venue: str, key: str, user: str) -> str:
    """A mark of account name, venue address, API key and wallet that tells none of them."""
    return hashlib.sha256("\n".join((account, venue.rstrip("/"), key, user.lower())).encode()).hexdigest()[:_MARK]


def document_of(made: Clearance) -> dict[str, Any]:
    """A clearance as JSON types."""
    checks = [{"check": c.check, "status": c.status, "detail": c.detail, "fix": c.fix} for c in made.checks]
    return {"subject": made.subject, "at_ms": made.at_ms, "checks": checks}


def from_document(document: Mapping[str, Any] | None) -> Clearance | None:
    """The inverse; None when there is none or when it is not one: then nothing is cleared, and what is open goes on being kept."""
    try:
        if document is None:
            return None
        checks = tuple(Check(str(c["check"]), str(c["status"]), str(c["detail"]), str(c["fix"])) for c in document["checks"])
        return Clearance(str(document["subject"]), int(document["at_ms"]), checks)
    except (KeyError, TypeError, ValueError):
        return None


def stand(found: Clearance | None, subject: str, now_ms: int) -> Stand:
    """How things are for the account, venue and key with this mark."""
    if found is None:
        return Stand(allowed=False, detail="the checks were never made for this account, or cannot be read; run: mraster doctor")
    until_ms = found.at_ms + GOOD_FOR_MS
    problem = _problem(found, subject, now_ms, until_ms)
    return Stand(not problem, problem, found.at_ms, until_ms)


def refusal(now: Stand) -> Refused | None:
    """The reason to refuse an entry, if there is one."""
    return None if now.allowed else Refused(RefusedReason.DOCTOR, now.detail)


def _problem(found: Clearance, subject: str, now_ms: int, until_ms: int) -> str:
    if found.subject != subject:
        return "the checks were made for another account, venue or key; run: mraster doctor"
    if now_ms >= until_ms:
        return f"the checks are older than {GOOD_FOR_MS // 86_400_000} days; run: mraster doctor"
    failed = _named(found.checks)
    if failed:
        return f"failed checks: {failed}; run: mraster doctor"
    missing = sorted(REQUIRED - {c.check for c in found.checks if c.status in {"ok", "warning"}})
    return f"checks that were not made: {', '.join(missing)}; run: mraster doctor" if missing else ""


def _named(checks: Sequence[Check]) -> str:
    return ", ".join(f"{c.check} ({c.detail[:80]})" for c in checks if c.status == "failed")

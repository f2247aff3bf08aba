"""Stretches of time: what is there, what is missing, what a person means by a date."""

import re
from datetime import UTC, datetime

from shared.domain.errors import ConfigError

Span = tuple[int, int]
"""[from, to) in UTC milliseconds."""
Spans = list[Span]
_DAY_MS = 86_400_000
_HELP = "expected a date (2025-11-01), a time (2025-11-01T12:00, UTC), milliseconds since 1970, an age (30d, 12h), or now"
_AGES = {"d": _DAY_MS, "h": 3_600_000, "m": 60_000, "w": 7 * _DAY_MS}


def joined(spans: Spans) -> Spans:
    """The same time as few spans, in order."""
    found: Spans = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def missing(wanted: Span, held: Spans) -> Spans:
    """What of a span is not held."""
    left: Spans = []
    cursor, stop = wanted
    for start, end in joined(held):
        if start >= stop:
            break
        if cursor < start:
            left.append((cursor, start))
        cursor = max(cursor, end)
    if cursor < stop:
        left.append((cursor, stop))
    return left


def cut(span: Span, most_ms: int) -> Spans:
    """Pieces of at most `most_ms`."""
    return [(at, min(at + most_ms, span[1])) for at in range(span[0], span[1], most_ms)]


def moment(text: str, now_ms: int) -> int:
    """Milliseconds of what a person wrote.

    Raises:
        ConfigError: it is none of the forms.
    """
    word = text.strip()
    if word == "now":
        return now_ms
    if word.isdigit() and len(word) > 9:
        return int(word)
    age = re.fullmatch(r"(\d{1,5})([dhmw])", word)
    if age is not None:
        return now_ms - int(age[1]) * _AGES[age[2]]
    try:
        found = datetime.fromisoformat(word.removesuffix("Z"))
    except ValueError:
        raise ConfigError(f"{text!r} is not a time: {_HELP}") from None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)

import json

import pytest

from services.supervisor.lines import Line, Style, parse
from services.supervisor.spec import LogFormat

NAMES = ("scanner", "bracket_guard")
PLAIN = Style(NAMES, colour=False)


def test_json_record_becomes_one_readable_line() -> None:
    record = {
        "event": "universe_changed",
        "level": "info",
        "timestamp": "2026-01-02T23:45:01.123456Z",
        "service": "scanner",
        "instance": "scanner-1",
        "symbols": 80,
        "why": "new listing",
        "first": "BTCUSDT",
    }
    line = parse(json.dumps(record), LogFormat.JSON)
    assert (
        PLAIN.render("scanner", line, "x") == '23:45:01 scanner       info     universe_changed  symbols=80 why="new listing" first=BTCUSDT'
    )


def test_traceback_follows_indented() -> None:
    line = parse(json.dumps({"event": "failed", "level": "error", "exception": "Traceback:\n  boom"}), LogFormat.JSON)
    assert PLAIN.render("scanner", line, "12:00:00").splitlines() == [
        "12:00:00 scanner       error    failed",
        "    Traceback:",
        "      boom",
    ]


@pytest.mark.parametrize("text", ["not json", "[1]", "17", '"text"', "{broken"])
def test_other_text_is_shown_as_it_is(text: str) -> None:
    assert parse(text, LogFormat.JSON) == Line("", "info", text)


def test_characters_that_would_change_the_terminal_are_replaced() -> None:
    record = json.dumps({"event": "news\x1b[2J", "level": "info", "title": "\x1b]0;owned\x07"})
    shown = PLAIN.render("scanner", parse(record, LogFormat.JSON), "12:00:00")
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_colours_only_where_they_are_wanted() -> None:
    line = Line("", "error", "failed", {"code": "x"})
    assert "\x1b[31m" in Style(NAMES, colour=True).render("scanner", line, "12:00:00")
    assert "\x1b" not in PLAIN.render("scanner", line, "12:00:00")


@pytest.mark.parametrize(
    ("text", "level", "event"),
    [
        ("[12] 2026/01/02 10:00:00.123456 [INF] Server is ready", "debug", "Server is ready"),
        ("[12] 2026/01/02 10:00:00.123456 [ERR] JetStream out of resources", "error", "JetStream out of resources"),
        ("[12] 2026/01/02 10:00:00.123456 [WRN] Plaintext passwords detected, use nkeys or bcrypt", "debug", None),
        ("nats-server: /x/nats.conf:3:1: Parse error", "error", None),
    ],
)
def test_nats_lines(text: str, level: str, event: str | None) -> None:
    line = parse(text, LogFormat.NATS)
    assert line.level == level
    assert event is None or (line.event, line.time) == (event, "10:00:00")


def test_redis_lines() -> None:
    line = parse("123:M 02 Jan 2026 10:00:00.123 * Ready to accept connections", LogFormat.REDIS)
    assert (line.time, line.level, line.event) == ("10:00:00", "debug", "Ready to accept connections")
    assert parse("*** FATAL CONFIG FILE ERROR ***", LogFormat.REDIS).level == "error"

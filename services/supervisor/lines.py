"""Log lines of all processes as one readable stream: `23:45:01 scanner  info  universe_changed  symbols=80`."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from services.supervisor.spec import LogFormat

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_COLOURS = (36, 32, 35, 34, 33, 96, 92, 95, 94)
_LEVEL_COLOURS = {"debug": "2", "info": "0", "warning": "33", "error": "31", "critical": "1;31"}
_HIDDEN = frozenset({"event", "level", "timestamp", "service", "instance", "exception"})
_NATS = re.compile(r"^\[\d+\] \S+ (?P<time>[\d:]{8})\S* \[(?P<level>\w+)\] (?P<text>.*)$")
_NATS_LEVELS = {"DBG": "debug", "TRC": "debug", "INF": "debug", "WRN": "info", "ERR": "error", "FTL": "critical"}
_REDIS = re.compile(r"^\d+:\w \d+ \w+ \d{4} (?P<time>[\d:]{8})\.\d+ (?P<mark>[.\-*#]) (?P<text>.*)$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Line:
    """One parsed log line; `time` is `HH:MM:SS` as the process wrote it, or empty."""

    time: str
    level: str
    event: str
    fields: dict[str, str] = field(default_factory=dict)
    more: str = ""
    """Further lines, such as a traceback."""

    @property
    def weight(self) -> int:
        """10 for debug up to 50 for critical."""
        return _LEVELS.get(self.level, 20)


def parse(text: str, log_format: LogFormat) -> Line:
    """A line of a process's output; what does not fit its format is shown as it is."""
    if log_format is LogFormat.NATS:
        return _nats(text)
    if log_format is LogFormat.REDIS:
        return _redis(text)
    return _json(text)


def _json(text: str) -> Line:
    try:
        record: Any = json.loads(text)
    except ValueError:
        return Line("", "info", text)
    if not isinstance(record, dict):
        return Line("", "info", text)
    fields = {str(key): _shown(value) for key, value in record.items() if key not in _HIDDEN}
    level, time = str(record.get("level", "info")), str(record.get("timestamp", ""))
    return Line(time[11:19], level, str(record.get("event", "")), fields, str(record.get("exception", "")))


def _shown(value: object) -> str:
    """A value for reading: text bare when it has no spaces, else quoted; the rest as JSON."""
    if isinstance(value, str):
        return value if value and " " not in value else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


def _nats(text: str) -> Line:
    found = _NATS.match(text)
    if found is None:
        return Line("", "error" if "nats-server:" in text else "debug", text)
    expected = "Plaintext passwords" in found["text"]  # they are in a file that only its user can read
    return Line(found["time"], "debug" if expected else _NATS_LEVELS.get(found["level"], "info"), found["text"])


def _redis(text: str) -> Line:
    found = _REDIS.match(text)
    if found is None:
        return Line("", "error" if "FATAL" in text else "debug", text)
    return Line(found["time"], "debug", found["text"])


@dataclass(frozen=True, slots=True)
class Style:
    """How lines are laid out; `names` decides the width and each name's colour."""

    names: tuple[str, ...]
    colour: bool

    def render(self, name: str, line: Line, now: str) -> str:
        """One line (or more, with a traceback) for the terminal, without control characters of the process."""
        width = max((len(each) for each in self.names), default=0)
        colour = str(_COLOURS[self.names.index(name) % len(_COLOURS)]) if name in self.names else "0"
        fields = " ".join(f"{self._paint('2', _clean(key) + '=')}{_clean(value)}" for key, value in line.fields.items())
        level = _LEVEL_COLOURS.get(line.level, "0")
        head = f"{line.time or now} {self._paint(colour, name.ljust(width))} {self._paint(level, line.level.ljust(8))} "
        return head + self._paint(level, _clean(line.event)) + (f"  {fields}" if fields else "") + self._tail(line)

    def _tail(self, line: Line) -> str:
        return "".join(f"\n    {_clean(each)}" for each in line.more.splitlines())

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code != "0" else text


def _clean(text: str) -> str:
    """Without characters that could change the terminal (a log line may quote anything from outside)."""
    return _CONTROL.sub("?", text)

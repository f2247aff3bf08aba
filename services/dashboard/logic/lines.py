"""The newest log lines and alerts, bounded."""

from collections import deque
from itertools import islice

from services.dashboard.logic.answers import Answer
from shared.contracts.control import Alert, Severity
from shared.contracts.envelope import Meta
from shared.contracts.ops import LogRecord

LOG_LIMIT = 500
ALERT_LIMIT = 100


class LogRow(Answer):
    """One log line; `n` grows by one per line that this dashboard received. `wall_ms` is the service's machine time."""

    n: int
    wall_ms: int
    service: str
    instance: str
    level: str
    event: str
    fields: dict[str, str]


class AlertRow(Answer):
    """A code with parameters, translated on the page; `ts_ms` is venue time."""

    id: str
    ts_ms: int
    severity: Severity
    code: str
    params: dict[str, str]
    link: str


class Lines:
    """Log lines in order of arrival. What is taken late is cut to the newest."""

    def __init__(self, limit: int = LOG_LIMIT) -> None:
        self._lines: deque[LogRow] = deque(maxlen=limit)
        self._count = 0
        self._taken = 0

    def add(self, record: LogRecord) -> None:
        """One line."""
        self._count += 1
        self._lines.append(
            LogRow(
                n=self._count,
                wall_ms=record.wall_ms,
                service=record.service,
                instance=record.instance,
                level=record.level,
                event=record.event,
                fields=record.fields,
            )
        )

    def rows(self, limit: int) -> tuple[LogRow, ...]:
        """The newest, oldest first."""
        return tuple(islice(self._lines, max(0, len(self._lines) - limit), None))

    def take(self, limit: int) -> tuple[LogRow, ...]:
        """What came since the last time, at most the newest `limit`."""
        fresh = min(self._count - self._taken, limit)
        self._taken = self._count
        return self.rows(fresh) if fresh else ()


class Alerts:
    """Alerts by id, newest last; a repeated one is one."""

    def __init__(self, limit: int = ALERT_LIMIT) -> None:
        self._limit = limit
        self._rows: dict[str, AlertRow] = {}
        self._fresh: list[AlertRow] = []

    def add(self, alert: Alert, meta: Meta) -> None:
        """One alert."""
        if meta.id in self._rows:
            return
        row = AlertRow(id=meta.id, ts_ms=meta.ts_ms, severity=alert.severity, code=alert.code, params=alert.params, link=alert.link)
        self._rows[meta.id] = row
        self._fresh.append(row)
        while len(self._rows) > self._limit:
            del self._rows[next(iter(self._rows))]

    def rows(self, limit: int) -> tuple[AlertRow, ...]:
        """Newest first."""
        return tuple(reversed(list(self._rows.values())[-limit:]))

    def take(self) -> tuple[AlertRow, ...]:
        """New ones since the last time."""
        fresh, self._fresh = self._fresh, []
        return tuple(fresh[-self._limit :])

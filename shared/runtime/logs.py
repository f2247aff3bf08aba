"""Structured logs: JSON lines on stdout, and `log.v1` for whoever watches. Never blocks, drops instead."""

import logging
import sys
from collections import deque
from typing import Any

import structlog

Logger = structlog.stdlib.BoundLogger
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_NOT_FIELDS = ("event", "level", "timestamp", "service", "instance")


class LogTail:
    """The newest log records on their way to the bus; the oldest are dropped when nobody takes them."""

    def __init__(self, size: int = 1000) -> None:
        self._records: deque[dict[str, Any]] = deque(maxlen=size)
        self.dropped = 0

    def __call__(self, _logger: object, _method: str, record: Any) -> Any:
        """A structlog processor: remember the record, pass it on."""
        if len(self._records) == self._records.maxlen:
            self.dropped += 1
        self._records.append(dict(record))
        return record

    def take(self) -> list[dict[str, Any]]:
        """All remembered records; they are forgotten here."""
        records = list(self._records)
        self._records.clear()
        return records


def configure(service: str, instance: str, level: str) -> tuple[Logger, LogTail]:
    """Set up logging for this process; standard-library loggers end in the same place."""
    tail = LogTail()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        tail,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.lower()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared[:3]],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.WARNING, _LEVELS[level.lower()]))
    return structlog.get_logger().bind(service=service, instance=instance), tail


def fields_of(record: dict[str, Any]) -> dict[str, str]:
    """The free fields of a record, as text of bounded length."""
    return {key: str(value)[:500] for key, value in record.items() if key not in _NOT_FIELDS}

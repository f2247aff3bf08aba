"""What was learned, as the advisor's report in the store tells it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from services.dashboard.logic.answers import Answer, Unknown
from shared.contracts.learning import LearningReport


class Learning(Answer):
    """The newest report, None with a reason when there is none. `distances` = whether the tuner may move stops and targets."""

    report: LearningReport | None
    distances: bool
    unknown: Unknown | None = None


class Lessons:
    """The newest report. It is read often and changes once an hour, so it is only parsed when it changed."""

    def __init__(self, *, distances: bool) -> None:
        self._document: Mapping[str, Any] | None = None
        self._answer = Learning(report=None, distances=distances, unknown=Unknown.NOT_WRITTEN)
        self._changed = False

    @property
    def answer(self) -> Learning:
        """As it is known now."""
        return self._answer

    def put(self, document: Mapping[str, Any] | None) -> None:
        """The document of the store; a report that is gone or cannot be read is not shown on."""
        if document == self._document and self._answer.unknown is not Unknown.STORE_UNAVAILABLE:
            return
        self._document = document
        if document is None:
            self._say(None, Unknown.NOT_WRITTEN)
            return
        try:
            self._say(LearningReport.model_validate(document), None)
        except ValidationError:
            self._say(None, Unknown.UNREADABLE)

    def silent(self) -> None:
        """The store does not answer: what is known stays, with its age."""
        if self._answer.report is None:
            self._say(None, Unknown.STORE_UNAVAILABLE)

    def _say(self, report: LearningReport | None, unknown: Unknown | None) -> None:
        before = self._answer
        self._answer = Learning(report=report, distances=before.distances, unknown=unknown)
        self._changed = self._changed or self._answer != before

    def take(self) -> Learning | None:
        """The answer if it changed since the last time."""
        changed, self._changed = self._changed, False
        return self._answer if changed else None

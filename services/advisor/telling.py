"""What the learner tells with each candle: playbook, tuner and report of a new edition, post-mortems that are ready.

Messages have deterministic ids. What waits in the learner's draft is told again after a restart, and the stream knows it already.
"""

from collections.abc import Callable
from decimal import Decimal

from services.advisor.logic.aftermath import Review
from services.advisor.logic.changes import Change
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.summary import learning_report
from shared.contracts.ai import PlaybookState, Postmortem, Tuning
from shared.contracts.envelope import Meta, Outgoing

KEPT_CANDLES = 50


class Teller:
    """Remembers what this process has told.

    A candle that comes again, because publishing failed, has its messages again.
    """

    def __init__(self, *, tuner_distances: Callable[[], bool]) -> None:
        self._tuner_distances = tuner_distances
        self._playbook = 0
        self._reviews: set[str] = set()
        self._changes = -1
        self._with_candle: dict[str, list[Outgoing]] = {}

    def begin(self, learner: Learner) -> None:
        """The playbook that holds was told by whoever learned before."""
        self._playbook = learner.edition.brain.playbook.version

    def with_candle(self, learner: Learner, edition: Edition | None, meta: Meta) -> list[Outgoing]:
        """What is to be published with a candle; `edition` is one that was just made."""
        found = [*self._with_candle.pop(meta.id, ()), *self._news(learner, edition, meta.ts_ms)]
        if found:
            self._with_candle[meta.id] = found
        while len(self._with_candle) > KEPT_CANDLES:
            del self._with_candle[next(iter(self._with_candle))]
        return found

    def _news(self, learner: Learner, edition: Edition | None, ts_ms: int) -> list[Outgoing]:
        """What is new since the last time."""
        found = [*self._reviewed(learner), *self._tuned(learner, ts_ms)]
        if edition is None:
            return found
        if edition.brain.playbook.version != self._playbook:
            self._playbook = edition.brain.playbook.version
            found.append(Outgoing(playbook(edition), ts_ms=ts_ms))
        return [*found, Outgoing(learning_report(learner, edition), ts_ms=ts_ms)]

    def _reviewed(self, learner: Learner) -> list[Outgoing]:
        new = [review for review in learner.reviews if review.position_id not in self._reviews]
        self._reviews = {review.position_id for review in learner.reviews}
        return [Outgoing(postmortem(review), ts_ms=review.closed_ms, decision_id=review.position_id) for review in new]

    def _tuned(self, learner: Learner, ts_ms: int) -> list[Outgoing]:
        """Once per edition."""
        number = learner.edition.number
        if number == self._changes:
            return []
        self._changes = number
        distances = self._tuner_distances()
        return [Outgoing(tuning(change, number, distances=distances), ts_ms=ts_ms) for change in learner.changes]


def postmortem(review: Review) -> Postmortem:
    """A post-mortem as a message."""
    return Postmortem(symbol=review.symbol, position_id=review.position_id, features=dict(review.weights), source="rules")


def tuning(change: Change, number: int, *, distances: bool) -> Tuning:
    """A step of the tuner as a message; its version is the edition that made it."""
    advice, before = change.advice, change.before
    return Tuning(
        bucket=change.bucket,
        version=number,
        samples=advice.trades,
        mean_r=advice.mean_r,
        stop_factor=_factor(advice.stop_factor),
        target_factor=_factor(advice.target_factor),
        size_factor=_factor(advice.size_factor),
        hit_ratio=advice.hit_ratio,
        low_r=advice.low_r,
        high_r=advice.high_r,
        stop_before=_factor(before.stop),
        target_before=_factor(before.target),
        size_before=_factor(before.size),
        distances=distances,
    )


def playbook(edition: Edition) -> PlaybookState:
    """The playbook as a message."""
    book = edition.brain.playbook
    return PlaybookState(
        version=book.version,
        regime=book.regime.value,
        size_factor=_factor(book.adjustments.size),
        stop_factor=_factor(book.adjustments.stop),
        target_factor=_factor(book.adjustments.target),
        side_bias=book.adjustments.side_bias,
        focus=dict(book.adjustments.focus),
        note=book.reason,
        before=book.before.value,
        inputs=dict(book.inputs),
    )


def _factor(value: float) -> Decimal:
    return Decimal(repr(round(value, 4)))

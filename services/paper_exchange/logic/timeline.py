"""Venue time as a sequence of batches.

Each candle is a number of price points; each point is two batches at the same time, first prices (fills, books, trades, candle
updates), then tickers (statistics, arrays); when the candle is over one more batch closes it, at the millisecond at which the
next candle opens and before that candle's first price.
"""

from dataclasses import dataclass
from enum import StrEnum

from services.paper_exchange.logic.tape import Tape


class BatchKind(StrEnum):
    """What happens in a batch."""

    PRICES = "prices"
    TICKERS = "tickers"
    CLOSES = "closes"


@dataclass(frozen=True, slots=True)
class Batch:
    """One step of venue time. `column` and `point` say where the market stands after it."""

    kind: BatchKind
    time_ms: int
    column: int
    point: int


class Timeline:
    """Walks a tape batch by batch; `end_ms` stops it early."""

    def __init__(self, tape: Tape, end_ms: int | None = None) -> None:
        self.tape = tape
        self.end_ms = tape.grid.end_ms if end_ms is None else min(end_ms, tape.grid.end_ms)
        self._last = BatchKind.CLOSES

    def next(self) -> Batch | None:
        """The batch that comes next, None at the end."""
        tape = self.tape
        if self._last is BatchKind.PRICES:
            return Batch(BatchKind.TICKERS, tape.point_ms(tape.point), tape.column, tape.point)
        if tape.point == tape.points - 1:
            return Batch(BatchKind.CLOSES, tape.grid.open_ms(tape.column + 1), tape.column, tape.point)
        if tape.column >= tape.grid.width or tape.open_ms >= self.end_ms:
            return None
        return Batch(BatchKind.PRICES, tape.point_ms(tape.point + 1), tape.column, tape.point + 1)

    def step(self) -> Batch | None:
        """Do the next batch on the tape. A closed candle is finished by the caller once its frames are made."""
        batch = self.next()
        if batch is None:
            self.tape.ended = True
            return None
        if batch.kind is BatchKind.PRICES:
            self.tape.advance()
        self._last = batch.kind
        return batch

    def stand(self, batch: Batch) -> int:
        """Stand right after a batch of an earlier run, without doing anything again; returns that batch's time.

        The tape's column must be the batch's, or the next one after a batch of closes.
        """
        tape = self.tape
        self._last = batch.kind
        if batch.kind is BatchKind.CLOSES:
            return tape.open_ms
        tape.resume(batch.point)
        return tape.point_ms(batch.point)

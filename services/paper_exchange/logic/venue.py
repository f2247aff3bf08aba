"""The whole venue without its sockets: a tape that moves, a desk that reacts, the running candles for the streams."""

from decimal import Decimal

from services.paper_exchange.logic.daily import Daily
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.intervals import served
from services.paper_exchange.logic.running import Running
from services.paper_exchange.logic.tape import Tape
from services.paper_exchange.logic.timeline import Batch, BatchKind, Timeline
from services.paper_exchange.logic.triggers import Move, on_move


class Venue:
    """Moves time and lets the desk react. Nothing here waits or does input and output."""

    def __init__(self, tape: Tape, desk: Desk, timeline: Timeline) -> None:
        self.tape = tape
        self.desk = desk
        self.timeline = timeline
        self.daily = Daily(tape)
        self.intervals = served(tape.grid.interval_ms)
        self._running: dict[str, Running] = {}
        self.batches = 0

    def running(self, interval: str) -> Running:
        """The running candles of an interval, begun when first asked for."""
        found = self._running.get(interval)
        if found is None:
            found = self._running[interval] = Running(self.tape, interval, self.intervals[interval])
        return found

    def drop_running(self, interval: str) -> None:
        """Nobody listens to an interval any more."""
        self._running.pop(interval, None)

    def step(self) -> Batch | None:
        """Do one batch: time, prices, triggers and fills. None when the data are over.

        After a batch of closes the candle is still the tape's present one until `settle` is called, so that frames of the
        closed candle can be made.
        """
        before = self._watched_prices()
        batch = self.timeline.step()
        if batch is None:
            return None
        self.batches += 1
        self.desk.time_ms = batch.time_ms
        if batch.kind is BatchKind.PRICES:
            self._move(before, jump=batch.point == 0)
        return batch

    def settle(self, batch: Batch) -> None:
        """Finish a closed candle."""
        if batch.kind is not BatchKind.CLOSES:
            return
        for running in self._running.values():
            running.absorb(batch.column)
        self.tape.finish()

    def _watched_prices(self) -> dict[str, Decimal]:
        index, price, rules = self.tape.index, self.tape.price, self.tape.rules
        return {
            symbol: Decimal(rules[index[symbol]].show_price(float(price[index[symbol]])))
            for symbol in sorted(self.desk.working)
            if symbol in index and self.tape.listed(index[symbol])
        }

    def _move(self, before: dict[str, Decimal], *, jump: bool) -> None:
        for symbol, start in before.items():
            quote = self.tape.quote(symbol)
            if quote is not None and self.tape.active[self.tape.index[symbol]]:
                on_move(self.desk, Move(start, quote, jump))

"""The whole venue without its sockets: a tape that moves, a desk that reacts, the running candles for the streams."""

from collections.abc import Mapping
from decimal import Decimal

from services.paper_exchange.logic.candles import Grid
from services.paper_exchange.logic.daily import Daily
from services.paper_exchange.logic.desk import Desk
from services.paper_exchange.logic.filling import expire_due
from services.paper_exchange.logic.flow import Trade
from services.paper_exchange.logic.intervals import served
from services.paper_exchange.logic.running import Bar, Running, bar_of
from services.paper_exchange.logic.settling import Fall, FundingDue, check_margins, fund_held
from services.paper_exchange.logic.tape import Tape
from services.paper_exchange.logic.timeline import Batch, BatchKind, Timeline
from services.paper_exchange.logic.triggers import Move, on_move


class Venue:
    """Moves time and lets the desk react. Nothing here waits or does input and output."""

    def __init__(self, tape: Tape, desk: Desk, timeline: Timeline, funding_due: FundingDue) -> None:
        self.tape = tape
        self.desk = desk
        self.timeline = timeline
        self.funding_due = funding_due
        self.daily = Daily(tape)
        self.intervals = served(tape.grid.interval_ms)
        self.more: Mapping[str, Grid] = {}
        self._running: dict[str, Running] = {}
        self._settled_ms = desk.time_ms
        self._settled_before = desk.time_ms

    def running(self, interval: str) -> Running:
        """The running candles of an interval, begun when first asked for."""
        found = self._running.get(interval)
        if found is None:
            found = self._running[interval] = Running(self.tape, interval, self.intervals[interval])
        return found

    def drop_running(self, interval: str) -> None:
        """Nobody listens to an interval any more."""
        self._running.pop(interval, None)

    def recorded_bar(self, interval: str, row: int, bar: Bar) -> Bar:
        """A closed candle of a longer interval as it was recorded, where it was; else as it adds up."""
        grid = self.more.get(interval)
        found = None if grid is None else bar_of(grid, row, bar.start_ms)
        return bar if found is None else found

    def step(self) -> Batch | None:
        """Do one batch: time, prices, triggers and fills. None when the data are over.

        After a batch of closes the candle is still the tape's present one until `settle` is called, so that frames of the
        closed candle can be made.
        """
        before = self._watched()
        self._settled_before = self.desk.time_ms
        batch = self.timeline.step()
        if batch is None:
            return None
        self.desk.time_ms = max(self.desk.time_ms, batch.time_ms)
        if batch.kind is BatchKind.PRICES:
            fund_held(self.desk, self.funding_due, (self._settled_ms, batch.time_ms))
            self._settled_ms = batch.time_ms
            self._move(before, jump=batch.point == 0)
        return batch

    def settle(self, batch: Batch) -> None:
        """Finish a closed candle."""
        if batch.kind is not BatchKind.CLOSES:
            return
        for running in self._running.values():
            running.absorb(batch.column)
        self.tape.finish()

    def _watched(self) -> dict[str, tuple[Decimal, float]]:
        """Price and volume before a batch, of contracts with waiting orders or positions."""
        index, price, rules = self.tape.index, self.tape.price, self.tape.rules
        held = {position.symbol for account in self.desk.accounts.values() for position in account.held()}
        return {
            symbol: (Decimal(rules[index[symbol]].show_price(float(price[index[symbol]]))), self.tape.traded(index[symbol])[0])
            for symbol in sorted(held | self.desk.working.keys())
            if symbol in index and self.tape.listed(index[symbol])
        }

    def _move(self, before: dict[str, tuple[Decimal, float]], *, jump: bool) -> None:
        tape = self.tape
        expire_due(self.desk)
        ticked = [symbol for symbol in before if tape.ticked(tape.index[symbol]) is not None]
        self._prints(ticked)
        for symbol, (start, traded) in before.items():
            row = tape.index[symbol]
            if tape.ticked(row) is not None:
                continue
            quote = tape.quote(symbol)
            if quote is not None and tape.active[row] and symbol in self.desk.working:
                volume = tape.traded(row)[0] - (0.0 if jump else traded)
                on_move(self.desk, Move(start, quote, jump, Decimal(tape.rules[row].show_qty(volume))))
        if before:
            starts = {symbol: start for symbol, (start, _) in before.items() if symbol not in ticked}
            check_margins(self.desk, Fall({} if jump else starts))

    def _prints(self, symbols: list[str]) -> None:
        """Let orders meet each recorded trade on the way to the present point, at its own time, then the present quote."""
        tape, now_ms = self.tape, self.desk.time_ms
        rows = [(symbol, tape.index[symbol]) for symbol in symbols if symbol in self.desk.working]
        prints = [
            (int(ticked.table[Trade.TIME, place]), symbol, row, place)
            for symbol, row in rows
            if (ticked := tape.ticked(row)) is not None
            for place in ticked.prints(tape.point)
        ]
        for time_ms, symbol, row, place in sorted(prints):
            if symbol in self.desk.working:
                self.desk.time_ms = min(now_ms, max(self._settled_before, time_ms))
                quote = tape.quote_of_trade(row, place)
                traded = Decimal(tape.rules[row].show_qty(float(tape.flow.trades[row][Trade.QTY, place])))
                on_move(self.desk, Move(quote.last, quote, jump=True, traded=traded, printed=True))
        self.desk.time_ms = now_ms
        for symbol, row in rows:
            found = tape.quote(symbol)
            if found is not None and tape.active[row] and symbol in self.desk.working:
                on_move(self.desk, Move(found.last, found, jump=True))

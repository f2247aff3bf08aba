"""From batches and user events to frames: only for streams that somebody listens to."""

from collections.abc import Callable
from typing import Any

import orjson

from services.paper_exchange.hub import Hub
from services.paper_exchange.logic import frames
from services.paper_exchange.logic.daily import trade_id
from services.paper_exchange.logic.streams import Kind, Stream
from services.paper_exchange.logic.timeline import Batch, BatchKind
from services.paper_exchange.logic.venue import Venue

Funding = Callable[[str], tuple[float, int]]
_CANDLES = (Kind.KLINE, Kind.CONTINUOUS)
Sides = tuple[list[list[str]], list[list[str]]]


class Publisher:
    """Makes the market frames of a candle-driven venue."""

    def __init__(self, venue: Venue, hub: Hub, funding: Funding) -> None:
        self.venue = venue
        self.hub = hub
        self.funding = funding
        self._books: dict[str, Sides] = {}
        hub.on_change = self._changed

    def _changed(self, stream: Stream, wanted: bool) -> None:  # noqa: FBT001 - a callback of two values
        """Start or end what a stream needs between batches: running candles, the book that a diff is taken from."""
        row = self.venue.tape.index.get(stream.symbol)
        if stream.kind is Kind.DEPTH and row is not None:
            self._books[stream.symbol] = frames.book_levels(self.venue.tape, row, 20)
        if stream.kind in _CANDLES and stream.argument in self.venue.intervals:
            others = any(item.argument == stream.argument for kind in _CANDLES for item in self.hub.streams(kind))
            if wanted:
                self.venue.running(stream.argument)
            elif not others:
                self.venue.drop_running(stream.argument)

    def publish(self, batch: Batch) -> None:
        """Send the frames of a batch."""
        now = batch.time_ms
        if batch.kind is BatchKind.PRICES:
            self._forced()
            self._trades(now)
            self._books_of(now)
            self._depths(now)
            self._klines(now, closed=False)
        elif batch.kind is BatchKind.TICKERS:
            self._marks(now)
            self._tickers(now)
        else:
            self._klines(now, closed=True)

    def _row(self, symbol: str) -> int | None:
        """The row of a contract that moves at present."""
        row = self.venue.tape.index.get(symbol)
        return row if row is not None and self.venue.tape.active[row] else None

    def _send(self, stream: Stream, payload: Any) -> None:
        self.hub.publish(stream.name, orjson.dumps(payload))

    def _forced(self) -> None:
        """Liquidations; a single object also on the stream of all contracts."""
        for event in self.venue.desk.take_forced():
            data = orjson.dumps(event)
            self.hub.publish(f"{event['o']['s'].lower()}@forceOrder", data)
            self.hub.publish("!forceOrder@arr", data)

    def _trades(self, now: int) -> None:
        for kind, build in ((Kind.TRADE, frames.agg_trades), (Kind.TRADE_RAW, frames.trades)):
            for stream in self.hub.streams(kind):
                row = self._row(stream.symbol)
                for payload in [] if row is None else build(self.venue.tape, row, now):
                    self._send(stream, payload)

    def _books_of(self, now: int) -> None:
        tape = self.venue.tape
        for stream in self.hub.streams(Kind.BOOK):
            row = self._row(stream.symbol)
            if row is not None:
                self._send(stream, frames.book_ticker(tape, row, now))
        for stream in self.hub.streams(Kind.BOOK_ALL):
            for row in tape.active.nonzero()[0].tolist():
                self._send(stream, frames.book_ticker(tape, row, now))

    def _depths(self, now: int) -> None:
        tape = self.venue.tape
        for stream in self.hub.streams(Kind.PARTIAL):
            row = self._row(stream.symbol)
            if row is not None:
                self._send(stream, frames.depth(tape, row, now, frames.book_levels(tape, row, int(stream.argument))))
        changes: dict[str, bytes] = {}
        for stream in self.hub.streams(Kind.DEPTH):
            row = self._row(stream.symbol)
            if row is None:
                continue
            if stream.symbol not in changes:
                after = frames.book_levels(tape, row, 20)
                change = frames.depth_change(self._books.get(stream.symbol, ([], [])), after)
                self._books[stream.symbol] = after
                changes[stream.symbol] = orjson.dumps(frames.depth(tape, row, now, change))
            self.hub.publish(stream.name, changes[stream.symbol])

    def _klines(self, now: int, *, closed: bool) -> None:
        """Candle updates; at a close the longer intervals first, so that they are known when the short one arrives."""
        venue = self.venue
        streams = [stream for kind in _CANDLES for stream in self.hub.streams(kind)]
        for stream in sorted(streams, key=lambda item: -venue.intervals.get(item.argument, 0)):
            row, length = self._row(stream.symbol), venue.intervals.get(stream.argument)
            if row is None or length is None:
                continue
            running = venue.running(stream.argument)
            if closed and not running.ends_with(now):
                continue
            bar = running.bar(row)
            if bar is None:
                continue
            if closed:
                bar = venue.recorded_bar(stream.argument, row, bar)
            first = trade_id(venue.tape, venue.tape.grid.column(bar.start_ms))
            payload = frames.kline(venue.tape.rules[row], (stream.argument, length), bar, (now, first), closed=closed)
            self._send(stream, payload if stream.kind is Kind.KLINE else frames.continuous(payload))

    def mark(self, row: int, now: int) -> dict[str, Any]:
        """The mark price event of a contract."""
        tape = self.venue.tape
        rules = tape.rules[row]
        prices = tape.mark(row), tape.index_price(row)
        return frames.mark_price(rules, prices, self.funding(rules.symbol), now)

    def _marks(self, now: int) -> None:
        for stream in self.hub.streams(Kind.MARK):
            row = self._row(stream.symbol)
            if row is not None:
                self._send(stream, self.mark(row, now))
        streams = self.hub.streams(Kind.MARK_ALL)
        if streams:
            rows = [row for row in range(len(self.venue.tape.rules)) if self.venue.tape.listed(row)]
            data = orjson.dumps([self.mark(row, now) for row in rows])
            for stream in streams:
                self.hub.publish(stream.name, data)

    def _tickers(self, now: int) -> None:
        for single, all_of, build in ((Kind.MINI, Kind.MINI_ALL, frames.mini_ticker), (Kind.TICKER, Kind.TICKER_ALL, frames.ticker)):
            for stream in self.hub.streams(single):
                row = self._row(stream.symbol)
                day = None if row is None else self.venue.daily.day(row, now)
                if row is not None and day is not None:
                    self._send(stream, build(self.venue.tape.rules[row], day, now))
            for stream in self.hub.streams(all_of):
                rows = self.venue.tape.active.nonzero()[0].tolist()
                days = [(row, self.venue.daily.day(row, now)) for row in rows]
                self._send(stream, [build(self.venue.tape.rules[row], day, now) for row, day in days if day is not None])

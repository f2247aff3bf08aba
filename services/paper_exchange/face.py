"""What the public endpoints of a candle-driven market show."""

from collections.abc import Mapping
from typing import Any, Protocol

from services.paper_exchange.logic import frames
from services.paper_exchange.logic.daily import trade_id
from services.paper_exchange.logic.funding import implied_premium
from services.paper_exchange.logic.history import klines
from services.paper_exchange.logic.mark_history import line_rows
from services.paper_exchange.logic.path import walk_path
from services.paper_exchange.logic.reject import Reject
from services.paper_exchange.logic.venue import Venue

Row = dict[str, Any]
Span = tuple[int | None, int | None]


class FundingSource(Protocol):
    """Funding rates of a market."""

    def current(self, symbol: str) -> tuple[float, int]:
        """(predicted rate, next funding time)."""
        ...

    def past(self, symbol: str | None, span: Span, limit: int) -> list[Row]:
        """Rows of `fundingRate`."""
        ...

    def hours(self, symbol: str) -> int:
        """Hours between two fundings."""
        ...


class CandleFace:
    """Public answers from a venue's tape."""

    def __init__(self, venue: Venue, head: Mapping[str, Any], funding: FundingSource) -> None:
        self.venue = venue
        self.head = head
        self.funding = funding

    def _row(self, symbol: str) -> int:
        return self.venue.tape.index[symbol]

    @property
    def _now(self) -> int:
        return self.venue.desk.time_ms

    def exchange_info(self) -> Row:
        """All contracts; one that has not traded yet is PENDING_TRADING."""
        tape = self.venue.tape
        symbols = [rules.row if tape.listed(row) else {**rules.row, "status": "PENDING_TRADING"} for row, rules in enumerate(tape.rules)]
        return {**self.head, "serverTime": self._now, "symbols": symbols}

    def klines(self, symbol: str, interval: str, span: Span, limit: int) -> list[Any]:
        """Rows of klines; -1120 for an interval shorter than the data."""
        length = self.venue.intervals.get(interval)
        if length is None:
            base = self.venue.tape.grid.interval
            raise Reject(-1120, f"Invalid interval. The recorded candles are {base}; shorter ones do not exist.")
        return klines(self.venue.tape, self._row(symbol), length, span, limit, self.venue.more.get(interval))

    def mark_klines(self, symbol: str, interval: str, span: Span, limit: int) -> list[Any]:
        """Rows of markPriceKlines: the mark as far as it was recorded, else the contract price; volumes are the contract's."""
        rows, tape, row = self.klines(symbol, interval, span, limit), self.venue.tape, self._row(symbol)
        line = tape.marks.mark
        return line_rows(tape, row, line, self.venue.intervals[interval], rows) if line.recorded(row) else rows

    def index_klines(self, symbol: str, interval: str, span: Span, limit: int) -> list[Any]:
        """Rows of indexPriceKlines; where no index was recorded, the mark's."""
        tape, row = self.venue.tape, self._row(symbol)
        line = tape.marks.index
        if not line.recorded(row):
            return self.mark_klines(symbol, interval, span, limit)
        return line_rows(tape, row, line, self.venue.intervals[interval], self.klines(symbol, interval, span, limit))

    def premium(self, symbol: str) -> Row | None:
        """Mark price, the index that explains the coming funding, and that funding."""
        tape, row = self.venue.tape, self._row(symbol)
        if not tape.listed(row):
            return None
        mark, index = tape.mark(row), tape.index_price(row)
        price = f"{mark:.8f}"
        rate, next_ms = self.funding.current(symbol)
        index = mark / (1 + implied_premium(rate)) if index is None else index
        return {
            "symbol": symbol,
            "markPrice": price,
            "indexPrice": f"{index:.8f}",
            "estimatedSettlePrice": price,
            "lastFundingRate": f"{rate:.8f}",
            "interestRate": "0.00010000",
            "nextFundingTime": next_ms,
            "time": self._now,
        }

    def day(self, symbol: str) -> Row | None:
        """24 h statistics."""
        day = self.venue.daily.day(self._row(symbol), self._now)
        if day is None:
            return None
        rules = self.venue.tape.rules[self._row(symbol)]
        show = rules.show_price
        return {
            "symbol": symbol,
            "priceChange": show(day.change),
            "priceChangePercent": f"{day.change_percent:.3f}",
            "weightedAvgPrice": show(day.average),
            "lastPrice": show(day.last),
            "lastQty": rules.show_qty(day.last_qty),
            "openPrice": show(day.open),
            "highPrice": show(day.high),
            "lowPrice": show(day.low),
            "volume": rules.show_qty(day.volume),
            "quoteVolume": f"{day.quote:.2f}",
            "openTime": day.open_ms,
            "closeTime": day.close_ms,
            "firstId": day.first_id,
            "lastId": day.first_id + max(day.count - 1, 0),
            "count": day.count,
        }

    def price(self, symbol: str) -> Row | None:
        """Last price."""
        tape, row = self.venue.tape, self._row(symbol)
        if not tape.listed(row):
            return None
        return {"symbol": symbol, "price": tape.rules[row].show_price(float(tape.price[row])), "time": self._now}

    def best(self, symbol: str) -> Row | None:
        """Best bid and ask."""
        tape, row = self.venue.tape, self._row(symbol)
        if not tape.listed(row):
            return None
        rules = tape.rules[row]
        bid, bid_qty, ask, ask_qty = tape.book(row)
        return {
            "symbol": symbol,
            "bidPrice": rules.show_price(bid),
            "bidQty": rules.show_qty(bid_qty),
            "askPrice": rules.show_price(ask),
            "askQty": rules.show_qty(ask_qty),
            "time": self._now,
            "lastUpdateId": frames.update_id(tape),
        }

    def depth(self, symbol: str, limit: int) -> Row:
        """The modelled book. Its number lies between two stream updates, so that a local book can be joined either way."""
        tape = self.venue.tape
        bids, asks = frames.book_levels(tape, self._row(symbol), limit)
        return {"lastUpdateId": frames.update_id(tape) + 1, "E": self._now, "T": self._now, "bids": bids, "asks": asks}

    def funding_rates(self, symbol: str | None, span: Span, limit: int) -> list[Row]:
        """Past fundings."""
        return self.funding.past(symbol, span, limit)

    def funding_info(self) -> list[Row]:
        """Funding schedule of every contract."""
        aster = self.venue.desk.dialect.value == "aster"
        return [self._funding_row(rules.symbol, aster=aster) for rules in self.venue.tape.rules]

    def _funding_row(self, symbol: str, *, aster: bool) -> Row:
        hours = self.funding.hours(symbol)
        if aster:
            row: Row = {"symbol": symbol, "interestRate": "0.00010000", "time": self._now, "fundingIntervalHours": hours}
            return {**row, "fundingFeeCap": 0.02, "fundingFeeFloor": -0.02}
        return {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": hours,
            "disclaimer": False,
            "updateTime": None,
        }

    def open_interest(self, symbol: str) -> Row:
        """A model: a tenth of the day's volume."""
        row = self._row(symbol)
        day = self.venue.daily.day(row, self._now)
        rules = self.venue.tape.rules[row]
        return {"symbol": symbol, "openInterest": rules.show_qty(day.volume / 10 if day else 0.0), "time": self._now}

    def agg_trades(self, symbol: str, span: Span, limit: int) -> list[Row]:
        """The recorded trades, else one per point of the path; newest last, and what the aggTrade stream showed."""
        tape, row = self.venue.tape, self._row(symbol)
        start, end = span
        newest = tape.column if tape.begun else tape.column - 1
        if start is not None:
            first = max(0, tape.grid.column(start))
            last = newest if end is None else min(newest, tape.grid.column(end))
            columns = range(first, last + 1)
        else:
            columns = range(newest if end is None else min(newest, tape.grid.column(end)), -1, -1)
        rows: list[Row] = []
        for column in columns:
            point = tape.point if tape.begun and column == tape.column else tape.points - 1
            block = [
                item for item in self._column_trades(row, column, point) if (start or 0) <= item["T"] and (end is None or item["T"] <= end)
            ]
            rows = block + rows if start is None else rows + block
            if len(rows) >= limit:
                break
        return rows[:limit] if start is not None else rows[-limit:]

    def _column_trades(self, row: int, column: int, last: int) -> list[Row]:
        tape, grid = self.venue.tape, self.venue.tape.grid
        recorded = tape.recorded_trades(row, column, last)
        if recorded is not None:
            return [frames.recorded_trade(tape.rules[row], event) for event in recorded]
        one = slice(row, row + 1)
        candle = (grid.open[one, column], grid.high[one, column], grid.low[one, column], grid.close[one, column])
        rules, step = tape.rules[row], float(tape.steps[row])
        volume = float(grid.volume[row, column])
        if not volume > 0:
            return []
        prices = walk_path(candle, tape.ticks[one], tape.points)[:, 0].tolist()
        part = max(step, int(volume / tape.points / step) * step)
        count = grid.count(row, column)
        found = []
        for point, price in enumerate(prices[: last + 1]):
            time_ms = tape.point_ms(point) + grid.open_ms(column) - tape.open_ms
            amount = rules.show_qty(part)
            number = trade_id(tape, column) + count * (point + 1) // tape.points
            identity = tape.moment(column, point) * 10
            body = {"a": identity, "p": rules.show_price(price), "q": amount, "nq": amount, "f": number, "l": number}
            found.append({**body, "T": time_ms, "m": (column + point + row) % 2 == 0})
        return found

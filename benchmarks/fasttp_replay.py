"""FastTP and break-even over recorded candles: what a trade would have come to with and without them. Hypothetical, with costs.

A candle becomes four marks in the order of the paper venue: the open, the nearer extreme, the other one, the close, a third of the
candle apart. Fills are at the stop's or the target's price; what a fast market costs beyond it is not in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.bracket_guard.logic.fasttp import Marks, Rules, Trade, break_even, snapped, watch
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction
from shared.domain.units import Price
from shared.risk.bracket import bracket_prices

PERIOD = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """One closed candle, prices in quote units."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Setting:
    """Length of a candle, taker fee as a fraction, the rules, and what crossing the book costs a side on top of the fee."""

    length_ms: int
    fee: Decimal
    rules: Rules
    crossing: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a trade begins: the open of bar `start`; distances in quote units, `most` bars at most."""

    start: int
    direction: Direction
    stop_distance: Decimal
    target_distance: Decimal
    most: int = 200


@dataclass(frozen=True, slots=True)
class Snap:
    """A move of the stop."""

    time_ms: int
    price: Price


@dataclass(slots=True)
class Outcome:
    """A trade from its entry on; `result_r` is net of two taker fees, in multiples of the risk. `exit_ms` None: still open."""

    entry: Decimal
    planned: Decimal
    target: Decimal
    path: list[tuple[int, Decimal]] = field(default_factory=list)
    atr_at: list[Decimal] = field(default_factory=list)
    snaps: list[Snap] = field(default_factory=list)
    exit_ms: int | None = None
    result_r: Decimal = Decimal(0)


def replay(bars: Sequence[Bar], begin: Entry, instrument: Instrument, setting: Setting) -> Outcome:
    """Follow one trade to its stop, its target or the end of its time."""
    sign = begin.direction.sign
    entry = instrument.price(bars[begin.start].open, Rounding.NEAREST)
    prices = bracket_prices(instrument, begin.direction, entry, begin.stop_distance, begin.target_distance)
    outcome = Outcome(entry, prices.stop, prices.target)
    trade = Trade(
        direction=begin.direction,
        entry=entry,
        risk=(entry - prices.stop) * sign,
        cost=entry * setting.fee * 2,
        stop=prices.stop,
        target=prices.target,
    )
    marks = Marks()
    for number in range(begin.start, min(begin.start + begin.most, len(bars))):
        atr = mean_range(bars, number)
        for time_ms, mark in points(bars[number], setting.length_ms):
            marks.add(time_ms, mark)
            ended = _ended(trade, mark)
            if ended is not None:
                outcome.exit_ms, outcome.result_r = time_ms, _result(trade, ended, setting)
                return outcome
            outcome.path.append((time_ms, mark))
            outcome.atr_at.append(atr)
            trade = _followed(trade, outcome, setting.rules, marks, instrument)
    outcome.result_r = _result(trade, outcome.path[-1][1], setting)
    return outcome


def _result(trade: Trade, ended: Decimal, setting: Setting) -> Decimal:
    """Net result in multiples of the risk."""
    costs = (trade.entry + ended) * (setting.fee + setting.crossing)
    return ((ended - trade.entry) * trade.direction.sign - costs) / trade.risk


def points(bar: Bar, length_ms: int) -> list[tuple[int, Decimal]]:
    """The marks of a candle with their times."""
    up_first = bar.high - bar.open <= bar.open - bar.low
    prices = (bar.open, bar.high, bar.low, bar.close) if up_first else (bar.open, bar.low, bar.high, bar.close)
    times = (bar.open_ms, bar.open_ms + length_ms // 3, bar.open_ms + 2 * length_ms // 3, bar.open_ms + length_ms - 1)
    return [(time_ms, Decimal(repr(price))) for time_ms, price in zip(times, prices, strict=True)]


def mean_range(bars: Sequence[Bar], before: int) -> Decimal:
    """Mean true range of the last 14 candles that were closed before bar `before`, in quote units."""
    if before <= PERIOD:
        raise ValueError(f"expected more than {PERIOD} candles before the entry, got {before}")
    ranges = [max(bars[n].high, bars[n - 1].close) - min(bars[n].low, bars[n - 1].close) for n in range(before - PERIOD, before)]
    return Decimal(repr(max(sum(ranges) / PERIOD, 1e-12)))


def _ended(trade: Trade, mark: Decimal) -> Decimal | None:
    """The price of the exit when stop or target was reached."""
    sign = trade.direction.sign
    if (mark - trade.stop) * sign <= 0:
        return trade.stop
    return trade.target if trade.target is not None and (mark - trade.target) * sign >= 0 else None


def _followed(trade: Trade, outcome: Outcome, rules: Rules, marks: Marks, instrument: Instrument) -> Trade:
    """The trade after FastTP and break-even looked at the newest mark, in the order of the guard."""
    now_ms, mark = outcome.path[-1]
    turned = watch(trade, rules, marks, now_ms, mark) is not None
    price = snapped(trade, rules, mark, outcome.atr_at[-1], instrument) if turned else None
    price = price or break_even(trade, rules, now_ms, mark, instrument)
    if price is None:
        return trade
    outcome.snaps.append(Snap(now_ms, price))
    return replace(trade, stop=price, moved_ms=now_ms)

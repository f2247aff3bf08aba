"""FastTP over recorded candles: what a trade would have come to with and without it. Hypothetical, with costs.

A candle becomes four marks in the order of the paper venue: the open, the nearer extreme, the other one, the close, a third of the
candle apart. Fills are at the stop's or the target's price; what a fast market costs beyond it is not in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from services.bracket_guard.logic.fasttp import Marks, Rules, Trade, snapped, watch
from shared.domain.instrument import Instrument, Rounding
from shared.domain.order import Direction
from shared.domain.units import Price

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
    """Length of a candle, distances in ATRs, taker fee as a fraction, and the rules."""

    length_ms: int
    stop_atr: Decimal
    target_atr: Decimal
    fee: Decimal
    rules: Rules


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


def replay(bars: Sequence[Bar], start: int, direction: Direction, instrument: Instrument, setting: Setting, most: int = 200) -> Outcome:
    """Enter at the open of bar `start` and follow the trade for at most so many bars."""
    sign = direction.sign
    entry = instrument.price(bars[start].open, Rounding.NEAREST)
    atr = true_range(bars, start)
    stop = instrument.price(entry - sign * setting.stop_atr * atr, Rounding.UP if sign > 0 else Rounding.DOWN)
    target = instrument.price(entry + sign * setting.target_atr * atr, Rounding.DOWN if sign > 0 else Rounding.UP)
    outcome = Outcome(entry, stop, target)
    trade = Trade(direction=direction, entry=entry, risk=(entry - stop) * sign, cost=entry * setting.fee * 2, stop=stop, target=target)
    marks = Marks()
    for number in range(start, min(start + most, len(bars))):
        atr = true_range(bars, number)
        for time_ms, mark in points(bars[number], setting.length_ms):
            if outcome.path and time_ms <= outcome.path[-1][0]:
                continue
            marks.add(time_ms, mark)
            ended = _ended(trade, mark)
            if ended is not None:
                outcome.exit_ms = time_ms
                outcome.result_r = ((ended - entry) * sign - (entry + ended) * setting.fee) / trade.risk
                return outcome
            outcome.path.append((time_ms, mark))
            outcome.atr_at.append(atr)
            trade = _followed(trade, outcome, setting.rules, marks, instrument)
    last = outcome.path[-1][1]
    outcome.result_r = ((last - entry) * sign - (entry + last) * setting.fee) / trade.risk
    return outcome


def points(bar: Bar, length_ms: int) -> list[tuple[int, Decimal]]:
    """The marks of a candle with their times."""
    up_first = bar.high - bar.open <= bar.open - bar.low
    prices = (bar.open, bar.high, bar.low, bar.close) if up_first else (bar.open, bar.low, bar.high, bar.close)
    times = (bar.open_ms, bar.open_ms + length_ms // 3, bar.open_ms + 2 * length_ms // 3, bar.open_ms + length_ms - 1)
    return [(time_ms, Decimal(repr(price))) for time_ms, price in zip(times, prices, strict=True)]


def true_range(bars: Sequence[Bar], before: int) -> Decimal:
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
    """The trade after FastTP looked at the newest mark."""
    now_ms, mark = outcome.path[-1]
    if watch(trade, rules, marks, now_ms, mark) is None:
        return trade
    price = snapped(trade, rules, mark, outcome.atr_at[-1], instrument)
    if price is None:
        return trade
    outcome.snaps.append(Snap(now_ms, price))
    return replace(trade, stop=price, moved_ms=now_ms)

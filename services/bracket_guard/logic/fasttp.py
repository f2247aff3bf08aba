"""The rules that move a stop by themselves: FastTP (a winning trade turns quickly) and break-even. Values in, values out.

A decision depends on the marks with their venue times and on the settings only, so that it can be replayed.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from services.bracket_guard.logic.moves import paid_off, tightened
from shared.contracts.bracket import StopRefusal
from shared.domain.instrument import Instrument
from shared.domain.order import Direction
from shared.domain.units import Price

MINUTE_MS = 60_000
_OLD = 2
"""A mark that stands for the one a window ago may be at most this many windows old; an older one says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings. Returns are fractions (-0.001 is a tenth of a percent), `snap_atr` is in multiples of the ATR.

    `enabled` is FastTP's switch, a `break_even_r` of 0 turns break-even off; the cooldown is for both.
    """

    enabled: bool
    min_r: Decimal
    ret1: Decimal
    ret3: Decimal
    snap_atr: Decimal
    cooldown_s: float
    break_even_r: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What is watched: `risk` is one R per unit (entry to the planned stop), `cost` the round trip per unit, in quote units."""

    direction: Direction
    entry: Decimal
    risk: Decimal
    cost: Decimal
    stop: Decimal
    target: Decimal | None = None
    moved_ms: int | None = None


class Turn(StrEnum):
    """Which return shows the turn."""

    ONE_MINUTE = "ret1"
    THREE_MINUTES = "ret3"


@dataclass(frozen=True, slots=True)
class Signal:
    """A turn of a winning trade: everything but the ATR is settled."""

    turn: Turn
    value: Decimal
    open_r: Decimal


@dataclass(slots=True)
class Marks:
    """The marks of one symbol of the last six minutes, oldest first."""

    _points: deque[tuple[int, Decimal]] = field(default_factory=deque)

    def add(self, time_ms: int, mark: Decimal) -> None:
        """A mark with its venue time; one that is not newer than the last is left out."""
        if self._points and time_ms <= self._points[-1][0]:
            return
        self._points.append((time_ms, mark))
        while self._points[0][0] < time_ms - 3 * _OLD * MINUTE_MS:
            self._points.popleft()

    def back(self, now_ms: int, minutes: int) -> Decimal | None:
        """The newest mark that is at least so many minutes old; None when there is none that is recent enough."""
        window = minutes * MINUTE_MS
        found = None
        for time_ms, mark in self._points:
            if time_ms > now_ms - window:
                break
            if time_ms >= now_ms - _OLD * window:
                found = mark
        return found


def watch(trade: Trade, rules: Rules, marks: Marks, now_ms: int, mark: Decimal) -> Signal | None:
    """Whether the trade turns now: open profit of at least `min_r`, and a return against it over one or three minutes.

    Nothing within the cooldown, and nothing at or beyond stop or target, where the venue closes the trade anyway.
    """
    sign = trade.direction.sign
    if not rules.enabled or trade.risk <= 0 or (mark - trade.stop) * sign <= 0:
        return None
    if trade.target is not None and (mark - trade.target) * sign >= 0:
        return None
    if _cooling(trade, rules, now_ms):
        return None
    open_r = (mark - trade.entry) * sign / trade.risk
    if open_r < rules.min_r:
        return None
    for turn, minutes, limit in ((Turn.ONE_MINUTE, 1, rules.ret1), (Turn.THREE_MINUTES, 3, rules.ret3)):
        before = marks.back(now_ms, minutes)
        if before is not None and (value := (mark / before - 1) * sign) <= limit:
            return Signal(turn, value, open_r)
    return None


def snapped(trade: Trade, rules: Rules, mark: Decimal, atr: Decimal, instrument: Instrument) -> Price | None:
    """Where the stop goes: `snap_atr` ATRs behind the mark, not below entry plus costs; None when that is no gain.

    On the tick, rounded toward the price.
    """
    sign = trade.direction.sign
    return moved(trade, mark - sign * rules.snap_atr * atr, mark, instrument)


def break_even(trade: Trade, rules: Rules, now_ms: int, mark: Decimal, instrument: Instrument) -> Price | None:
    """The stop at entry plus costs, once the open profit has reached `break_even_r`.

    None before, within the cooldown, and when the stop is already at least as close.
    """
    gain = (mark - trade.entry) * trade.direction.sign
    if rules.break_even_r <= 0 or trade.risk <= 0 or gain < rules.break_even_r * trade.risk or _cooling(trade, rules, now_ms):
        return None
    return moved(trade, trade.entry, mark, instrument)


def _cooling(trade: Trade, rules: Rules, now_ms: int) -> bool:
    return trade.moved_ms is not None and now_ms - trade.moved_ms < rules.cooldown_s * 1000


def moved(trade: Trade, wanted: Decimal, mark: Decimal, instrument: Instrument) -> Price | None:
    """Where a rule's move ends: as every move, and never worse than entry plus costs."""
    sign = trade.direction.sign
    floor = paid_off(trade.direction, trade.entry, trade.cost)
    found = tightened(trade.direction, trade.stop, max(wanted * sign, floor * sign) * sign, mark, instrument)
    return None if isinstance(found, StopRefusal) else found

"""Between a trade's end and its post-mortem: what the market did afterwards, and how it had changed by then."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from services.advisor.logic.lesson import Lesson
from services.advisor.logic.postmortem import Path, causes
from services.advisor.logic.pulse import Condition, Pulse
from shared.contracts.market import CandleClosed
from shared.contracts.order import TradeClosed

WATCHED = 24
"""Candles after a stop in which the price may still turn: half as many as a hypothetical trade lasts."""
OVERDUE_MS = 8 * 3_600_000
"""Without candles for so long, the review is made from what is known."""
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A closed trade that waits for its review. `entry` is its average price; risks are the sentinel's at the end.

    `turned_r` is the best price since a stop, in R from the entry; `candles` how many were seen since, `until_ms` the last of them.
    """

    position_id: str
    lesson: Lesson
    closed_ms: int
    entry: float
    risks: Mapping[str, float] = field(default_factory=dict)
    turned_r: float | None = None
    candles: int = 0
    until_ms: int = 0

    @property
    def ready(self) -> bool:
        """A stop is watched for a while, other ends only to the end of their candle."""
        return self.candles >= WATCHED if self.lesson.stopped else self.until_ms >= self.closed_ms


@dataclass(frozen=True, slots=True)
class Review:
    """The post-mortem of one trade: weight by cause."""

    position_id: str
    symbol: str
    closed_ms: int
    weights: dict[str, float]

    @property
    def order(self) -> tuple[int, str]:
        """Reviews are taken in in this order, whichever came first."""
        return (self.closed_ms, self.position_id)


def ended(trade: TradeClosed, lesson: Lesson, risks: Mapping[str, float]) -> Ended:
    """A closed trade with its lesson."""
    return Ended(position_id=trade.position_id, lesson=lesson, closed_ms=trade.closed_ms, entry=float(trade.entry_price), risks=dict(risks))


def watch(trade: Ended, candle: CandleClosed) -> Ended:
    """Take one candle of the same symbol. The one in which the trade ended tells the time, but not what came after."""
    if candle.close_ms < trade.closed_ms or candle.close_ms <= trade.until_ms:
        return trade
    seen = replace(trade, until_ms=candle.close_ms)
    if not trade.lesson.stopped or candle.open_ms <= trade.closed_ms:
        return seen
    followed = trade.lesson.followed
    best = candle.high if followed.sign > 0 else candle.low
    turned = (best - trade.entry) * followed.sign / followed.stop_distance
    return replace(seen, candles=trade.candles + 1, turned_r=turned if trade.turned_r is None else max(trade.turned_r, turned))


def path(trade: Ended, then: Condition | None) -> Path:
    """All that is known about a trade; `then` is the market in the candle in which it ended."""
    followed, raw = trade.lesson.followed, trade.lesson.followed.raw
    before = raw.get("higher_side")
    turned = None
    if before is not None and then is not None and then.side is not None:
        turned = before * followed.sign >= 0 and then.side * followed.sign < 0
    return replace(
        trade.lesson.path,
        slip_r=(trade.entry - followed.price) * followed.sign / followed.stop_distance,
        turned_r=trade.turned_r,
        atr_growth=None if then is None else then.atr / followed.atr,
        higher_turned=turned,
        symbol_risk=_worst(raw.get("sentinel_risk"), trade.risks.get("sentinel_risk")),
        market_risk=_worst(raw.get("market_risk"), trade.risks.get("market_risk")),
    )


def _worst(*risks: float | None) -> float | None:
    return max((risk for risk in risks if risk is not None), default=None)


class Aftermath:
    """Closed trades on their way to a review."""

    def __init__(self) -> None:
        self._waiting: dict[str, Ended] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, trade: Ended) -> None:
        """Begin to watch; beyond `MOST` the oldest is given up."""
        self._waiting[trade.position_id] = trade
        if len(self._waiting) > MOST:
            del self._waiting[next(iter(self._waiting))]

    def candle(self, candle: CandleClosed, pulse: Pulse) -> list[Review]:
        """Move on; what is ready now. The pulse has taken this candle already."""
        for key, trade in self._waiting.items():
            followed = trade.lesson.followed
            if (followed.symbol, followed.interval) == (candle.symbol, candle.interval):
                self._waiting[key] = watch(trade, candle)
        return self._reviews([trade for trade in self._waiting.values() if trade.ready], pulse)

    def overdue(self, now_ms: int, pulse: Pulse) -> list[Review]:
        """What has waited too long: its symbol has no candles any more."""
        return self._reviews([trade for trade in self._waiting.values() if trade.closed_ms < now_ms - OVERDUE_MS], pulse)

    def _reviews(self, trades: list[Ended], pulse: Pulse) -> list[Review]:
        for trade in trades:
            del self._waiting[trade.position_id]
        return [review(trade, pulse) for trade in trades]

    def to_list(self) -> list[dict[str, Any]]:
        """The whole state as JSON types."""
        found: list[dict[str, Any]] = _ENDED.dump_python(list(self._waiting.values()), mode="json")
        return found

    @classmethod
    def from_list(cls, rows: Any) -> "Aftermath":
        """The state of a document (pydantic's error is a ValueError)."""
        found = cls()
        for trade in _ENDED.validate_python(rows):
            found.add(trade)
        return found


def review(trade: Ended, pulse: Pulse) -> Review:
    """The post-mortem by rules."""
    symbol = trade.lesson.followed.symbol
    weights = causes(path(trade, pulse.condition(symbol, trade.closed_ms)))
    return Review(trade.position_id, symbol, trade.closed_ms, {cause.value: round(weight, 4) for cause, weight in weights.items()})


_ENDED = TypeAdapter(list[Ended])
REVIEWS = TypeAdapter(list[Review])

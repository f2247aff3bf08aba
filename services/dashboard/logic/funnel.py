"""From scanned candles to fills, per UTC day of venue time, each fact counted once however often it is delivered."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from services.dashboard.logic.answers import Answer
from shared.contracts.envelope import Meta, Payload
from shared.contracts.market import CandleClosed
from shared.contracts.order import Leg, OrderEvent, OrderEventKind
from shared.contracts.plan import Plan, Verdict
from shared.contracts.signal import Candidate, Skip

DAY_MS = 86_400_000
KEPT_DAYS = 2


class Gate(StrEnum):
    """Who stopped an idea; with the reason it is a text of the catalogue."""

    SKIP = "skip"
    PLAN = "plan"
    ORDER = "order"


class BlockedBy(Answer):
    """How many ideas one reason stopped."""

    gate: Gate
    reason: str
    count: int


class Funnel(Answer):
    """One day. `setups` = candidates and skips; `taken` and `declined` are the verdicts on candidates."""

    day_ms: int
    scanned: int
    setups: int
    candidates: int
    skipped: int
    taken: int
    declined: int
    refused: int
    sent: int
    filled: int
    reasons: tuple[BlockedBy, ...]


@dataclass(slots=True)
class _Day:
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[Gate, str]] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)


class FunnelCounter:
    """Counts what passed and what did not. Candles of other intervals than the signal's are not counted."""

    def __init__(self, interval: str) -> None:
        self._interval = interval
        self._days: dict[int, _Day] = {}
        self._candles: dict[str, int] = {}
        self._changed = False

    def apply(self, payload: Payload, meta: Meta) -> None:
        """Take any message; those that do not count are left."""
        match payload:
            case CandleClosed():
                self._candle(payload)
            case Candidate():
                self._count(payload.close_ms, "candidates", meta.id)
            case Skip():
                self._count(payload.close_ms, "skipped", meta.id, (Gate.SKIP, payload.reason.value))
            case Plan():
                self._plan(payload, meta)
            case OrderEvent():
                self._order(payload, meta)
            case _:
                return

    def _candle(self, candle: CandleClosed) -> None:
        if candle.interval == self._interval and candle.open_ms > self._candles.get(candle.symbol, 0):
            self._candles[candle.symbol] = candle.open_ms
            self._day(candle.close_ms).counts["scanned"] += 1
            self._changed = True

    def _plan(self, plan: Plan, meta: Meta) -> None:
        if plan.verdict is Verdict.TAKE:
            self._count(plan.close_ms, "taken", meta.id)
        else:
            self._count(plan.close_ms, "declined", meta.id, (Gate.PLAN, plan.reason.value))

    def _order(self, event: OrderEvent, meta: Meta) -> None:
        if event.leg is not Leg.ENTRY:
            return
        if event.event is OrderEventKind.SUBMITTED:
            self._count(meta.ts_ms, "sent", f"sent:{event.intent_id}")
        elif event.event in {OrderEventKind.FILLED, OrderEventKind.PARTIAL}:
            self._count(meta.ts_ms, "filled", f"filled:{event.intent_id}")
        elif event.event in {OrderEventKind.REFUSED, OrderEventKind.REJECTED}:
            self._count(meta.ts_ms, "refused", f"refused:{event.intent_id}", (Gate.ORDER, event.reason or event.event.value))

    def _count(self, ms: int, name: str, key: str, reason: tuple[Gate, str] | None = None) -> None:
        day = self._day(ms)
        if key in day.seen:
            return
        day.seen.add(key)
        day.counts[name] += 1
        if reason is not None:
            day.reasons[reason] += 1
        self._changed = True

    def _day(self, ms: int) -> _Day:
        key = ms // DAY_MS
        day = self._days.setdefault(key, _Day())
        while len(self._days) > KEPT_DAYS:
            del self._days[min(self._days)]
        return day

    def take_changed(self) -> bool:
        """Whether something was counted since the last time."""
        changed, self._changed = self._changed, False
        return changed

    def answer(self, now_ms: int) -> Funnel:
        """The day of `now_ms`."""
        key = now_ms // DAY_MS
        day = self._days.get(key, _Day())
        counts = day.counts
        return Funnel(
            day_ms=key * DAY_MS,
            scanned=counts["scanned"],
            setups=counts["candidates"] + counts["skipped"],
            candidates=counts["candidates"],
            skipped=counts["skipped"],
            taken=counts["taken"],
            declined=counts["declined"],
            refused=counts["refused"],
            sent=counts["sent"],
            filled=counts["filled"],
            reasons=tuple(BlockedBy(gate=gate, reason=reason, count=count) for (gate, reason), count in day.reasons.most_common()),
        )

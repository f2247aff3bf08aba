"""How long a position has been without a stop: from the venue's time of the fill to the venue's time of the resting stop."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.bracket_guard.logic.orders import covers, protects
from shared.contracts.order import Leg
from shared.domain.order import VenueOrder
from shared.domain.position import VenuePosition

DAY_MS = 86_400_000
_NEWS_MS = 10_000


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without a stop that has ended. `serial` counts those of one position, 0 is the one after the entry."""

    symbol: str
    position_id: str
    duration_ms: int
    serial: int
    client_id: str


@dataclass(slots=True)
class _Watch:
    """`since_ms` None: protected. `total_ms` adds up the gaps that have ended."""

    position_id: str
    since_ms: int | None
    serial: int = 0
    seen_ms: int = 0
    total_ms: int = 0


class NakedTimes:
    """Follows each open position from look to look. Times are the venue's."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watch] = {}
        self._filled: dict[str, int] = {}
        self._day = 0
        self._longest = 0

    def filled(self, symbol: str, time_ms: int) -> None:
        """The entry of a position was executed; of several executions the first counts."""
        if symbol not in self._watched:
            self._filled.setdefault(symbol, time_ms)

    @property
    def naked(self) -> list[str]:
        """Symbols without a stop at the last look."""
        return sorted(s for s, w in self._watched.items() if w.since_ms is not None)

    def look(
        self, position: VenuePosition, position_id: str, orders: Sequence[VenueOrder], opened_ms: int | None, now_ms: int
    ) -> Gap | None:
        """A complete read of a position; the gap that has ended with it."""
        symbol, side = position.symbol, position.direction.exit_side
        stops = [o for o in orders if protects(o, side) is Leg.STOP and covers(o, position)]
        watch = self._watched.get(symbol)
        if watch is None or (position_id and watch.position_id not in {"", position_id}):
            since = self._filled.pop(symbol, None) or opened_ms
            if since is None and not stops:
                since = min(position.update_ms or now_ms, now_ms)
            watch = self._watched[symbol] = _Watch(position_id, since)
        watch.position_id = position_id or watch.position_id
        if not stops:
            if watch.since_ms is None:
                watch.since_ms = watch.seen_ms
            return None
        watch.seen_ms = now_ms
        if watch.since_ms is None:
            return None
        first = min(stops, key=lambda o: o.update_ms)
        duration = max(0, (first.update_ms or now_ms) - watch.since_ms)
        gap = Gap(symbol, watch.position_id, duration, watch.serial, first.client_id)
        watch.since_ms, watch.serial, watch.total_ms = None, watch.serial + 1, watch.total_ms + duration
        self._note(duration, now_ms)
        return gap

    def shown(self, symbol: str) -> dict[str, int | None]:
        """For people: how long this position had no stop in all, and since when it has none now."""
        watch = self._watched.get(symbol)
        return {} if watch is None else {"total_ms": watch.total_ms, "since_ms": watch.since_ms}

    def gone(self, symbol: str, now_ms: int) -> Gap | None:
        """The position is closed; a gap that lasted until then."""
        watch = self._watched.pop(symbol, None)
        if now_ms - self._filled.get(symbol, now_ms) > _NEWS_MS:  # a younger one may be of a position that the read does not show yet
            del self._filled[symbol]
        if watch is None or watch.since_ms is None:
            return None
        duration = max(0, now_ms - watch.since_ms)
        self._note(duration, now_ms)
        return Gap(symbol, watch.position_id, duration, watch.serial, "")

    def longest_ms(self, now_ms: int) -> int:
        """The longest gap of this UTC day that has ended, or lasts still."""
        ended = self._longest if now_ms // DAY_MS == self._day else 0
        return max([ended, *(now_ms - w.since_ms for w in self._watched.values() if w.since_ms is not None)])

    def restore(self, longest_ms: int, at_ms: int) -> None:
        """The day's maximum of an earlier life."""
        self._note(longest_ms, at_ms)

    def _note(self, duration_ms: int, now_ms: int) -> None:
        day = now_ms // DAY_MS
        self._longest = max(self._longest, duration_ms) if day == self._day else duration_ms
        self._day = day

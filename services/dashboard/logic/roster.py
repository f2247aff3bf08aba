"""Who is alive: the last heartbeat of each instance, and what is missing for the product to be ready."""

from collections.abc import Iterable

from services.dashboard.logic.answers import Absence, Missing, ServiceRow
from shared.contracts.ops import Heartbeat, ServiceState

FRESH_MS = 5_000
"""A heartbeat comes each second; after five without one the instance counts as silent."""

FORGET_MS = 600_000
"""A silent instance stays listed for ten minutes."""

REQUIRED = ("scanner", "sentinel", "advisor", "executor", "bracket_guard", "dashboard")
_WORKING = frozenset({ServiceState.READY, ServiceState.STANDBY})


class Roster:
    """Heartbeats by service and instance; times are this machine's."""

    def __init__(self, required: tuple[str, ...] = REQUIRED) -> None:
        self._required = required
        self._last: dict[tuple[str, str], tuple[Heartbeat, int]] = {}

    def hear(self, beat: Heartbeat, wall_ms: int) -> None:
        """One heartbeat."""
        self._last[(beat.service, beat.instance)] = (beat, wall_ms)

    def rows(self, wall_ms: int) -> tuple[ServiceRow, ...]:
        """Every known instance, by name; those long silent are forgotten, those replaced by a living one too."""
        alive = {beat.service for beat, seen in self._last.values() if wall_ms - seen <= FRESH_MS}
        for key, (beat, seen) in list(self._last.items()):
            silent_ms = wall_ms - seen
            replaced = silent_ms > FRESH_MS and beat.service in alive
            if silent_ms > FORGET_MS or (replaced and silent_ms > FRESH_MS * 6):
                del self._last[key]
        return tuple(_row(beat, seen, wall_ms) for _, (beat, seen) in sorted(self._last.items()))

    def fact(self, service: str, name: str, wall_ms: int) -> str | None:
        """What the active instance tells of itself in its heartbeats; None when none that is alive does."""
        beats = [beat for beat, seen in self._last.values() if beat.service == service and beat.active and wall_ms - seen <= FRESH_MS]
        return next((beat.facts[name] for beat in reversed(beats) if name in beat.facts), None)

    def missing(self, wall_ms: int) -> tuple[Missing, ...]:
        """Required services that are not ready."""
        rows = self.rows(wall_ms)
        found = [(name, _absence([row for row in rows if row.service == name])) for name in self._required]
        return tuple(Missing(name=name, reason=reason) for name, reason in found if reason is not None)


def whole_number(text: str | None) -> int | None:
    """A fact as a number; None when it is not one."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _row(beat: Heartbeat, seen: int, wall_ms: int) -> ServiceRow:
    return ServiceRow(
        service=beat.service,
        instance=beat.instance,
        pid=beat.pid,
        uptime_s=beat.uptime_s,
        version=beat.version,
        state=beat.state,
        active=beat.active,
        last_exit=beat.last_exit,
        lag=beat.lag,
        memory_bytes=beat.memory_bytes,
        seen_ms=seen,
        fresh=wall_ms - seen <= FRESH_MS,
    )


def _absence(rows: Iterable[ServiceRow]) -> Absence | None:
    """What keeps one service from being ready; None when it is."""
    rows = list(rows)
    if not rows:
        return Absence.NO_HEARTBEAT
    fresh = [row for row in rows if row.fresh]
    if not fresh:
        return Absence.STALE
    working = [row for row in fresh if row.state in _WORKING]
    if not working:
        return Absence.STARTING
    return None if any(row.active for row in working) else Absence.NO_ACTIVE

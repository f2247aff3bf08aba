"""How long something must be seen before the guard acts: reads are snapshots, and the executor is at work too."""

from dataclasses import dataclass, field

from services.bracket_guard.logic.jobs import Job, JobKind

GRACE_S = {
    JobKind.STOP_MISSING: 0.7,
    JobKind.STOP_WRONG: 1.5,
    JobKind.TARGET_MISSING: 3.0,
    JobKind.TARGET_WRONG: 3.0,
    JobKind.DUPLICATE: 1.5,
    JobKind.ORPHAN: 1.5,
    JobKind.BEYOND_STOP: 0.7,
    JobKind.STOP_UNFILLED: 5.0,
}
"""Seconds of our time: the executor places the first bracket well within the first; a missing target is no danger."""

_Key = tuple[str, str, str]


@dataclass(slots=True)
class Doubts:
    """Since when each job has been due; one that a complete read no longer shows is forgotten.

    It must be seen at two moments of venue time as well: in a replay that stands still until everybody is done, others are
    not late, however long it takes.
    """

    _since: dict[_Key, tuple[float, int]] = field(default_factory=dict)

    def due(self, symbol: str, found: list[Job], now_s: float, now_ms: int) -> list[Job]:
        """The jobs that were already due in an earlier look and are old enough by now."""
        keys = {job.key: job for job in found}
        for key in [k for k in self._since if k[0] == symbol and k not in keys]:
            del self._since[key]
        ready = []
        for key, job in keys.items():
            since = self._since.get(key)
            if since is None:
                self._since[key] = (now_s, now_ms)
            elif now_s - since[0] >= GRACE_S[job.kind] and now_ms > since[1]:
                ready.append(job)
        return ready

    def forget(self, job: Job) -> None:
        """It was done: start anew when it shows again."""
        self._since.pop(job.key, None)

    @property
    def any(self) -> bool:
        """Whether something is due."""
        return bool(self._since)

    @property
    def urgent(self) -> bool:
        """Whether a position may be without a stop that works."""
        urgent = {JobKind.STOP_MISSING, JobKind.BEYOND_STOP, JobKind.STOP_UNFILLED}
        return any(kind in urgent for _, kind, _ in self._since)

    @property
    def symbols(self) -> set[str]:
        """Symbols with something due."""
        return {symbol for symbol, _, _ in self._since}

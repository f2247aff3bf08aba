"""When to judge: once per second of venue time, after everything of that second is in.

Events come one by one and frames may pile up. So the first event of a later second closes the one before it, and `settle` closes
it when nothing more is waiting. Either way each second is judged once, on the same table: how fast somebody reads does not matter.
"""

from services.sentinel.logic.profile import Profile
from services.sentinel.logic.table import Day, Table
from services.sentinel.logic.watch import Told, Watch

_SECOND_MS = 1000


class Frames:
    """Feeds the table and asks the watch; `profile` is what is usual for each symbol, as it is known at the moment."""

    def __init__(self, table: Table, watch: Watch, profile: Profile) -> None:
        self._table = table
        self._watch = watch
        self._profile = profile
        self._open = False

    @property
    def waiting(self) -> bool:
        """Whether there are statistics that were not judged yet."""
        return self._open

    def day(self, symbol: str, day: Day) -> list[Told]:
        """Take 24 h statistics; the news of the second before, if this is the first event of a later one."""
        news = self._before(day.time_ms)
        self._table.day(symbol, day)
        self._open = True
        return news

    def mark(self, symbol: str, mark: float, index: float, *, funding_rate: float, time_ms: int) -> list[Told]:
        """Take mark price and funding; alone they are not judged, but with the next statistics."""
        news = self._before(time_ms)
        self._table.mark(symbol, mark, index, funding_rate)
        return news

    def settle(self) -> list[Told]:
        """Judge what is in."""
        if not self._open:
            return []
        self._open = False
        return self._watch.judge(self._table, self._profile)

    def _before(self, time_ms: int) -> list[Told]:
        """Close an earlier second."""
        return self.settle() if time_ms // _SECOND_MS > self._table.now_ms // _SECOND_MS else []

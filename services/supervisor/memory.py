"""How much memory processes hold."""

from collections.abc import Iterable

import psutil


def resident(pid: int) -> int:
    """Resident bytes of a process; 0 when it does not run."""
    if not pid:
        return 0
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def together(pids: Iterable[int]) -> int:
    """Their sum; pages that several share are counted for each."""
    return sum(resident(pid) for pid in pids)

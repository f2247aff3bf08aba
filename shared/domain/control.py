"""Whether the product may trade."""

from enum import StrEnum


class TradingState(StrEnum):
    """running; paused = no new entries; stopped = no scanning and no entries. Positions stay protected in each."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"

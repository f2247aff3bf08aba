"""Closed candles on their way in: each once, each symbol's in order, gaps seen before they do harm."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from services.scanner.logic.windows import Windows
from shared.domain.candle import Candle

Source = Literal["stream", "rest"]


class Arrival(StrEnum):
    """What became of a candle."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed candle, how it came, and when (monotonic seconds)."""

    candle: Candle
    source: Source
    arrived_s: float


class Gap(NamedTuple):
    """Candles of a symbol that are missing before one that is here: numbers of the first and the last."""

    symbol: str
    first: int
    last: int


class Inbox:
    """Candles that are not yet in the windows, by symbol and number."""

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._waiting: dict[str, dict[int, Closed]] = {}

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())

    def offer(self, closed: Closed) -> Arrival:
        """Take a candle, unless it is here already."""
        symbol = closed.candle.symbol
        row = self._windows.row.get(symbol)
        if row is None:
            return Arrival.UNKNOWN
        bar = self._windows.frame.bar(closed.candle.open_ms)
        waiting = self._waiting.setdefault(symbol, {})
        if bar <= self._windows.last[row] or bar in waiting:
            return Arrival.DUPLICATE
        waiting[bar] = closed
        return Arrival.TAKEN

    def newest(self, symbol: str) -> int:
        """Number of the newest candle that is known without a gap before it, -1 when there is none."""
        bar = int(self._windows.last[self._windows.row[symbol]])
        waiting = self._waiting.get(symbol, {})
        while bar + 1 in waiting:
            bar += 1
        return bar

    def ready(self) -> tuple[int, list[Closed]] | None:
        """The oldest bar of which some symbols have their next candle, with those candles by symbol; None when there is none."""
        heads = {symbol: bar for symbol in self._waiting if (bar := self._next(symbol)) is not None}
        if not heads:
            return None
        oldest = min(heads.values())
        symbols = sorted(symbol for symbol, bar in heads.items() if bar == oldest)
        return oldest, [self._take(symbol, oldest) for symbol in symbols]

    def waiting_count(self) -> int:
        """Symbols whose next candle is here: work that can be done now."""
        return sum(self._next(symbol) is not None for symbol in self._waiting)

    def _next(self, symbol: str) -> int | None:
        """Number of the symbol's next candle if it is here; the first candle of all may be any."""
        waiting = self._waiting[symbol]
        if not waiting:
            return None
        last = int(self._windows.last[self._windows.row[symbol]])
        if last < 0:
            return min(waiting)
        return last + 1 if last + 1 in waiting else None

    def _take(self, symbol: str, bar: int) -> Closed:
        waiting = self._waiting[symbol]
        closed = waiting.pop(bar)
        if not waiting:
            del self._waiting[symbol]
        return closed

    def gaps(self) -> list[Gap]:
        """Symbols that wait for candles before the ones that are here."""
        found = []
        for symbol, waiting in self._waiting.items():
            last = int(self._windows.last[self._windows.row[symbol]])
            if waiting and last >= 0 and last + 1 not in waiting:
                found.append(Gap(symbol, last + 1, min(waiting) - 1))
        return found

    def drop(self, symbols: Iterable[str]) -> None:
        """Forget the candles of symbols that are no longer watched."""
        for symbol in symbols:
            self._waiting.pop(symbol, None)

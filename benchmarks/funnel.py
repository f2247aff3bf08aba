"""Candles through the scanner's pure core, bar by bar, and what came out of it, counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from services.scanner.board import Board
from services.scanner.logic.decide import ClosedBatch, Rules, judge, signals
from services.scanner.logic.frame import Frame
from services.scanner.logic.market import Reference
from services.scanner.logic.rules import rules_of
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.strategy import Strategy
from shared.contracts.signal import Candidate, Skip, SkipReason
from shared.domain.candle import Candle

Decision = Candidate | Skip
FRAME = Frame.of("5m", "30m")
VALID_MS, DAY_MS = 30_000, 86_400_000


def default_rules(taker: float) -> Rules:
    """The rules of the default settings."""
    return rules_of((Strategy(), Filters(), Exits()), FRAME, max_age_ms=300_000.0, taker_ratio=taker, paper=True)


class Player:
    """A scanner's board without a scanner: somebody else knows the market facts and hands in the candles of each bar."""

    def __init__(self, symbols: Sequence[str], rules: Rules) -> None:
        self.board = Board(FRAME)
        self._rules = rules
        self.board.windows.admit(symbols)
        self.board.watch(tuple(symbols))

    def bar(self, bar: int, candles: list[Candle], facts: Callable[[list[Candle]], None] | None = None) -> list[Decision]:
        """Decide about the candles of one bar; volumes of a day rank the next one.

        `facts` puts book and mark of the symbols whose rules fired (those of all others are not looked at); without it they were
        put before.
        """
        board, close_ms = self.board, FRAME.close_ms(bar)
        rows = board.windows.append(bar, candles)
        if (close_ms + 1) % DAY_MS == 0:
            volumes = np.sort(board.windows.day_volume(rows))
            board.references = [*board.references[-1:], Reference(bar // FRAME.day_bars, bar + 1, volumes)]
        features = board.observe(rows, bar)
        fired = signals(features, board.ranks(rows, bar), self._rules)
        if not len(fired.place):
            return []
        if facts is not None:
            facts([candles[place] for place in fired.place])
        batch = ClosedBatch([c.symbol for c in candles], FRAME.interval, close_ms, close_ms + 1, VALID_MS, features)
        return judge(batch, fired, board.snapshot(rows[fired.place], bar), self._rules)


def count(decisions: Iterable[Decision]) -> Counter[tuple[str, str]]:
    """How many of each setup ended how: `(setup, "candidate" or the reason)`."""
    return Counter((d.setup.value, "candidate" if isinstance(d, Candidate) else d.reason.value) for d in decisions)


def stages(counts: Counter[tuple[str, str]]) -> list[tuple[str, int, int]]:
    """The funnel from top to bottom: what stopped signals, how many, and how many were left; filters that stopped none are left out."""
    by_outcome: Counter[str] = Counter()
    for (_, outcome), number in counts.items():
        by_outcome[outcome] += number
    left, found = sum(by_outcome.values()), []
    for reason in SkipReason:
        if by_outcome[reason.value]:
            left -= by_outcome[reason.value]
            found.append((reason.value, by_outcome[reason.value], left))
    return found

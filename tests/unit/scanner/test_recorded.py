"""Recorded candles through the pure core: the funnel is plausible and every decision is consistent in itself."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from services.scanner.board import Board
from services.scanner.logic.decide import ClosedBatch, judge, signals
from services.scanner.logic.frame import Frame
from services.scanner.logic.market import Reference
from services.scanner.logic.rules import rules_of
from shared.config.sections.exits import Exits
from shared.config.sections.filters import Filters
from shared.config.sections.strategy import Strategy
from shared.contracts.signal import Candidate, Setup, Skip, SkipReason
from shared.domain.candle import Candle
from shared.exchange.market import BookTicker, MarkPrice

pytestmark = pytest.mark.recorded

FRAME = Frame.of("5m", "30m")
SYMBOLS = ["BTCUSDT", "DOTUSDT", "NEARUSDT", "SOLUSDT"]
BEGIN_MS = 1_761_955_200_000
DAYS = 4
Decisions = list[Candidate | Skip]


@pytest.fixture(scope="module")
def decided(recordings: Path) -> Decisions:
    """All decisions about the first days of a few symbols."""
    columns = ["symbol", "open_time", "open", "high", "low", "close", "volume", "quote_volume"]
    chosen = pc.field("symbol").isin(SYMBOLS) & (pc.field("open_time") < BEGIN_MS + DAYS * 86_400_000)
    table = pq.read_table(recordings / "data" / "klines_5m.parquet", columns=columns, filters=chosen)
    bars: dict[int, list[Candle]] = defaultdict(list)
    for row in zip(*(table[name].to_pylist() for name in columns), strict=True):
        symbol, opened, *values = row
        bars[FRAME.bar(opened)].append(Candle(symbol, "5m", opened, *values, 0))  # type: ignore[call-arg]
    board, found = Board(FRAME), []
    board.windows.admit(SYMBOLS)
    board.watch(tuple(SYMBOLS))
    board.references = [Reference(0, 0, np.geomspace(1e6, 1e10, 50))]
    for bar in sorted(bars):
        found += decide_bar(board, bar, bars[bar])
    return found


def decide_bar(board: Board, bar: int, candles: list[Candle]) -> Decisions:
    close_ms = FRAME.close_ms(bar)
    for candle in candles:
        board.put_book(BookTicker(candle.symbol, candle.close * 0.9999, 1, candle.close * 1.0001, 1, close_ms - 10))
        board.put_mark(MarkPrice(candle.symbol, candle.close, candle.close, 0.00002, 0, close_ms - 10))
    rows = board.windows.append(bar, candles)
    features = board.observe(rows, bar)
    rules = rules_of((Strategy(), Filters(), Exits()), FRAME, max_age_ms=300_000.0, taker_ratio=0.0004, paper=True)
    fired = signals(features, board.ranks(rows, bar), rules)
    batch = ClosedBatch([c.symbol for c in candles], "5m", close_ms, close_ms + 20, 30_000, features)
    return judge(batch, fired, board.snapshot(rows[fired.place], bar), rules)


def test_the_funnel_is_plausible(decided: Decisions) -> None:
    reasons = Counter(d.reason for d in decided if isinstance(d, Skip))
    setups = Counter(d.setup for d in decided)
    candidates = sum(isinstance(d, Candidate) for d in decided)
    assert set(reasons) <= {SkipReason.TOO_FEW_CANDLES, SkipReason.EDGE, SkipReason.WICKINESS}
    assert setups[Setup.TREND_CROSS] > 100
    assert setups[Setup.BREAKOUT_RETEST] > 20
    assert 5 < candidates < 0.5 * len(decided)


def test_too_few_candles_are_an_affair_of_the_beginning(decided: Decisions) -> None:
    early = [d for d in decided if isinstance(d, Skip) and d.reason is SkipReason.TOO_FEW_CANDLES]
    late = [d for d in decided if d not in early]
    assert early
    assert max(d.close_ms for d in early) < min(d.close_ms for d in late)


def test_a_symbol_has_one_decision_per_candle(decided: Decisions) -> None:
    keys = [(d.symbol, d.close_ms) for d in decided]
    assert len(set(keys)) == len(keys)


def test_numbers_agree_with_each_other(decided: Decisions) -> None:
    for found in decided:
        if found.edge_r is None or found.p_prior is None or found.cost_r is None:
            continue
        assert found.edge_r == pytest.approx(found.p_prior * 1.6 - (1 - found.p_prior) - found.cost_r)
        assert found.stop_distance == pytest.approx(found.atr)
        by_edge = isinstance(found, Candidate) or found.reason is SkipReason.EDGE
        assert not by_edge or isinstance(found, Candidate) == (found.edge_r >= 0.04)

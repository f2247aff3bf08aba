"""A run learns only from what had ended, and trades one position per symbol."""

from dataclasses import replace

import numpy as np

from benchmarks.recorded_signals import COLUMNS, Case, Recording
from benchmarks.walk_runs import ALL, STEP_MS, VARIANTS, Run, Variant
from services.advisor.logic.edition import HOUR_MS, wanted
from services.advisor.logic.shadow import End, Outcome, follow
from tests.unit.advisor.cases import CLOSE_MS, candidate

BARS = 400


def case(number: int, net_r: float, lasts: int = 6) -> Case:
    """A candidate every third candle that ends `lasts` candles later."""
    found = candidate(close_ms=CLOSE_MS + number * 3 * STEP_MS)
    followed = follow(found, f"idea{number}", {})
    assert followed is not None
    ended = replace(followed, worst_r=min(0.0, net_r), best_r=max(0.0, net_r))
    end = End.TARGET if net_r > 0 else End.STOP
    return Case(found, followed, Outcome(ended, end, net_r, net_r, followed.close_ms + lasts * STEP_MS))


def recording() -> Recording:
    first = (CLOSE_MS + 1) // STEP_MS - 1
    return Recording(["SOLUSDT"], first, {name: np.full((1, BARS), 132.9) for name in COLUMNS})


def test_a_symbol_is_traded_once_at_a_time() -> None:
    edge_only = next(variant for variant in VARIANTS if variant.name == "edge only")
    run = Run(edge_only, recording())
    trades = run.go([case(number, 1.4 if number % 2 else -1.1) for number in range(40)])
    assert len(trades) == 20
    assert {trade.size for trade in trades} == {1.0}
    assert run.brain.bandit.outcomes == 0


def test_it_learns_only_from_what_had_ended_before_the_hour() -> None:
    material = [case(number, -1.1) for number in range(100)]
    for count in (5, 30, 100):
        run = Run(ALL, recording())
        run.go(material[:count])
        last = wanted(material[count - 1].followed.close_ms, STEP_MS)
        assert run.brain.until_ms < last * HOUR_MS


def test_losses_end_the_trading() -> None:
    trades = Run(Variant("bandit", bandit=True), recording()).go([case(number, -1.1) for number in range(120)])
    assert 0 < len(trades) < 60
    assert trades[-1].opened_ms < CLOSE_MS + 300 * STEP_MS

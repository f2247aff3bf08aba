"""What is seen after a trade's end comes into its review, in whatever order it is heard."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.advisor.logic.aftermath import OVERDUE_MS, WATCHED, Aftermath, ended, path, watch
from services.advisor.logic.learner import Learner
from services.advisor.logic.lesson import from_trade
from services.advisor.logic.longer import EMA_BARS, RISE_BARS, LongerTrend
from services.advisor.logic.postmortem import Cause
from services.advisor.logic.pulse import BARS, KEPT_CONDITIONS, Condition, Pulse
from services.advisor.logic.shadow import Followed
from shared.contracts.market import CandleClosed
from shared.contracts.order import ExitReason, TradeClosed
from tests.unit.advisor.test_brain import followed, trade
from tests.unit.advisor.test_learner import NAMES, STEP, T0, close_of, idea, market, signal

LONGER = 6


def bar(number: int, low: float, high: float, close: float | None = None, symbol: str = "SOLUSDT") -> CandleClosed:
    end = high if close is None else close
    return CandleClosed(
        symbol=symbol, interval="5m", open_ms=T0 + number * STEP, close_ms=close_of(number), open=low, high=high, low=low, close=end,
        volume=1, quote_volume=1, trades=1,
    )  # fmt: skip


def stopped(**changes: Any) -> tuple[TradeClosed, Followed]:
    """A long at 100 that risked 1.2 and was stopped in candle 5."""
    seen = replace(followed(price=99.88), raw={"sentinel_risk": 0.2, "market_risk": 0.1, "higher_side": 1.0})
    return trade(closed_ms=close_of(5) - 1000, opened_ms=close_of(0), **changes), seen


def test_after_a_stop_the_price_is_watched_for_two_hours() -> None:
    closed, seen = stopped()
    lesson = from_trade(closed, seen)
    assert lesson is not None
    waiting = ended(closed, lesson, {"sentinel_risk": 0.7, "market_risk": 0.0})
    waiting = watch(waiting, bar(4, 90, 200))
    waiting = watch(waiting, bar(5, 90, 200))
    assert (waiting.candles, waiting.turned_r) == (0, None), "the candle of the stop itself says nothing about afterwards"
    for number in range(6, 6 + WATCHED):
        assert not waiting.ready
        waiting = watch(waiting, bar(number, 97, 101.8 if number == 9 else 99))
    assert waiting.ready
    assert watch(waiting, bar(6, 0.1, 500)) == waiting
    found = path(waiting, Condition(close_of(5), atr=2.0, side=-1))
    assert found.turned_r == pytest.approx(1.5)
    assert found.slip_r == pytest.approx(0.1)
    assert found.atr_growth == pytest.approx(2.5)
    assert found.higher_turned is True
    assert (found.symbol_risk, found.market_risk) == (0.7, 0.1)
    unknown = path(waiting, None)
    assert (unknown.atr_growth, unknown.higher_turned) == (None, None)


def test_other_ends_are_reviewed_with_their_candle_and_forgotten_symbols_in_the_end() -> None:
    closed, seen = stopped(exit_reason=ExitReason.TARGET, r="1.4")
    lesson = from_trade(closed, seen)
    assert lesson is not None
    aftermath = Aftermath()
    aftermath.add(ended(closed, lesson, {}))
    assert aftermath.candle(bar(4, 99, 101), Pulse()) == []
    assert aftermath.candle(bar(5, 99, 101, symbol="ETHUSDT"), Pulse()) == []
    again = Aftermath.from_list(json.loads(json.dumps(aftermath.to_list())))
    for one in (aftermath, again):
        (found,) = one.candle(bar(5, 99, 101), Pulse())
        assert (found.position_id, found.symbol, len(one)) == (closed.position_id, "SOLUSDT", 0)
        assert set(found.weights) == {cause.value for cause in Cause}
    aftermath.add(ended(closed, lesson, {}))
    assert aftermath.overdue(closed.closed_ms + OVERDUE_MS, Pulse()) == []
    assert len(aftermath.overdue(closed.closed_ms + OVERDUE_MS + 1, Pulse())) == 1


def test_the_longer_trend_needs_its_candles_and_then_has_a_side() -> None:
    trend = LongerTrend()
    for number in range((EMA_BARS + RISE_BARS) * LONGER):
        assert trend.side is None
        trend.candle(T0 + number * STEP, close_of(number), 100 + number * 0.01, 1_800_000)
    assert trend.side == 1
    for later in range(number + 1, number + 200):
        trend.candle(T0 + later * STEP, close_of(later), 90, 1_800_000)
    assert trend.side == -1
    gap = LongerTrend()
    gap.candle(T0, close_of(0), 100.0, 1_800_000)
    gap.candle(T0 + 7 * STEP, close_of(7), 101.0, 1_800_000)
    assert (gap.bars, gap.emas) == (1, [100.0])


def test_a_restored_pulse_goes_on_to_the_last_digit() -> None:
    bars, straight = market(160), Pulse()
    for number in range(160):
        for name in NAMES:
            straight.candle(bars[name][number])
        if number == 100:
            again = Pulse.from_dict(json.loads(json.dumps(straight.to_dict())))
        elif number > 100:
            for name in NAMES:
                again.candle(bars[name][number])
    assert again.snapshot([], 0.0) == straight.snapshot([], 0.0) is not None
    assert again.to_dict() == straight.to_dict()
    assert Pulse.from_dict(straight.to_dict(), longer_ms=3_600_000).snapshot([], 0.0) is None
    for broken in ({}, straight.to_dict() | {"markets": {"A": 1}}):
        with pytest.raises(ValueError, match=r"expected|validation"):
            Pulse.from_dict(broken)


def test_the_condition_of_a_moment_is_that_of_its_candle() -> None:
    pulse = Pulse()
    for number in range(BARS + KEPT_CONDITIONS):
        pulse.candle(bar(number, 100, 101 + number * 0.1))
    last = BARS + KEPT_CONDITIONS - 1
    found = pulse.condition("SOLUSDT", close_of(last - 1) + 1)
    assert found is not None
    assert found.close_ms == close_of(last)
    earlier = pulse.condition("SOLUSDT", close_of(last - 1))
    assert earlier is not None
    assert earlier.atr < found.atr
    assert pulse.condition("SOLUSDT", close_of(last) + 1) is None
    assert pulse.condition("SOLUSDT", close_of(0)) is None
    assert pulse.condition("NOUSDT", close_of(last)) is None


def reviewed(*, late: bool, restarted: bool) -> Learner:
    """A stopped trade in a walk of 70 candles; `late` hears of its end five candles later."""
    bars, learner = market(130), Learner()
    for number in range(124):
        for name in NAMES:
            learner.candle(bars[name][number])
        if number == 80:
            offered = signal(NAMES[0], bars[NAMES[0]][80], 80)
            learner.signal(offered, idea(offered), {})
            learner.opened(idea(offered))
            closed = trade(symbol=NAMES[0], position_id=idea(offered), closed_ms=close_of(85) - 1000)
        if number == (90 if late else 85):
            assert learner.closed(closed) is not None
        if restarted and number == 95:
            learner = Learner.from_draft(json.loads(json.dumps(learner.draft())), learner.edition)
    return learner


@pytest.mark.parametrize(("late", "restarted"), [(True, False), (False, True), (True, True)])
def test_hearing_late_and_starting_again_change_no_review(*, late: bool, restarted: bool) -> None:
    straight, other = reviewed(late=False, restarted=False), reviewed(late=late, restarted=restarted)
    lessons = straight.edition.brain.lessons.of(NAMES[0])
    assert lessons["postmortem_liquidity_gap"] > 0
    assert other.edition.brain.lessons.of(NAMES[0]) == lessons
    assert len(other.aftermath) == 0
    assert other.playbook == straight.playbook


def test_a_trade_that_somebody_else_ended_is_reviewed_but_teaches_nothing() -> None:
    bars, learner = market(20), Learner()
    for number in range(10):
        learner.candle(bars[NAMES[0]][number])
        if number == 2:
            offered = signal(NAMES[0], bars[NAMES[0]][2], 1)
            learner.signal(offered, idea(offered), {})
            learner.opened(idea(offered))
            closed = trade(
                symbol=NAMES[0], position_id=idea(offered), closed_ms=close_of(4), exit_reason=ExitReason.MANUAL, r="-0.4", mfe_r="0.0"
            )
        if number == 5:
            assert learner.closed(closed) is None
    (found,) = learner.reviews
    assert found.weights["late_entry"] == 1.0
    assert learner.lessons == []


def test_the_tuner_tells_each_step_once() -> None:
    bars, learner, told = market(160), Learner(), []
    for number in range(160):
        for name in NAMES:
            if learner.candle(bars[name][number]) is not None:
                told.append(learner.changes)
                learner = Learner.from_draft(json.loads(json.dumps(learner.draft())), learner.edition)
            if number % 4 == 0:
                found = signal(name, bars[name][number], number)
                learner.signal(found, idea(found), {})
    steps = [change for changes in told for change in changes]
    assert steps
    last: dict[str, Any] = {}
    for change in steps:
        assert change.before == last.get(change.bucket, type(change.before)())
        last[change.bucket] = change.after
        assert change.advice.trades > 0

"""Each fact counts once, on its own day."""

from services.dashboard.logic.funnel import FunnelCounter, Gate
from shared.contracts.envelope import Outgoing
from shared.contracts.order import Leg, OrderEventKind
from shared.contracts.plan import PlanReason
from shared.contracts.signal import SkipReason
from tests.integration.dashboard import facts
from tests.unit.dashboard.logic.test_decisions import MS, meta


def counted(*messages: Outgoing) -> FunnelCounter:
    counter = FunnelCounter("5m")
    for message in messages:
        counter.apply(message.payload, meta(message))
    return counter


def test_from_candle_to_fill():
    found = counted(
        facts.candle("BTCUSDT", MS),
        facts.candle("ETHUSDT", MS),
        facts.skip("ETHUSDT", MS, SkipReason.SPREAD, 0.3, 0.2),
        *facts.filled("BTCUSDT", MS),
        facts.candidate("SOLUSDT", MS),
        facts.plan("SOLUSDT", MS, reason=PlanReason.EDGE_TOO_SMALL),
        facts.candidate("XRPUSDT", MS),
        facts.plan("XRPUSDT", MS),
        facts.order("XRPUSDT", MS, OrderEventKind.REFUSED, reason="max_open"),
    ).answer(facts.MORNING_MS)
    assert (found.scanned, found.setups, found.candidates, found.skipped) == (2, 4, 3, 1)
    assert (found.taken, found.declined, found.refused, found.sent, found.filled) == (2, 1, 1, 1, 1)
    assert {(one.gate, one.reason, one.count) for one in found.reasons} == {
        (Gate.SKIP, "spread", 1),
        (Gate.PLAN, "edge_too_small", 1),
        (Gate.ORDER, "max_open", 1),
    }


def test_what_is_delivered_twice_counts_once():
    messages = [facts.candle("BTCUSDT", MS), facts.skip("ETHUSDT", MS, SkipReason.SPREAD, 0.3, 0.2), *facts.filled("BTCUSDT", MS)]
    assert counted(*messages, *messages).answer(facts.MORNING_MS) == counted(*messages).answer(facts.MORNING_MS)


def test_candles_of_other_intervals_do_not_count():
    assert counted(facts.candle("BTCUSDT", MS, interval="30m")).answer(facts.MORNING_MS).scanned == 0


def test_orders_of_other_legs_do_not_count():
    assert counted(facts.order("BTCUSDT", MS, OrderEventKind.FILLED, leg=Leg.STOP)).answer(facts.MORNING_MS).filled == 0


def test_a_new_day_begins_at_zero_and_old_days_are_forgotten():
    counter = counted(*[facts.candle("BTCUSDT", MS + day * facts.DAY_MS) for day in range(5)])
    assert [counter.answer(MS + day * facts.DAY_MS).scanned for day in range(6)] == [0, 0, 0, 1, 1, 0]
    assert counter.answer(MS + 4 * facts.DAY_MS).day_ms % facts.DAY_MS == 0


def test_changes_are_told_once():
    counter = counted(facts.candle("BTCUSDT", MS))
    assert counter.take_changed()
    assert not counter.take_changed()

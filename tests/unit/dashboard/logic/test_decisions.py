"""One idea is one row, whatever the order in which its messages come and however often."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.dashboard.logic.decision import MAX_STEPS, DecisionRow, Stage, StepKind
from services.dashboard.logic.decisions import Decisions
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.order import ExitReason, OrderEventKind
from shared.contracts.plan import PlanReason
from shared.contracts.signal import SkipReason
from tests.integration.dashboard import facts

MS = facts.MORNING_MS - 1
IDEA = facts.idea("BTCUSDT", MS)


def meta(message: Outgoing) -> Meta:
    payload = message.payload
    return Meta(
        payload.message_id(), payload.topic.name, message.ts_ms, message.ts_ms, "test/1", message.decision_id, "", "main", message.epoch
    )


def played(*messages: Outgoing, limit: int = 400) -> Decisions:
    decisions = Decisions(limit)
    for message in messages:
        decisions.apply(message.payload, meta(message))
    return decisions


def only(decisions: Decisions) -> DecisionRow:
    (row,) = decisions.rows(10)
    return row


def test_a_skip_says_which_number_failed():
    row = only(played(facts.skip("BTCUSDT", MS, SkipReason.SPREAD, 0.0031, 0.002)))
    assert (row.stage, row.reason_kind, row.reason, row.value, row.limit) == (Stage.SKIPPED, "skip", "spread", 0.0031, 0.002)
    assert row.ms == MS


def test_a_declined_candidate_carries_the_plans_reason():
    row = only(played(facts.candidate("BTCUSDT", MS), facts.plan("BTCUSDT", MS, reason=PlanReason.EDGE_TOO_SMALL)))
    assert (row.stage, row.reason_kind, row.reason) == (Stage.DECLINED, "plan", "edge_too_small")


def test_a_refusal_explains_itself():
    refused = facts.order("BTCUSDT", MS, OrderEventKind.REFUSED, reason="max_open", detail="4 of 4")
    row = only(played(facts.candidate("BTCUSDT", MS), facts.plan("BTCUSDT", MS), refused))
    assert (row.stage, row.reason_kind, row.reason, row.explanation) == (Stage.REFUSED, "order", "max_open", "4 of 4")


def test_a_trade_ends_the_row_with_its_result():
    row = only(played(*facts.filled("BTCUSDT", MS), facts.trade("BTCUSDT", MS, "31.4", ExitReason.TARGET)))
    assert (row.stage, row.reason_kind, row.reason) == (Stage.CLOSED, "exit", "target")
    assert str(row.net_usd) == "31.4"
    assert [step.kind for step in row.steps] == [StepKind.CANDIDATE, StepKind.PLAN, *[StepKind.ORDER] * 5, StepKind.TRADE]


def test_any_order_of_messages_ends_in_the_same_stage_and_reason():
    messages = [
        facts.candidate("BTCUSDT", MS),
        facts.plan("BTCUSDT", MS),
        facts.order("BTCUSDT", MS, OrderEventKind.SUBMITTED),
        facts.order("BTCUSDT", MS, OrderEventKind.FILLED, serial="1"),
        facts.trade("BTCUSDT", MS, "-21", ExitReason.STOP),
    ]
    ends = {
        (row.stage, row.reason_kind, row.reason, str(row.net_usd)) for order in permutations(messages) for row in [only(played(*order))]
    }
    assert ends == {(Stage.CLOSED, "exit", "stop", "-21")}


def test_repeated_messages_change_nothing():
    messages = list(facts.filled("BTCUSDT", MS))
    assert only(played(*messages, *messages)) == only(played(*messages))


@given(st.lists(st.integers(0, 60), min_size=1, max_size=150))
def test_rows_stay_bounded_and_skips_do_not_push_out_ideas(times: list[int]):
    decisions = played(*facts.filled("ETHUSDT", MS), limit=5)
    for step in times:
        message = facts.skip("BTCUSDT", MS + step * facts.STEP_MS, SkipReason.SPREAD, 0.3, 0.2)
        decisions.apply(message.payload, meta(message))
    rows = decisions.rows(100)
    assert len(rows) <= 6
    assert decisions.one(facts.idea("ETHUSDT", MS)) in rows
    assert [row.ms for row in rows] == sorted((row.ms for row in rows), reverse=True)


def test_steps_stay_bounded():
    messages = [facts.order("BTCUSDT", MS, OrderEventKind.PARTIAL, serial=str(number)) for number in range(3 * MAX_STEPS)]
    assert len(only(played(*messages)).steps) == MAX_STEPS


def test_take_gives_each_change_once():
    decisions = played(*facts.filled("BTCUSDT", MS))
    assert [row.decision_id for row in decisions.take(10)] == [IDEA]
    assert decisions.take(10) == ()


def test_messages_that_belong_to_no_decision_are_left():
    message = facts.order("BTCUSDT", MS, OrderEventKind.FILLED)
    decisions = Decisions()
    decisions.apply(message.payload, Meta("x", "order", MS, MS, "t/1", "", "", "main", 0))
    decisions.apply(facts.candle("BTCUSDT", MS).payload, Meta("y", "md.candle", MS, MS, "t/1", "q", "", "main", 0))
    assert decisions.rows(10) == ()

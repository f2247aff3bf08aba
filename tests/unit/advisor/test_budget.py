import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.brain import Brain
from services.advisor.logic.budget import BIAS_HIGH, BIAS_LOW, PAUSE_MS, Asked, BudgetLearner, Case, asked_of, case_of, valued
from services.advisor.logic.decide import decide
from services.advisor.logic.learner import Learner
from shared.contracts.plan import Plan, PlanSource, Verdict
from tests.unit.advisor.cases import candidate
from tests.unit.advisor.test_brain import CALM, RULES, trade
from tests.unit.advisor.test_learner import NAMES, idea, market, signal


def case(net: float, number: int = 0, cost: float = 0.01) -> Case:
    return Case(f"idea{number}", "SOLUSDT", number, net + cost, cost)


def test_only_what_a_model_decided_beside_the_policy_is_a_case() -> None:
    plan = decide(candidate(), CALM, RULES, Brain())
    assert asked_of(plan) is None
    helped = {"source": PlanSource.LLM, "verdict": Verdict.SKIP, "cost_usd": Decimal("0.004")}
    assert asked_of(plan.model_copy(update=helped)) is None
    found = asked_of(plan.model_copy(update={**helped, "policy": {"policy_take": 1.0}}))
    assert found == Asked(ai_takes=False, policy_takes=True, cost_usd=0.004)


def test_a_gain_is_what_the_verdict_changed() -> None:
    end = (5, -1.2, 20.0)
    assert case_of("i", "S", Asked(ai_takes=False, policy_takes=True, cost_usd=0.01), end).gain_usd == pytest.approx(24.0)
    assert case_of("i", "S", Asked(ai_takes=True, policy_takes=False, cost_usd=0.01), end).gain_usd == pytest.approx(-24.0)
    same = case_of("i", "S", Asked(ai_takes=True, policy_takes=True, cost_usd=0.01), end)
    assert (same.gain_usd, same.cost_usd) == (0.0, 0.01)


def test_without_cases_nothing_changes() -> None:
    found = BudgetLearner().value("SOLUSDT")
    assert (found.cases, found.bias, found.paused_until_ms, found.low_usd) == (0, 1.0, None, None)
    assert not BudgetLearner().paused("SOLUSDT", 0)


def test_proof_moves_the_bias_and_a_clear_loss_pauses_for_a_day() -> None:
    good = valued([case(1.0 + 0.1 * (n % 3), n) for n in range(100)])
    assert 1.3 < good.bias < BIAS_HIGH
    assert good.paused_until_ms is None
    learner = BudgetLearner()
    for number in range(60):
        learner.note(case(-1.0 - 0.1 * (number % 3), number))
    bad = learner.value("SOLUSDT")
    assert BIAS_LOW < bad.bias < 0.6
    assert bad.high_usd is not None
    assert bad.high_usd < 0
    assert bad.paused_until_ms == 59 + PAUSE_MS
    assert learner.paused("SOLUSDT", 100)
    assert not learner.paused("SOLUSDT", 59 + PAUSE_MS)
    assert valued([case(-1.0, n) for n in range(29)]).paused_until_ms is None
    unclear = valued([case(1.0 if n % 2 else -1.05, n) for n in range(100)])
    assert 0.8 < unclear.bias < 1.0
    assert unclear.paused_until_ms is None


def test_help_that_changes_nothing_costs() -> None:
    found = valued([Case(f"{n}", "S", n, 0.0, 0.01) for n in range(40)])
    assert found.net_usd == pytest.approx(-0.01)
    assert found.paused_until_ms is not None
    assert found.spent_usd == pytest.approx(0.4)


@given(st.lists(st.floats(-50, 50), max_size=80))
def test_the_bias_stays_within_its_bounds(results: list[float]) -> None:
    found = valued([case(net, number) for number, net in enumerate(results)])
    assert BIAS_LOW <= found.bias <= BIAS_HIGH


def test_it_round_trips() -> None:
    learner = BudgetLearner()
    for number in range(250):
        learner.note(case(0.1 * number, number))
    again = BudgetLearner.from_dict(json.loads(json.dumps(learner.to_dict())))
    assert again.value("SOLUSDT") == learner.value("SOLUSDT")
    assert again.value("SOLUSDT").cases == 200
    for broken in ({}, {"kind": "budget", "version": 1}, {"kind": "budget", "version": 1, "cases": {"A": [{}]}}):
        with pytest.raises(ValueError, match=r"expected|validation"):
            BudgetLearner.from_dict(broken)


def helped(found: Any, *, takes: bool) -> Plan:
    plan = decide(candidate(symbol=found.symbol, close_ms=found.close_ms), CALM, RULES, Brain())
    verdict = Verdict.TAKE if takes else Verdict.SKIP
    return plan.model_copy(
        update={"source": PlanSource.LLM, "verdict": verdict, "cost_usd": Decimal("0.01"), "policy": {"policy_take": float(not takes)}}
    )


def test_the_learner_values_help_with_trades_and_with_what_was_only_followed() -> None:
    bars, learner = market(160), Learner()
    taken, skipped = signal(NAMES[0], bars[NAMES[0]][1], 1), signal(NAMES[0], bars[NAMES[0]][13], 13)
    for number in range(160):
        learner.candle(bars[NAMES[0]][number])
        if number == 1:
            learner.signal(taken, idea(taken), {})
            learner.planned(helped(taken, takes=True), idea(taken))
            learner.opened(idea(taken))
        if number == 5:
            closed = trade(
                symbol=NAMES[0], position_id=idea(taken), closed_ms=bars[NAMES[0]][5].close_ms - 1, r="-1.4", initial_risk_usd="10"
            )
            assert learner.closed(closed) is not None
        if number == 13:
            learner.signal(skipped, idea(skipped), {})
            learner.planned(helped(skipped, takes=False), idea(skipped))
            learner = Learner.from_draft(json.loads(json.dumps(learner.draft())), learner.edition)
    found = learner.edition.brain.budget.value(NAMES[0])
    assert found.cases == 2
    assert found.spent_usd == pytest.approx(0.02)
    rows = learner.edition.brain.budget.to_dict()["cases"][NAMES[0]]
    assert rows[0]["gain_usd"] == pytest.approx(-14.0)
    assert rows[1]["gain_usd"] != 0
    assert Brain.from_dict(learner.edition.brain.to_dict())[0].budget.value(NAMES[0]) == found

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import Caution, caution
from services.advisor.logic.decide import Rules
from services.advisor.logic.decide import decide as decide_with
from shared.contracts.plan import Bucket, Plan, PlanReason, PlanSource, Verdict
from shared.contracts.sentinel import SentinelState
from shared.contracts.signal import Candidate, Setup
from shared.domain.errors import ContractViolation
from shared.domain.order import Direction
from tests.unit.advisor.cases import CLOSE_MS, candidate, red, warning

RULES = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=True)
CALM = caution([], CLOSE_MS)

edges = st.floats(-2, 2)
risks = st.floats(0, 1)


def decide(offered: Candidate, held: Caution, rules: Rules) -> Plan:
    """With nothing learned."""
    return decide_with(offered, held, rules, Brain())


def warned(*states: SentinelState | None) -> Caution:
    return caution(states, CLOSE_MS)


def test_an_edge_at_the_threshold_is_taken_at_the_small_size() -> None:
    plan = decide(candidate(edge_r=0.04), CALM, RULES)
    assert (plan.verdict, plan.reason, plan.bucket, plan.source) == (Verdict.TAKE, PlanReason.EDGE, Bucket.S, PlanSource.POLICY)
    assert plan.raising == {"bucket": Decimal("1.0")}
    assert plan.reducing == {}
    assert plan.leverage is None


def test_an_edge_below_the_threshold_is_skipped_and_both_numbers_are_told() -> None:
    plan = decide(candidate(edge_r=0.0399), CALM, RULES)
    assert (plan.verdict, plan.reason) == (Verdict.SKIP, PlanReason.EDGE_TOO_SMALL)
    assert "+0.040 R" in plan.explanation
    assert plan.policy["edge_r"] == 0.0399
    assert plan.policy["min_edge_r"] == 0.04


def test_what_the_executor_needs_is_copied() -> None:
    offered = candidate(direction=Direction.SHORT)
    plan = decide(offered, CALM, RULES)
    names = (
        "symbol",
        "interval",
        "close_ms",
        "direction",
        "setup",
        "price",
        "stop_distance",
        "target_distance",
        "valid_until_ms",
        "edge_r",
    )
    assert {name: getattr(plan, name) for name in names} == {name: getattr(offered, name) for name in names}
    assert plan.identity() == offered.identity()


def test_a_yellow_warning_shrinks_the_size_and_says_why() -> None:
    plan = decide(candidate(), warned(warning(), None), RULES)
    assert plan.verdict is Verdict.TAKE
    assert plan.reducing == {"sentinel": Decimal("0.65")}
    assert "24 h range 18 %" in plan.explanation


def test_a_veto_of_the_market_stops_a_symbol_without_warning() -> None:
    plan = decide(candidate(edge_r=2.0), warned(None, red(symbol="MARKET")), RULES)
    assert (plan.verdict, plan.reason) == (Verdict.SKIP, PlanReason.SENTINEL_VETO)
    assert "MARKET" in plan.explanation


def test_the_smaller_clamp_of_symbol_and_market_counts() -> None:
    both = warned(warning(size_clamp=Decimal("0.8")), warning(symbol="MARKET", size_clamp=Decimal("0.5")))
    assert both.clamp == Decimal("0.5")


def test_a_warning_that_expired_by_the_candidates_time_does_not_count() -> None:
    plan = decide(candidate(), warned(red(expires_ms=CLOSE_MS)), RULES)
    assert plan.verdict is Verdict.TAKE
    assert plan.reducing == {}
    assert decide(candidate(), warned(red(expires_ms=CLOSE_MS + 1)), RULES).verdict is Verdict.SKIP


def test_an_offer_without_a_rule_is_left_to_the_ai() -> None:
    plan = decide(candidate(setup=Setup.TREND_SCAN, edge_r=1.0), CALM, RULES)
    assert (plan.verdict, plan.reason) == (Verdict.SKIP, PlanReason.AI)


@pytest.mark.parametrize("distances", [{"stop_distance": 0.0}, {"target_distance": -1.0}])
def test_a_candidate_without_room_for_a_bracket_is_a_broken_message(distances: dict[str, float]) -> None:
    with pytest.raises(ContractViolation, match="positive stop and target"):
        decide(candidate(**distances), CALM, RULES)


@given(low=edges, high=edges, risk=risks)
def test_more_edge_never_turns_a_take_into_a_skip(low: float, high: float, risk: float) -> None:
    low, high = sorted((low, high))
    held = warned(warning(event_risk=risk))
    if decide(candidate(edge_r=low), held, RULES).verdict is Verdict.TAKE:
        assert decide(candidate(edge_r=high), held, RULES).verdict is Verdict.TAKE


@given(edge=edges, clamps=st.lists(st.decimals("0.3", "1", places=2), max_size=2), veto=st.booleans())
def test_a_warning_never_helps(*, edge: float, clamps: list[Decimal], veto: bool) -> None:
    offered = candidate(edge_r=edge)
    plan = decide(offered, warned(*(warning(size_clamp=c, veto=veto) for c in clamps)), RULES)
    free = decide(offered, CALM, RULES)
    assert plan.verdict is Verdict.SKIP or free.verdict is Verdict.TAKE
    assert plan.raising == free.raising
    assert all(factor < 1 for factor in plan.reducing.values())


@given(edge=edges, risk=risks)
def test_the_same_question_has_the_same_answer(edge: float, risk: float) -> None:
    held = warned(warning(event_risk=risk))
    assert decide(candidate(edge_r=edge), held, RULES) == decide(candidate(edge_r=edge), held, RULES)

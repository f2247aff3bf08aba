import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.adjust import adjust
from services.advisor.logic.aftermath import ended, review
from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide
from services.advisor.logic.lesson import Kind, Lesson, from_shadow, from_trade
from services.advisor.logic.playbook import Adjustments, Playbook, Regime
from services.advisor.logic.postmortem import causes
from services.advisor.logic.pulse import Pulse
from services.advisor.logic.shadow import End, Followed, Outcome, follow
from shared.contracts.order import ExitReason, TradeClosed
from shared.contracts.plan import Bucket, Plan, PlanReason, Verdict
from shared.domain.order import Direction
from shared.policy.bandit import Size
from tests.unit.advisor.cases import CLOSE_MS, candidate

RULES = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"), bandit=True, alpha=True)
CALM = caution([], CLOSE_MS)


def followed(**changes: Any) -> Followed:
    found = follow(candidate(**changes), "idea", {})
    assert found is not None
    return found


def lesson(net_r: float, number: int = 0, kind: Kind = Kind.SHADOW, **changes: Any) -> Lesson:
    worst = max(-1.0, min(0.0, net_r))
    return Lesson(kind, CLOSE_MS + number, followed(**changes), net_r, worst, max(0.0, net_r), stopped=net_r <= -1)


def taught(results: list[float], rounds: int, kind: Kind = Kind.SHADOW) -> Brain:
    brain = Brain()
    for number in range(rounds):
        brain.learn(lesson(results[number % len(results)], number, kind))
    return brain


def plan(brain: Brain, rules: Rules = RULES, **changes: Any) -> Plan:
    return decide(candidate(**changes), CALM, rules, brain)


def test_an_untaught_brain_changes_nothing() -> None:
    with_brain = plan(Brain())
    assert (with_brain.verdict, with_brain.reason, with_brain.bucket) == (Verdict.TAKE, PlanReason.EDGE, Bucket.S)
    assert (with_brain.stop_distance, with_brain.target_distance) == (1.2, 1.8)
    assert with_brain.raising == {"bucket": Decimal("1.0")}
    assert with_brain.reducing == {}
    assert with_brain.confidence is None
    assert plan(Brain(), edge_r=0.0).verdict is Verdict.SKIP


def test_losses_turn_a_take_into_a_skip_with_the_numbers() -> None:
    found = plan(taught([-1.1, -1.1, 0.9], 200), replace(RULES, alpha=False))
    assert (found.verdict, found.reason) == (Verdict.SKIP, PlanReason.BANDIT)
    assert found.policy["bandit_mean_r"] < 0
    assert "speak against" in found.explanation
    found = plan(taught([-1.1, -1.1, 0.9], 200), replace(RULES, bandit=False))
    assert (found.verdict, found.reason) == (Verdict.SKIP, PlanReason.ALPHA)


def test_a_calibrated_edge_decides_only_when_it_is_enforced() -> None:
    brain = taught([-1.1, -1.1, -1.1, 0.9], 100)
    quiet = replace(RULES, bandit=False, alpha=False)
    shown = plan(brain, quiet)
    assert shown.verdict is Verdict.TAKE
    assert shown.policy["edge_calibrated_r"] < 0.04
    found = plan(brain, replace(quiet, enforce=True))
    assert (found.verdict, found.reason) == (Verdict.SKIP, PlanReason.EDGE_TOO_SMALL)
    assert "outcomes correct the edge" in found.explanation
    assert plan(Brain(), replace(quiet, enforce=True), p_prior=0.56, edge_r=0.31).verdict is Verdict.TAKE


def test_wins_make_it_larger() -> None:
    brain = taught([1.4, 1.4, -1.1], 200)
    found = plan(brain)
    assert found.verdict is Verdict.TAKE
    assert found.bucket is not Bucket.S
    assert found.raising["bucket"] > 1
    assert found.confidence is not None
    assert found.confidence > 0.5
    assert plan(brain, replace(RULES, bandit=False, alpha=False)).bucket is Bucket.S


def test_the_edge_and_the_veto_still_come_first() -> None:
    assert plan(taught([1.4], 200), edge_r=0.0).reason is PlanReason.EDGE_TOO_SMALL


def test_the_shadow_of_a_trade_teaches_the_calibration_but_not_the_policy_twice() -> None:
    outcome = Outcome(followed(), End.TARGET, 1.5, 1.4, CLOSE_MS)
    shadow = from_shadow(replace(outcome, followed=replace(outcome.followed, taken=True)))
    assert shadow is not None
    brain = Brain()
    brain.learn(shadow)
    assert brain.bandit.outcomes == 0
    assert brain.calibration.outcomes == 1
    free = from_shadow(outcome)
    assert free is not None
    brain.learn(free)
    assert brain.bandit.outcomes == 0.5
    assert from_shadow(replace(outcome, end=End.GAP)) is None


def trade(**changes: Any) -> TradeClosed:
    fields: dict[str, Any] = {
        "symbol": "SOLUSDT",
        "position_id": "abcdefghij",
        "direction": Direction.LONG,
        "setup": None,
        "interval": "5m",
        "quantity": "1",
        "entry_price": "100",
        "exit_price": "98.7",
        "opened_ms": CLOSE_MS,
        "closed_ms": CLOSE_MS + 600_000,
        "gross_usd": "-1.3",
        "fees_usd": "0.1",
        "funding_usd": "0",
        "net_usd": "-1.4",
        "initial_risk_usd": "1",
        "r": "-1.4",
        "exit_reason": ExitReason.STOP,
        "mae_r": "-1.3",
        "mfe_r": "0.2",
        "stop_price": "99",
    }
    return TradeClosed.model_validate(fields | changes)


def test_a_trade_teaches_with_full_weight_and_leaves_its_causes() -> None:
    found = from_trade(trade(), followed())
    assert found is not None
    assert (found.net_r, found.worst_r, found.stopped) == (-1.4, -1.3, True)
    assert found.beyond_stop_r == pytest.approx(0.3)
    brain = Brain()
    brain.learn(found)
    assert brain.bandit.outcomes == 1
    assert brain.calibration.outcomes == 0
    brain.review(review(ended(trade(), found, {}), Pulse()))
    assert brain.lessons.of("SOLUSDT")["postmortem_liquidity_gap"] > 0
    moved = from_trade(trade(stop_price="100", exit_price="99.9"), followed())
    assert moved is not None
    assert moved.beyond_stop_r == pytest.approx(0.1)


@pytest.mark.parametrize("changes", [{"r": None}, {"exit_reason": ExitReason.MANUAL}, {"exit_reason": ExitReason.FLATTEN}])
def test_what_says_nothing_about_the_signal_is_no_lesson(changes: dict[str, Any]) -> None:
    assert from_trade(trade(**changes), followed()) is None


def test_the_brain_round_trips_and_a_broken_part_starts_neutral_alone() -> None:
    brain = taught([1.4, -1.1, 0.3], 60, Kind.TRADE)
    brain.learn(lesson(0.5, 100))
    brain.playbook = Playbook(regime=Regime.MOMENTUM, adjustments=Adjustments(size=0.8), version=3)
    document = json.loads(json.dumps(brain.to_dict()))
    again, problems = Brain.from_dict(document)
    assert problems == []
    assert again.to_dict() == brain.to_dict()
    assert plan(again) == plan(brain)
    broken, problems = Brain.from_dict(document | {"bandit": {}, "tuner": {"kind": "x"}})
    assert len(problems) == 2
    assert broken.bandit.outcomes == 0
    assert broken.alpha.outcomes == brain.alpha.outcomes
    assert Brain.from_dict({})[0].to_dict() == Brain().to_dict()


def test_the_playbook_acts_within_bounds_and_by_name() -> None:
    brain = Brain()
    brain.playbook = Playbook(regime=Regime.RISK_OFF, adjustments=Adjustments(0.5, 1.1, 0.9, -0.3, {"trend_cross": 0.8}))
    found = plan(brain)
    assert found.reducing == {"playbook": Decimal("0.5")}
    assert found.stop_distance == pytest.approx(1.32)
    assert found.target_distance == pytest.approx(1.62)
    assert "playbook size x0.5" in found.explanation
    assert found.raising == {"bucket": Decimal("1.0")}


factors = st.floats(0.1, 5)


@given(
    stop=factors,
    target=factors,
    book_stop=factors,
    book_target=factors,
    offer=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
    size=st.floats(0.5, 1.4),
)
def test_adjusted_trades_keep_their_shape(
    *, stop: float, target: float, book_stop: float, book_target: float, offer: tuple[float, float], size: float
) -> None:
    found = adjust(offer, {"tuner": size}, {"playbook": book_stop, "tuner": stop}, {"playbook": book_target, "tuner": target})
    assert 0.6 * offer[0] <= found.stop_distance <= 1.6 * offer[0] + 1e-9
    assert found.target_distance >= 1.05 * found.stop_distance - 1e-9
    assert all(factor < 1 for factor in found.reducing.values())
    assert all(factor > 1 for factor in found.raising.values())
    same = adjust(offer, {"tuner": 1.0}, {"playbook": 1.0}, {})
    assert same.stop_distance == offer[0]
    assert (same.stops, same.targets) == ({}, {})


def narrow() -> Brain:
    """Many trades whose winners needed little room, whose favourable runs were short, and whose losers were late."""
    brain = Brain()
    for number in range(120):
        won = number % 2 == 0
        seen = replace(followed(), raw={"postmortem_late_entry": 0.0 if won else 0.5})
        paths = (1.4, -0.3, 0.8) if won else (-1.1, -1.0, 0.0)
        taught = Lesson(Kind.TRADE, CLOSE_MS + number, seen, *paths, stopped=not won)
        brain.learn(taught)
        brain.lessons.note(seen.symbol, causes(taught.path))
    return brain


def test_the_tuner_changes_sizes_and_leaves_distances_alone_unless_it_is_allowed_to() -> None:
    brain, quiet = narrow(), replace(RULES, bandit=False, alpha=False)
    found = plan(brain, quiet)
    assert (found.stop_distance, found.target_distance) == (1.2, 1.8)
    assert found.stop_factors == found.target_factors == {}
    assert "tuner" in {**found.raising, **found.reducing}
    moved = plan(brain, replace(quiet, tuner_distances=True))
    assert moved.stop_distance < 1.2
    assert moved.target_distance < 1.8
    assert set(moved.stop_factors) == set(moved.target_factors) == {"tuner"}
    assert f"tuner stop x{moved.stop_factors['tuner']:.2f}" in moved.explanation
    assert moved.raising == found.raising


def test_a_plan_tells_what_each_loop_changed() -> None:
    brain = narrow()
    brain.playbook = Playbook(regime=Regime.RISK_OFF, adjustments=Adjustments(0.5, 1.1, 0.9, -0.3, {}))
    found = plan(brain, replace(RULES, tuner_distances=True))
    assert set(found.learned_r) == {"sentinel", "playbook", "tuner", "postmortem"}
    assert found.stop_factors["playbook"] == 1.1
    assert found.target_factors["playbook"] == 0.9
    assert found.learned_r["postmortem"] < 0
    assert "In what outcomes say: " in found.explanation
    total = sum(found.learned_r.values())
    assert abs(total) <= sum(abs(weight) for weight in brain.bandit.weights.values())
    assert plan(brain, replace(RULES, bandit=False)).learned_r == {}


def test_size_names_agree_with_the_messages() -> None:
    assert [size.value for size in Size] == [bucket.value for bucket in Bucket]

"""The report is shown as it is, with a reason when there is none, and told when it changed."""

from decimal import Decimal

from services.dashboard.logic.adjusted import Adviser, adjusted_of, main_cause
from services.dashboard.logic.answers import Unknown
from services.dashboard.logic.decisions import Decisions
from services.dashboard.logic.learning import Lessons
from shared.contracts.ai import Postmortem
from shared.contracts.learning import Worth
from shared.contracts.plan import Plan
from tests.integration.dashboard import facts
from tests.unit.dashboard.logic.test_decisions import meta

NOW = facts.MORNING_MS


def test_nothing_written_is_said_and_not_told_again():
    lessons = Lessons(distances=True)
    lessons.put(None)
    assert (lessons.answer.report, lessons.answer.unknown, lessons.answer.distances) == (None, Unknown.NOT_WRITTEN, True)
    assert lessons.take() is None


def test_a_report_is_told_once():
    lessons = Lessons(distances=False)
    lessons.put(facts.learning(NOW))
    told = lessons.take()
    assert told is not None
    assert told.report is not None
    assert {row.reason: row.worth for row in told.report.filters}["edge"] is Worth.SAVES
    lessons.put(facts.learning(NOW))
    assert lessons.take() is None
    lessons.put(facts.learning(NOW, lessons=1))
    assert lessons.take() is not None


def test_a_silent_store_keeps_what_is_known_and_a_broken_report_is_not_shown():
    lessons = Lessons(distances=False)
    lessons.silent()
    assert lessons.answer.unknown is Unknown.STORE_UNAVAILABLE
    lessons.put(None)
    assert lessons.answer.unknown is Unknown.NOT_WRITTEN
    lessons.put(facts.learning(NOW))
    lessons.silent()
    assert lessons.answer.report is not None
    lessons.put({"edition": "x"})
    assert (lessons.answer.report, lessons.answer.unknown) == (None, Unknown.UNREADABLE)


def test_only_what_an_adviser_changed_is_listed():
    plan = facts.plan("BTCUSDT", NOW).payload
    assert isinstance(plan, Plan)
    rows = {row.adviser: row for row in adjusted_of(plan)}
    assert list(rows) == [Adviser.PLAYBOOK, Adviser.TUNER, Adviser.POSTMORTEM]
    assert rows[Adviser.TUNER].size == Decimal("0.83")
    assert (rows[Adviser.PLAYBOOK].target, rows[Adviser.PLAYBOOK].stop) == (1.1, None)
    assert rows[Adviser.POSTMORTEM].learned_r == -0.021
    quiet = {"reducing": {}, "target_factors": {}, "learned_r": {}}
    assert adjusted_of(plan.model_copy(update=quiet)) == ()


def test_the_main_cause_is_the_heaviest_flaw_or_good_process():
    review = Postmortem(
        symbol="S", position_id="p", features={"late_entry": 0.4, "stop_too_tight": 0.7, "good_process": 1.0}, source="rules"
    )
    assert main_cause(review) == "stop_too_tight"
    assert main_cause(review.model_copy(update={"features": {"late_entry": 0.1}})) == "good_process"


def test_a_post_mortem_is_a_step_of_its_decision():
    decisions = Decisions()
    for message in (*facts.filled("BTCUSDT", NOW), facts.postmortem("BTCUSDT", NOW)):
        decisions.apply(message.payload, meta(message))
    (row,) = decisions.rows(1)
    assert (row.steps[-1].kind.value, row.steps[-1].code) == ("postmortem", "stop_too_tight")
    assert {one.adviser for one in row.adjusted} == {Adviser.PLAYBOOK, Adviser.TUNER, Adviser.POSTMORTEM}

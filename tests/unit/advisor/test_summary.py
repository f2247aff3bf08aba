import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.gauges import Gauges
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.summary import learning_report, report, wilson
from services.advisor.telling import Teller, playbook, postmortem, tuning
from shared.contracts.ai import PlaybookState
from shared.contracts.envelope import Meta
from shared.contracts.learning import LearningReport
from shared.runtime.metrics import Metrics
from tests.unit.advisor.test_learner import market, teach


def meta(name: str) -> Meta:
    fields = {field.name: "" if field.type in {"str", str} else 1 for field in dataclasses.fields(Meta)}
    return Meta(**{**fields, "id": name})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def taught() -> tuple[Learner, Edition]:
    learner = Learner()
    return learner, teach(learner, 0, 160, market(160))[-1]


@given(share=st.floats(0, 1), count=st.floats(1, 1e6))
def test_the_interval_of_a_share_holds_it_and_stays_a_share(share: float, count: float) -> None:
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1
    assert high - low >= wilson(share, count * 4)[1] - wilson(share, count * 4)[0]


def test_wilson_of_a_known_case() -> None:
    assert wilson(0.5, 100) == pytest.approx((0.4190, 0.5810), abs=1e-3)


def test_the_report_is_whole_and_reads_itself(taught: tuple[Learner, Edition]) -> None:
    found = learning_report(*taught)
    assert LearningReport.model_validate(report(*taught)) == found
    assert found.made_ms == taught[0].clock_ms > found.until_ms
    assert [model.model for model in found.models] == ["prior", "alpha"]
    for model in found.models:
        assert sum(point.outcomes for point in model.points) == pytest.approx(model.outcomes)
        assert all(point.low <= point.observed <= point.high for point in model.points)
    for row in found.filters:
        assert row.wins <= row.trades
        if row.low_r is not None and row.high_r is not None:
            assert row.low_r <= row.high_r
    for bucket in found.tuner:
        assert bucket.low_r is None or bucket.high_r is None or bucket.low_r <= bucket.mean_r <= bucket.high_r
    assert found.playbook.inputs["symbols"] == 6


def test_nothing_learned_is_a_report_too() -> None:
    found = learning_report(Learner(), Learner().edition)
    assert (found.lessons, found.filters, found.tuner, found.postmortem, found.help) == (0, (), (), {}, ())
    assert [model.brier_score for model in found.models] == [None, None]


def test_metrics_show_what_the_report_says(taught: tuple[Learner, Edition]) -> None:
    metrics = Metrics("advisor")
    Gauges(metrics).show(learning_report(*taught))
    text = metrics.render().decode()
    for name in ("filter_blocked_trades", "filter_result_r", "brier_score_ratio", "learning_funnel_signals", "policy_outcomes"):
        assert f"mraster_advisor_{name}" in text


def test_messages_carry_the_numbers_behind_them(taught: tuple[Learner, Edition]) -> None:
    learner, edition = taught
    told = playbook(edition)
    assert told.inputs == dict(edition.brain.playbook.inputs)
    for change in learner.changes:
        step = tuning(change, edition.number, distances=True)
        assert (step.samples, step.version, step.distances) == (change.advice.trades, edition.number, True)
        assert float(step.size_before or 0) == pytest.approx(change.before.size, abs=1e-4)
        assert float(step.size_factor) == pytest.approx(change.after.size, abs=1e-4)
    for found in learner.reviews:
        assert postmortem(found).position_id == found.position_id


def test_a_candle_that_comes_again_has_its_messages_again(taught: tuple[Learner, Edition]) -> None:
    learner, edition = taught
    teller = Teller(tuner_distances=lambda: False)
    first = teller.with_candle(learner, edition, meta("a"))
    kinds = {type(found.payload) for found in first}
    assert {PlaybookState, LearningReport} <= kinds
    assert teller.with_candle(learner, None, meta("b")) == []
    assert teller.with_candle(learner, None, meta("a")) == first
    again = Teller(tuner_distances=lambda: False)
    again.begin(learner)
    assert PlaybookState not in {type(found.payload) for found in again.with_candle(learner, edition, meta("c"))}
    assert {found.payload.message_id() for found in teller.with_candle(learner, None, meta("a"))} == {
        found.payload.message_id() for found in first
    }

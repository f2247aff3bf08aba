"""Metrics of what was learned, from the report of an edition."""

from shared.contracts.learning import LearningReport
from shared.runtime.metrics import Metrics

BOUNDS = ("low", "mean", "high")


class Gauges:
    """Labels are from closed sets: skip reasons, models, steps of the funnel, causes."""

    def __init__(self, metrics: Metrics) -> None:
        self._following = metrics.gauge("signals_followed", "Signals on their way to a hypothetical end")
        self._outcomes = metrics.gauge("policy_outcomes", "Sum of the weights that the policy learned from")
        self._brier = metrics.gauge("brier_score_ratio", "Mean squared error of win probabilities", ("model",))
        self._funnel = metrics.gauge("learning_funnel_signals", "Signals by how far they came since learning began", ("step",))
        self._blocked = metrics.gauge("filter_blocked_trades", "Hypothetical trades by the reason that stopped them", ("reason",))
        self._worth = metrics.gauge("filter_result_r", "Mean net R of hypothetical trades, with its 90 % interval", ("reason", "bound"))
        self._postmortem = metrics.gauge("postmortem_weight_ratio", "Running average of each cause over closed trades", ("cause",))
        self._regime = metrics.gauge("playbook_version", "Version of the playbook that holds")

    def show(self, report: LearningReport) -> None:
        """Everything of one edition."""
        self._following.set(report.following)
        self._outcomes.set(report.bandit.outcomes)
        self._regime.set(report.playbook.version)
        for step, count in report.funnel.model_dump().items():
            self._funnel.labels(step).set(count)
        for model in report.models:
            if model.brier_score is not None:
                self._brier.labels(model.model).set(model.brier_score)
        for row in report.filters:
            self._blocked.labels(row.reason).set(row.trades)
            for bound, value in zip(BOUNDS, (row.low_r, row.mean_r, row.high_r), strict=True):
                self._worth.labels(row.reason, bound).set(float("nan") if value is None else value)
        for cause, weight in report.postmortem.items():
            self._postmortem.labels(cause).set(weight)

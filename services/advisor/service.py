"""The advisor. Consumes candidates; publishes exactly one plan for each, TAKE or SKIP, with its reason.

Owns the learning state in Redis; one instance at a time, by the lease `active-advisor`, also consumes skips, candles, positions
and closed trades, and writes it. Reads the sentinel's warnings from Redis at decision time. Any number of instances share the
candidates: plans have deterministic ids, so a candidate that is handled twice has one plan.
"""

from services.advisor.archive import Archive
from services.advisor.editions import Editions
from services.advisor.learning import Learning
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide
from services.advisor.outlook import Outlook
from shared.config.choices import CalibrationMode
from shared.contracts import topic
from shared.contracts.envelope import Meta, Outgoing
from shared.contracts.signal import Candidate
from shared.runtime.context import Context
from shared.runtime.service import Service, loop, on


def build(ctx: Context) -> Service:
    """The whole wiring."""
    advisor = Advisor(ctx)
    return Service("advisor", (on(topic.CANDIDATE, advisor.on_candidate), loop(advisor.learning.run)))


class Advisor:
    """Joins a candidate with the warnings that hold for it; the decision itself is in `logic`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._outlook = Outlook(ctx)
        archive = Archive(ctx)
        self._editions = Editions(ctx, archive)
        self.learning = Learning(ctx, self._outlook, self._editions, archive)
        self._plans = ctx.metrics.counter("plans_total", "Plans by verdict, reason and source", ("verdict", "reason", "source"))

    async def on_candidate(self, candidate: Candidate, meta: Meta) -> list[Outgoing]:
        """One plan. Its time is the candidate's: the same fact gives the same message, whenever it is handled."""
        states = await self._outlook.of(candidate.symbol)
        edition = await self._editions.for_signal(candidate.close_ms, candidate.interval)
        plan = decide(candidate, caution(states, candidate.close_ms), self._rules(), edition.brain)
        self._plans.labels(plan.verdict.value, plan.reason.value, plan.source.value).inc()
        return [Outgoing(plan, ts_ms=meta.ts_ms)]

    def _rules(self) -> Rules:
        """The settings as they are now (some may change while running)."""
        settings = self._ctx.settings
        risk, advisor, mode = settings.risk, settings.advisor, settings.strategy.calibration_mode
        return Rules(
            min_edge_r=settings.strategy.min_edge_r,
            size_mult_s=risk.size_mult_s,
            size_mult_m=risk.size_mult_m,
            size_mult_l=risk.size_mult_l,
            bandit=advisor.bandit_enabled,
            alpha=advisor.alpha_enabled,
            alpha_threshold=advisor.alpha_threshold,
            alpha_promote_delta=advisor.alpha_promote_delta,
            tuner_distances=advisor.tuner_distances,
            enforce=mode is CalibrationMode.ENFORCE or (mode is CalibrationMode.AUTO and not settings.core.paper),
        )

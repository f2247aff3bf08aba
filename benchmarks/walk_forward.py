"""Walk-forward evaluation of the policy on a recording: `python -m benchmarks.walk_forward DATA_FOLDER [--every N] [--write FILE]`.

`--every 4` takes every fourth symbol by name. `--write` puts the tables between the marks of a document.

Every decision uses only lessons that had ended before the hour of the decision, as in the product. The second half is the test.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from benchmarks.recorded_signals import SLIPPAGE, SPREAD, TAKER, Case, Recording, again, cases, read
from services.advisor.logic.brain import Brain
from services.advisor.logic.caution import caution
from services.advisor.logic.decide import Rules, decide, question_of
from services.advisor.logic.edition import HOUR_MS, wanted
from services.advisor.logic.lesson import Kind, Lesson, from_shadow
from services.advisor.logic.report import bootstrap
from services.advisor.logic.shadow import End, Outcome
from shared.contracts.plan import Plan, Verdict
from shared.contracts.signal import Candidate

DAY_MS = 86_400_000
STEP_MS = 300_000
CALM = caution([], 0)
EDGE_ONLY = Rules(min_edge_r=0.04, size_mult_s=Decimal("1.0"))


@dataclass(frozen=True, slots=True)
class Variant:
    """What has a say besides the edge. `calibrated` gates on the calibrated edge; `everything` skips no candidate."""

    name: str
    bandit: bool = False
    alpha: bool = False
    calibrated: bool = False
    tuner: bool = False
    everything: bool = False

    @property
    def learns(self) -> bool:
        """Whether outcomes have a say at all."""
        return self.bandit or self.alpha or self.calibrated or self.tuner

    @property
    def rules(self) -> Rules:
        """Settings of the decision."""
        least = -99.0 if self.everything else EDGE_ONLY.min_edge_r
        return replace(EDGE_ONLY, bandit=self.bandit, alpha=self.alpha, min_edge_r=least)


VARIANTS = (
    Variant("every candidate", everything=True),
    Variant("edge only"),
    Variant("edge + calibration", calibrated=True),
    Variant("edge + bandit", bandit=True),
    Variant("edge + alpha", alpha=True),
    Variant("edge + tuner", tuner=True),
    Variant("all of it", bandit=True, alpha=True, calibrated=True, tuner=True),
)


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of a variant: result in R at size 1, and the size that the policy gave it."""

    opened_ms: int
    net_r: float
    size: float


@dataclass
class Run:
    """One variant going through the recording."""

    variant: Variant
    recording: Recording
    brain: Brain = field(default_factory=Brain)
    trades: list[Trade] = field(default_factory=list)
    _waiting: list[Lesson] = field(default_factory=list)
    _edition: int = 0
    _open_until: dict[str, int] = field(default_factory=dict)

    def go(self, material: Sequence[Case]) -> list[Trade]:
        """Every signal in order."""
        for case in material:
            self._learn(wanted(case.followed.close_ms, STEP_MS))
            taken = self._decide(case) if isinstance(case.signal, Candidate) else None
            self._wait_for(case, taken)
        return self.trades

    def _learn(self, edition: int) -> None:
        """Lessons that ended before the edition's hour."""
        if edition == self._edition:
            return
        self._edition = edition
        ripe = [lesson for lesson in self._waiting if lesson.ended_ms < edition * HOUR_MS]
        self._waiting = [lesson for lesson in self._waiting if lesson.ended_ms >= edition * HOUR_MS]
        if self.variant.learns:
            for lesson in sorted(ripe, key=lambda item: item.order):
                self.brain.learn(lesson)

    def _decide(self, case: Case) -> Outcome | None:
        """The result of the trade, None when it is not taken or its symbol is busy."""
        assert isinstance(case.signal, Candidate)
        if self._open_until.get(case.signal.symbol, 0) > case.followed.close_ms:
            return None
        plan = decide(case.signal, CALM, self.variant.rules, self.brain)
        if plan.verdict is not Verdict.TAKE or (self.variant.calibrated and not self._calibrated(case.signal)):
            return None
        outcome = self._traded(case, plan)
        if outcome is None or outcome.end is End.GAP:
            return None
        self._open_until[case.signal.symbol] = outcome.ended_ms
        factors = {"bucket": plan.raising["bucket"]}
        if self.variant.tuner:
            factors |= {k: v for k, v in (*plan.raising.items(), *plan.reducing.items()) if k == "tuner"}
        self.trades.append(Trade(case.followed.close_ms, outcome.net_r, float(np.prod([float(v) for v in factors.values()]))))
        return outcome

    def _traded(self, case: Case, plan: Plan) -> Outcome | None:
        """With the plan's own distances when the tuner has a say; costs in R follow the stop."""
        if not self.variant.tuner or (plan.stop_distance == case.followed.stop_distance):
            return case.outcome
        scale = case.followed.stop_distance / plan.stop_distance
        other = replace(
            case.followed, candles=0, worst_r=0.0, best_r=0.0, until_ms=case.followed.close_ms,
            stop_distance=plan.stop_distance, target_distance=plan.target_distance, cost_r=case.followed.cost_r * scale,
        )  # fmt: skip
        return again(self.recording, other)

    def _calibrated(self, candidate: Candidate) -> bool:
        """Whether the edge with the corrected probability still reaches the least."""
        question = question_of(candidate, CALM, self.brain)
        p = self.brain.calibration.probability(question.setup, question.strength, question.p_prior)
        return p * question.payoff - (1 - p) - question.cost_r >= EDGE_ONLY.min_edge_r

    def _wait_for(self, case: Case, taken: Outcome | None) -> None:
        """What will be learned once it has ended."""
        followed = replace(case.outcome.followed, taken=taken is not None)
        shadow = from_shadow(replace(case.outcome, followed=followed))
        if shadow is not None:
            self._waiting.append(shadow)
        if taken is not None:
            end = taken.followed
            stopped = taken.end is End.STOP
            self._waiting.append(Lesson(Kind.TRADE, taken.ended_ms, end, taken.net_r, end.worst_r, end.best_r, stopped=stopped))


def drawdown(results: Sequence[float]) -> float:
    """The largest fall of the running sum, in R."""
    if not results:
        return 0.0
    total = np.concatenate([[0.0], np.cumsum(results)])
    return float(np.max(np.maximum.accumulate(total) - total))


def row(variant: Variant, trades: Sequence[Trade]) -> str:
    """One line of a table."""
    results = [trade.net_r for trade in trades]
    interval = bootstrap(results, [trade.opened_ms for trade in trades], np.random.default_rng(17), DAY_MS)
    sized = [trade.net_r * trade.size for trade in trades]
    bounds = "-" if interval.low is None or interval.high is None else f"{interval.low:+.3f} to {interval.high:+.3f}"
    hits = sum(result > 0 for result in results) / len(results) if results else 0.0
    return (
        f"| {variant.name} | {len(trades)} | {hits:.1%} | {interval.mean:+.3f} | {bounds} |"
        f" {sum(results):+.1f} | {sum(sized):+.1f} | {drawdown(results):.1f} |"
    )


HEAD = (
    "| who decides | trades | hits | net R per trade | 90 % interval | sum R, size 1 | sum R, sized | drawdown R |",
    "|---|---:|---:|---:|---:|---:|---:|---:|",
)


def tables(recording: Recording, material: Sequence[Case]) -> list[str]:
    """Both halves for every variant."""
    first, last = material[0].followed.close_ms, material[-1].followed.close_ms
    split = (first + last) // 2 // DAY_MS * DAY_MS
    runs = []
    for variant in VARIANTS:
        sys.stderr.write(f"{variant.name}\n")
        runs.append((variant, Run(variant, recording).go(material)))
    lines: list[str] = []
    for title, second in (("Second half: the test", True), ("First half: learning from nothing", False)):
        chosen = [(variant, [trade for trade in trades if (trade.opened_ms >= split) is second]) for variant, trades in runs]
        lines += [f"### {title}", "", *HEAD, *(row(variant, trades) for variant, trades in chosen), ""]
    return lines


def overview(material: Sequence[Case]) -> list[str]:
    """What the rules found, and how it ended when nobody chose."""
    reasons = sorted({case.followed.reason for case in material})
    lines = ["| signal | count | won | net R each | 90 % interval |", "|---|---:|---:|---:|---:|"]
    for reason in reasons:
        chosen = [c for c in material if c.followed.reason == reason and c.outcome.end is not End.GAP]
        found = bootstrap([c.outcome.net_r for c in chosen], [c.followed.close_ms for c in chosen], np.random.default_rng(17), DAY_MS)
        bounds = "-" if found.low is None or found.high is None else f"{found.low:+.3f} to {found.high:+.3f}"
        won = sum(c.outcome.net_r > 0 for c in chosen) / max(1, len(chosen))
        lines.append(f"| {reason} | {len(chosen)} | {won:.1%} | {found.mean:+.3f} | {bounds} |")
    return lines


def main(arguments: Sequence[str]) -> None:
    """Print the tables, and write them when asked to."""
    folder = Path(arguments[0])
    recording = read(folder, every=int(arguments[arguments.index("--every") + 1]) if "--every" in arguments else 1)
    material = cases(recording)
    costs = f"taker fee {TAKER:.2%} per side, spread {SPREAD:.2%}, slippage {SLIPPAGE:.2%} per side, expected funding"
    lines = [
        f"Recording: {len(recording.symbols)} symbols, {len(recording.bars)} five-minute candles, {len(material)} signals. Costs: {costs}.",
        "", "### Every signal, followed to its end", "", *overview(material), "", *tables(recording, material),
    ]  # fmt: skip
    print("\n".join(lines))
    if "--write" in arguments:
        target = Path(arguments[arguments.index("--write") + 1])
        text = target.read_text()
        start, end = "<!-- tables -->", "<!-- end of tables -->"
        head, _, rest = text.partition(start)
        _, _, tail = rest.partition(end)
        target.write_text(f"{head}{start}\n\n" + "\n".join(lines) + f"\n{end}{tail}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the AI's help was worth, per symbol: statistics only, of results that are known and of what was really paid.

One case is one candidate about which a model was asked. Its gain is what its verdict changed against the policy's own on the same
path: result times (AI takes - policy takes), in money at the initial risk. Where both say the same, the gain is zero and the cost stays.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from shared.contracts.plan import Plan, PlanSource, Verdict

KEPT = 200
SHRINK = 30.0
BIAS_LOW, BIAS_HIGH = 0.25, 1.5
LEAST_CASES = 30
TWO_SIDED_90 = 1.6449
PAUSE_MS = 86_400_000
POLICY_TAKE = "policy_take"
"""Where a plan that a model made says what the policy alone had decided: 1 take, 0 skip."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A model was asked about an idea: both verdicts, and what the answer cost in USD."""

    ai_takes: bool
    policy_takes: bool
    cost_usd: float


@dataclass(frozen=True, slots=True)
class Case:
    """An asked idea with its end."""

    idea: str
    symbol: str
    ended_ms: int
    gain_usd: float
    cost_usd: float

    @property
    def order(self) -> tuple[int, str]:
        """Cases are taken in in this order, whichever came first."""
        return (self.ended_ms, self.idea)


@dataclass(frozen=True, slots=True)
class Value:
    """What help is worth on one symbol.

    `net_usd` per case after its cost, with the 90 % interval (None with fewer than two cases); `bias` scales the symbol's share of the
    budget; `paused_until_ms` is set when even the upper bound is below zero.
    """

    cases: int
    gain_usd: float
    spent_usd: float
    net_usd: float
    low_usd: float | None
    high_usd: float | None
    bias: float
    paused_until_ms: int | None


def asked_of(plan: Plan) -> Asked | None:
    """What a plan tells about a model's help; None when no model decided, or it does not say what the policy had decided."""
    if plan.source is not PlanSource.LLM or POLICY_TAKE not in plan.policy:
        return None
    return Asked(plan.verdict is Verdict.TAKE, plan.policy[POLICY_TAKE] > 0, float(plan.cost_usd))


def case_of(idea: str, symbol: str, asked: Asked, end: tuple[int, float, float]) -> Case:
    """The case of an idea that ended: `end` is when, the net result in R, and the initial risk in USD."""
    ended_ms, net_r, risk_usd = end
    return Case(idea, symbol, ended_ms, net_r * risk_usd * (asked.ai_takes - asked.policy_takes), asked.cost_usd)


def valued(cases: list[Case]) -> Value:
    """The value of the help in these cases.

    The bias goes from 1 towards its bounds with the number of cases (n / (n + 30)) and with the certainty: all of it when the 90 %
    interval of the net value no longer holds zero, in proportion before.
    """
    count = len(cases)
    if count == 0:
        return Value(0, 0.0, 0.0, 0.0, None, None, 1.0, None)
    net = np.array([case.gain_usd - case.cost_usd for case in cases])
    mean = float(net.mean())
    reach = TWO_SIDED_90 * float(net.std(ddof=1)) / sqrt(count) if count > 1 else 0.0
    low, high = (mean - reach, mean + reach) if count > 1 else (None, None)
    sure = min(1.0, max(-1.0, mean / reach)) if reach > 0 else float(np.sign(mean))
    room = (BIAS_HIGH - 1.0) if sure > 0 else (1.0 - BIAS_LOW)
    negative = count >= LEAST_CASES and high is not None and high < 0
    return Value(
        cases=count,
        gain_usd=float(sum(case.gain_usd for case in cases)),
        spent_usd=float(sum(case.cost_usd for case in cases)),
        net_usd=mean,
        low_usd=low,
        high_usd=high,
        bias=1.0 + room * sure * count / (count + SHRINK),
        paused_until_ms=cases[-1].ended_ms + PAUSE_MS if negative else None,
    )


class BudgetLearner:
    """The last 200 cases of each symbol."""

    def __init__(self) -> None:
        self._cases: dict[str, list[Case]] = {}

    @property
    def symbols(self) -> list[str]:
        """Symbols with cases, by name."""
        return sorted(self._cases)

    def note(self, case: Case) -> None:
        """Take in a case."""
        rows = self._cases.setdefault(case.symbol, [])
        rows.append(case)
        del rows[:-KEPT]

    def value(self, symbol: str) -> Value:
        """What is known about a symbol."""
        return valued(self._cases.get(symbol, []))

    def paused(self, symbol: str, now_ms: int) -> bool:
        """Whether no model is to be asked about a symbol now."""
        until_ms = self.value(symbol).paused_until_ms
        return until_ms is not None and now_ms < until_ms

    def to_dict(self) -> dict[str, Any]:
        """The whole state as JSON types."""
        return {"kind": "budget", "version": 1, "cases": {symbol: [asdict(case) for case in rows] for symbol, rows in self._cases.items()}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "BudgetLearner":
        """The learner of a document.

        Raises:
            ValueError: it is not one (pydantic's error is one, too).
        """
        if (document.get("kind"), document.get("version")) != ("budget", 1):
            raise ValueError(f"expected kind 'budget' version 1, got {document.get('kind')!r} version {document.get('version')!r}")
        found = cls()
        found._cases = _CASES.validate_python(document.get("cases"))
        return found


_CASES = TypeAdapter(dict[str, list[Case]])
CASES = TypeAdapter(list[Case])
ASKED = TypeAdapter(dict[str, Asked])

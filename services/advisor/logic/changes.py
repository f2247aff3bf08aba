"""What the tuner changed since it was last told: one entry per bucket whose factors moved."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from services.advisor.logic.tuner import Advice, Tuner

LEAST_CHANGE = 0.02
"""A smaller step of every factor is not worth a message."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Of stop, target and size."""

    stop: float = 1.0
    target: float = 1.0
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """A bucket's factors before, and the advice that moved them."""

    bucket: str
    before: Factors
    advice: Advice

    @property
    def after(self) -> Factors:
        """The factors now."""
        return factors_of(self.advice)


def factors_of(advice: Advice) -> Factors:
    """The factors of an advice."""
    return Factors(advice.stop_factor, advice.target_factor, advice.size_factor)


def changes(tuner: Tuner, told: Mapping[str, Factors]) -> list[Change]:
    """Buckets whose factors differ from what was told last (1 when nothing was), by name."""
    found = [Change(bucket, told.get(bucket, Factors()), tuner.advice(bucket)) for bucket in tuner.buckets]
    return [change for change in found if _step(change.before, change.after) >= LEAST_CHANGE]


def _step(before: Factors, after: Factors) -> float:
    return max(abs(after.stop - before.stop), abs(after.target - before.target), abs(after.size - before.size))


CHANGES = TypeAdapter(list[Change])
TOLD = TypeAdapter(dict[str, Factors])

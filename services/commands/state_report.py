"""What an import would change, in words and as JSON types."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from services.advisor.logic.documents import Review, review
from services.commands.original import Original

_WORDS = {
    "edition": "edition",
    "until_ms": "learned until (ms)",
    "policy": "outcomes of the policy",
    "alpha": "outcomes of the alpha model",
    "calibration": "outcomes of the calibration",
    "regime": "playbook",
    "following": "signals followed",
    "trades_on_the_way": "trades on the way",
    "lessons_waiting": "lessons waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`changes` by name: before and after. `left_out` are parts that are not taken over: name, how many, why."""

    kind: str
    changes: Mapping[str, tuple[Any, Any]]
    trades: int = 0
    known: int = 0
    left_out: tuple[tuple[str, int, str], ...] = ()
    problems: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"changes": {name: list(pair) for name, pair in self.changes.items()}}

    def lines(self) -> list[str]:
        """For people."""
        found = [f"{_WORDS[name]}: {_shown(before)} -> {_shown(after)}" for name, (before, after) in self.changes.items()]
        if self.kind == "original":
            found.append(f"trades of the original bot: {self.trades} are learned from, {self.known} were known already")
        found += [f"not taken over: {name} ({count}): {why}" for name, count, why in self.left_out]
        return found or ["nothing would change"]


def of(documents: Mapping[str, Mapping[str, Any]]) -> Review:
    """What a set of documents holds."""
    return review(documents)


def counts(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Documents per section."""
    return {name: len(section) for name, section in sections.items()}


def compared(before: Review, after: Review) -> dict[str, tuple[Any, Any]]:
    """What differs."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in _WORDS}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def left_out(original: Original) -> tuple[tuple[str, int, str], ...]:
    """Of a file of the original bot."""
    trades = tuple(("trade_history", count, why) for why, count in sorted(original.left_out.items()))
    return trades + tuple((part.name, part.count, part.why) for part in original.parts)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"

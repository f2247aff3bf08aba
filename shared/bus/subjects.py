"""Questions about subject patterns: `*` is one token, `>` (last) is one or more."""

from collections.abc import Iterable


def intersection(left: str, right: str) -> str | None:
    """The pattern that matches what both match; None when nothing does."""
    tokens = _meet(left.split("."), right.split("."))
    return ".".join(tokens) if tokens else None


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject (or a narrower pattern) lies inside a pattern."""
    return intersection(pattern, subject) == subject


def widest(patterns: Iterable[str]) -> list[str]:
    """The patterns without those that lie inside another one: a consumer's filters must not overlap."""
    unique = list(dict.fromkeys(patterns))
    return [p for p in unique if not any(other != p and matches(other, p) for other in unique)]


def _meet(left: list[str], right: list[str]) -> list[str] | None:
    met: list[str] = []
    for position in range(max(len(left), len(right))):
        mine, theirs = left[position : position + 1], right[position : position + 1]
        if mine == [">"] and theirs:
            return met + right[position:]
        if theirs == [">"] and mine:
            return met + left[position:]
        if not mine or not theirs or not (mine == theirs or "*" in (*mine, *theirs)):
            return None
        met += theirs if mine == ["*"] else mine
    return met

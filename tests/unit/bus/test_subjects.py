"""Patterns meet, contain and cover each other as on the server."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.subjects import intersection, matches, widest


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        ("md.v1.>", "md.v1.candle.*.BTC", "md.v1.candle.*.BTC"),
        ("md.v1.>", "md.v1", None),
        (">", "a", "a"),
        ("*.v1.x", "md.*.x", "md.v1.x"),
        ("md.*", "md.*.*", None),
        ("md.>", "*.v1.>", "md.v1.>"),
        ("a.b", "a.c", None),
        ("a.*.c", "a.b.>", "a.b.c"),
    ],
)
def test_intersection(left: str, right: str, both: str | None) -> None:
    assert intersection(left, right) == both
    assert intersection(right, left) == both


ALPHABET = ("a", "b", "c")
SUBJECTS = [".".join(tokens) for length in (1, 2, 3) for tokens in itertools.product(ALPHABET, repeat=length)]
patterns = st.builds(
    lambda tokens, tail: ".".join([*tokens, *tail]),
    st.lists(st.sampled_from(("a", "b", "*")), min_size=1, max_size=3),
    st.sampled_from(((), (">",))),
)


def naive(pattern: str, subject: str) -> bool:
    wanted, given_tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(given_tokens) <= len(wanted):
            return False
        given_tokens = given_tokens[: len(wanted)]
    return len(wanted) == len(given_tokens) and all(w in ("*", g) for w, g in zip(wanted, given_tokens, strict=True))


@given(patterns, patterns)
def test_an_intersection_matches_what_both_match(left: str, right: str) -> None:
    both = intersection(left, right)
    for subject in SUBJECTS:
        assert matches(left, subject) == naive(left, subject)
        assert (both is not None and naive(both, subject)) == (naive(left, subject) and naive(right, subject))


@given(st.lists(patterns, max_size=5))
def test_the_widest_match_the_same_and_do_not_lie_in_each_other(many: list[str]) -> None:
    few = widest(many)
    assert [any(naive(p, s) for p in few) for s in SUBJECTS] == [any(naive(p, s) for p in many) for s in SUBJECTS]
    assert not any(matches(a, b) for a, b in itertools.permutations(few, 2))

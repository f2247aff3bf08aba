import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.stored import Unreadable, sane

good = st.none() | st.booleans() | st.text(max_size=5) | st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15)
documents = st.recursive(good, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4))
bad = st.sampled_from([math.nan, math.inf, -math.inf, 1e16, 10**40, -(10**16)])


@given(documents)
def test_what_is_finite_and_within_bounds_passes(document: Any) -> None:
    sane(document)


@given(before=documents, number=bad, after=documents)
def test_one_wild_number_anywhere_is_found_and_named(before: Any, number: float, after: Any) -> None:
    for document in ({"a": before, "x": number, "z": after}, {"a": before, "x": [number, after]}, {"x": {"y": (before, number)}}):
        with pytest.raises(Unreadable, match=r"^x.*: expected a finite number"):
            sane(document)

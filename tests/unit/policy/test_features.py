import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.features import BIAS, FEATURES, NAMES, SETUPS, vector

SOURCES = [feature.source for feature in FEATURES if not feature.source.startswith("setup_") and feature.source != "long"]
values = st.floats(-1e6, 1e6) | st.sampled_from([math.nan, math.inf, -math.inf])
raws = st.dictionaries(st.sampled_from(SOURCES), values)


def test_names_are_different_and_carry_a_version() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all("@" in name for name in NAMES[1:])
    assert NAMES[0] == BIAS


@given(raw=raws, sign=st.sampled_from([1, -1]), setup=st.sampled_from(SETUPS))
def test_every_feature_is_within_one_whatever_comes_in(raw: dict[str, float], sign: int, setup: str) -> None:
    found = vector(raw, sign=sign, setup=setup)
    assert found.names == NAMES
    assert np.all(np.abs(found.values) <= 1)
    assert found.values[0] == 1
    assert set(found.unknown) == {source for source in SOURCES if not math.isfinite(raw.get(source, math.nan))}


@given(raw=raws)
def test_a_short_sees_the_mirror_of_a_long(raw: dict[str, float]) -> None:
    long = vector(raw, sign=1, setup="trend_cross").values[1:]
    short = vector(raw, sign=-1, setup="trend_cross").values[1:]
    for feature, one, other in zip(FEATURES, long, short, strict=True):
        assert other == pytest.approx(-one if feature.signed else one)


@given(raw=raws, extra=st.sampled_from(FEATURES))
def test_a_feature_more_or_in_another_place_changes_no_other(raw: dict[str, float], extra: object) -> None:
    whole = dict(zip(NAMES, vector(raw, sign=1, setup="trend_cross").values, strict=True))
    fewer = [feature for feature in reversed(FEATURES) if feature is not extra]
    part = vector(raw, sign=1, setup="trend_cross", features=fewer)
    assert all(whole[name] == value for name, value in zip(part.names, part.values, strict=True))


def test_the_setup_is_one_hot() -> None:
    found = dict(zip(NAMES, vector({}, sign=1, setup="range_reversion").values, strict=True))
    assert [found[f"setup_{setup}@1"] for setup in SETUPS] == [0, 0, 1, 0]

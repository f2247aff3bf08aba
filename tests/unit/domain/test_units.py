from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.units import from_micro, plain, to_micro

D = Decimal


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.10", "0.1"),
        ("1E+2", "100"),
        ("1E-8", "0.00000001"),
        ("-0.0", "0"),
        ("0", "0"),
        ("0.000", "0"),
        ("100", "100"),
        ("1000.00", "1000"),
        ("-1.50", "-1.5"),
    ],
)
def test_numbers_as_the_venue_wants_them(value: str, text: str) -> None:
    assert plain(D(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=D(-(10**15)), max_value=D(10**15)))
def test_plain_keeps_the_value(value: Decimal) -> None:
    text = plain(value)
    assert D(text) == value
    assert "E" not in text
    assert not (text.endswith("0") and "." in text)
    assert plain(D(text)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        plain(D(value))


@pytest.mark.parametrize(("value", "micro"), [("1", 1_000_000), ("0.0000005", 0), ("0.0000015", 2), ("-0.0000015", -2), ("0", 0)])
def test_micro_dollars_round_half_to_even(value: str, micro: int) -> None:
    assert to_micro(D(value)) == micro


@given(st.integers(-(2**53), 2**53))
def test_micro_dollars_round_trip(value: int) -> None:
    assert to_micro(from_micro(value)) == value


def test_money_that_is_none_cannot_be_counted() -> None:
    for value in ("NaN", "Infinity"):
        with pytest.raises((ValueError, OverflowError)):
            to_micro(D(value))

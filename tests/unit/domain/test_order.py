import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.order import (
    ClientIdParts,
    Direction,
    OrderStatus,
    OrderType,
    Side,
    client_id,
    intent_hash,
    parse_client_id,
)

VENUE = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}\Z")
LEGS = st.sampled_from("estx")


@given(st.text(max_size=60), LEGS, st.none() | st.integers(0, 999_999_999))
def test_client_ids_round_trip_and_fit_the_venue(intent: str, leg: str, revision: int | None) -> None:
    try:
        made = client_id(intent, leg, revision)
    except UnicodeEncodeError:
        return
    assert VENUE.match(made)
    parts = parse_client_id(made)
    assert parts is not None
    assert (parts.leg, parts.revision) == (leg, revision or 0)
    assert client_id(parts.intent_hash, leg, revision) == made, "a hash stands for its intent"


def test_known_ids() -> None:
    tag = intent_hash("SOLUSDT:5m:1764590399999:long")
    assert re.fullmatch("[a-z2-7]{10}", tag)
    assert client_id("SOLUSDT:5m:1764590399999:long", "e") == f"mr-{tag}-e"
    assert parse_client_id(f"mr-{tag}-t12") == ClientIdParts(tag, "t", 12)


@pytest.mark.parametrize(("leg", "revision"), [("", 1), ("q", 1), ("es", None), ("e", -1), ("s", 10**9), ("e\n", None)])
def test_an_id_that_we_would_not_know_again_is_not_made(leg: str, revision: int | None) -> None:
    with pytest.raises(ValueError, match="expected a leg"):
        client_id("x", leg, revision)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mr-",
        "mr-aaaaaaaaaa",
        "mr-aaaaaaaaaa-",
        "mr-aaaaaaaaaa-q1",
        "mr-aaaaaaaaa-e",
        "mr-aaaaaaaaaaa-e",
        "mr-AAAAAAAAAA-e",
        "mr-aaaaaaaaa1-e",
        "mr-aaaaaaaaaa-e\n",
        "mr-aaaaaaaaaa-s٣",
        "mr-aaaaaaaaaa-s1234567890",
        " mr-aaaaaaaaaa-e",
        "web_aaaaaaaaaa-e",
        "autoclose-123",
    ],
)
def test_ids_of_others_are_not_ours(text: str) -> None:
    assert parse_client_id(text) is None


@given(st.text(max_size=40))
def test_any_text_is_ours_or_not(text: str) -> None:
    parts = parse_client_id(text)
    assert parts is None or text.startswith(f"mr-{parts.intent_hash}-{parts.leg}")


def test_sides_and_directions_mirror() -> None:
    for side in Side:
        assert side.opposite.opposite is side
        assert side.sign == -side.opposite.sign
    for direction in Direction:
        assert direction.entry_side.sign == direction.sign
        assert direction.exit_side is direction.entry_side.opposite


def test_each_conditional_type_is_a_stop_or_a_target() -> None:
    for kind in OrderType:
        assert kind.conditional == (kind.is_stop or kind.is_target)
        assert not (kind.is_stop and kind.is_target)


def test_open_statuses() -> None:
    assert {status for status in OrderStatus if status.open} == {
        OrderStatus.NEW,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.TRIGGERING,
    }

"""Documents as rows: what is missing is unknown, never zero."""

from hypothesis import given
from hypothesis import strategies as st

from services.dashboard.logic.answers import Unknown
from services.dashboard.logic.rows import Protection, account_row, position_row
from tests.integration.dashboard import facts


def test_a_full_document():
    row = position_row("BTCUSDT", facts.position("BTCUSDT", facts.MORNING_MS))
    assert (row.stop_state, str(row.entry_price), row.leverage, row.is_open) == (Protection.RESTING, "104613.2", 5, True)


def test_a_moved_stop_is_shown_where_it_is():
    document = facts.position("BTCUSDT", facts.MORNING_MS)
    desired = {"position_id": document["position_id"], "stop_price": "104700.5", "moves": 2, "moved_ms": 9}
    row = position_row("BTCUSDT", document, {"desired": desired})
    assert (str(row.stop_price), row.stop_moves, row.stop_moved_ms) == ("104700.5", 2, 9)
    assert str(row.planned_stop_price) == document["stop_price"]
    for other in ({**desired, "moves": 0}, {**desired, "position_id": "zzzzzzzzzz"}, {**desired, "stop_price": None}):
        assert position_row("BTCUSDT", document, {"desired": other}) == position_row("BTCUSDT", document)


def test_how_long_a_position_had_no_stop():
    document = facts.position("BTCUSDT", facts.MORNING_MS)
    bracket = {"desired": {"position_id": document["position_id"], "moves": 0}, "naked": {"total_ms": 740, "since_ms": None}}
    row = position_row("BTCUSDT", document, bracket)
    assert (row.naked_ms, row.naked_since_ms) == (740, None)
    assert position_row("BTCUSDT", {**document, "position_id": "zzzzzzzzzz"}, bracket).naked_ms is None


def test_missing_fields_are_unknown():
    row = position_row("BTCUSDT", {"quantity": "1", "stop_price": "", "bracket_checked_ms": 0})
    assert (row.stop_price, row.mark_price, row.stop_state, row.bracket_checked_ms, row.unknown) == (None, None, None, None, None)


def test_an_entry_under_way_is_not_open_yet():
    assert not position_row("BTCUSDT", {"quantity": "0", "phase": "opening"}).is_open


def test_what_cannot_be_read_says_so_and_counts_as_open():
    row = position_row("BTCUSDT", {"quantity": "many"})
    assert row.unknown is Unknown.UNREADABLE
    assert row.is_open


def test_the_account():
    assert account_row(None).unknown is Unknown.NOT_WRITTEN
    assert account_row({"equity_usd": []}).unknown is Unknown.UNREADABLE
    row = account_row({"equity_usd": "10.5", "day_pnl_usd": ""})
    assert (str(row.equity_usd), row.day_pnl_usd, row.unknown) == ("10.5", None, None)


@given(
    st.dictionaries(
        st.text(max_size=20), st.none() | st.integers() | st.text(max_size=20) | st.lists(st.integers(), max_size=2), max_size=8
    )
)
def test_junk_never_raises(document: dict[str, object]):
    position_row("X", document)
    account_row(document)

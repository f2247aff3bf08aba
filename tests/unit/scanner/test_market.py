"""Facts as they were at a close, ranks, and positions that move together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.board import Board
from services.scanner.logic.frame import Frame
from services.scanner.logic.market import Latest, Reference, correlated_peers, volume_rank
from shared.domain.order import Direction
from shared.exchange.market import BookTicker, MarkPrice
from tests.unit.scanner.samples import LENGTH_MS, candle, market

CLOSE = LENGTH_MS - 1


def latest(*times: int) -> Latest[int]:
    """Values that are their own time."""
    known: Latest[int] = Latest(LENGTH_MS)
    for time in times:
        known.put("A", time, time)
    return known


def test_the_last_value_up_to_the_close_counts() -> None:
    for times in ([100, 200], [100, 200, CLOSE + 1], [200, CLOSE + 1, CLOSE + 500, CLOSE + 900]):
        dated = latest(*times).at("A", CLOSE)
        assert dated is not None
        assert dated.value == 200


def test_a_value_from_after_the_close_counts_only_when_asked_for() -> None:
    known = latest(CLOSE + 1)
    assert known.at("A", CLOSE) is None
    dated = known.at("A", CLOSE, or_later=True)
    assert dated is not None
    assert dated.value == CLOSE + 1


def test_older_values_that_come_late_are_left_out() -> None:
    newest = latest(300, 100).newest("A")
    assert newest is not None
    assert newest.value == 300


def test_forgotten_symbols_are_unknown() -> None:
    known = latest(100)
    known.forget("A")
    assert known.newest("A") is None
    assert known.at("A", CLOSE, or_later=True) is None


@given(st.lists(st.integers(0, 3 * LENGTH_MS), min_size=1), st.lists(st.integers(CLOSE + 1, 2 * LENGTH_MS - 1)))
def test_what_comes_in_the_next_candle_does_not_change_an_answer(before: list[int], after: list[int]) -> None:
    early = sorted(time for time in before if time <= CLOSE)
    expected = latest(*early).at("A", CLOSE)
    assert latest(*early, *sorted(after)).at("A", CLOSE) == expected


def test_spread_and_gap() -> None:
    facts = market(bid=99.0, ask=101.0, mark=101.0)
    assert facts.spread[0] == pytest.approx(0.02)
    assert facts.gap[0] == pytest.approx(0.01)
    assert np.isnan(market(bid=101.0, ask=99.0).spread[0])
    assert np.isnan(market(index=0.0).gap[0])


def test_ranks_go_from_the_least_to_the_most_traded() -> None:
    reference = np.array([1.0, 3.0, 5.0])
    assert volume_rank(np.array([5.0, 1.0, 3.0, 4.0, 9.0, 0.0]), reference).tolist() == [1.0, 0.0, 0.5, 1.0, 1.0, 0.0]
    assert np.isnan(volume_rank(np.array([np.nan]), reference)).all()
    assert np.isnan(volume_rank(np.array([7.0]), np.empty(0))).all()


def test_a_reference_is_in_force_from_its_candle_on() -> None:
    found = board()
    found.references = [Reference(0, 0, np.array([1.0, 2.0])), Reference(1, 310, np.array([1e9, 2e9]))]
    rows = found.windows.rows_of(["A"])
    assert found.ranks(rows, 309).tolist() == [1.0]
    assert found.ranks(rows, 310).tolist() == [0.0]


def test_peers_are_those_that_move_together() -> None:
    dice = np.random.default_rng(1)
    base = dice.normal(size=60)
    own = np.stack([base, dice.normal(size=60), np.zeros(60), np.full(60, np.nan)])
    others = np.stack([base * 3, base + dice.normal(size=60) * 0.2, -base])
    assert correlated_peers(own, others).tolist() == [2.0, 0.0, 0.0, 0.0]
    assert correlated_peers(own, np.empty((0, 60))).tolist() == [0.0] * 4


def board() -> Board:
    """Three symbols with 300 candles each."""
    found = Board(Frame.of("5m", "30m"))
    found.windows.admit(["A", "B", "C"])
    dice = np.random.default_rng(3)
    path = 100 * np.exp(np.cumsum(dice.normal(0, 0.01, 300)))
    for symbol, volume in (("A", 10.0), ("B", 30.0), ("C", 20.0)):
        found.windows.load(symbol, [candle(symbol, bar, float(path[bar]), volume=volume) for bar in range(300)])
    found.watch(("A", "B", "C"))
    found.references = [Reference(0, 0, np.array([2880.0, 5760.0, 8640.0]))]
    return found


def test_a_snapshot_brings_it_together() -> None:
    found = board()
    close_ms = found.frame.close_ms(299)
    found.put_book(BookTicker("A", 99.0, 1.0, 101.0, 1.0, close_ms - 70))
    found.put_book(BookTicker("A", 50.0, 1.0, 51.0, 1.0, close_ms + 70))
    found.put_mark(MarkPrice("A", 100.0, 99.0, 0.0002, close_ms + 3_600_000, close_ms - 1000))
    found.losses["A"] = close_ms - 3 * LENGTH_MS
    found.losses["B"] = close_ms + 1
    facts = found.snapshot(found.windows.rows_of(["A", "B"]), 299)
    assert facts.bid[0] == 99.0
    assert facts.book_age_ms[0] == 70
    assert facts.mark_age_ms[0] == 1000
    assert facts.quote_volume.tolist() == [2880.0, 8640.0]
    assert facts.volume_rank.tolist() == [0.0, 1.0]
    assert facts.bars_since_loss.tolist() == [3.0, float("inf")]
    assert np.isnan(facts.bid[1])
    assert np.isnan(facts.mark[1])


def test_open_positions_that_move_together_are_counted_by_side() -> None:
    found = board()
    found.positions = {"A": Direction.LONG, "B": Direction.LONG, "C": Direction.SHORT, "GONE": Direction.LONG}
    facts = found.snapshot(found.windows.rows_of(["C"]), 299)
    assert facts.peers_long.tolist() == [2.0]
    assert facts.peers_short.tolist() == [1.0]
    assert facts.unseen_long.tolist() == [1.0]  # nobody here can say how GONE moves
    assert facts.unseen_short.tolist() == [0.0]


def test_positions_whose_history_has_a_gap_are_unseen() -> None:
    found = board()
    found.windows.load("B", [candle("B", bar, 100.0 + bar) for bar in range(280, 300)])
    found.positions = {"A": Direction.LONG, "B": Direction.LONG}
    facts = found.snapshot(found.windows.rows_of(["C"]), 299)
    assert (facts.peers_long.tolist(), facts.unseen_long.tolist()) == ([1.0], [1.0])


def test_followed_symbols_keep_their_candles_but_are_not_scanned() -> None:
    found = board()
    found.watch(("A",), ("B",))
    found.positions = {"B": Direction.LONG, "C": Direction.LONG}
    assert (found.watches("B"), found.takes("B"), found.takes("C")) == (False, True, False)
    assert found.present == ("A", "B")
    assert found.strangers() == ["C"]
    facts = found.snapshot(found.windows.rows_of(["A"]), 299)
    assert (facts.peers_long.tolist(), facts.unseen_long.tolist()) == ([1.0], [1.0])


def test_the_venue_knows_funding_intervals_better_than_marks_do() -> None:
    found = board()
    hour = 3_600_000
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 10 * hour, 9 * hour))
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 11 * hour, 10 * hour))
    found.set_funding_intervals({"B": 4 * hour})
    facts = found.snapshot(found.windows.rows_of(["A", "B"]), 299)
    assert facts.funding_interval_ms.tolist() == [8 * hour, 4 * hour]


def test_the_funding_interval_is_learned_from_two_funding_times() -> None:
    found = board()
    hour = 3_600_000
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 10 * hour, 9 * hour))
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 11 * hour, 10 * hour))
    facts = found.snapshot(found.windows.rows_of(["A", "B"]), 299)
    assert facts.funding_interval_ms.tolist() == [hour, 8 * hour]
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 30 * hour, 29 * hour))  # we were away: not an interval
    found.put_mark(MarkPrice("A", 1.0, 1.0, 0.0, 30 * hour + 5, 30 * hour))
    assert found.snapshot(found.windows.rows_of(["A"]), 299).funding_interval_ms.tolist() == [hour]


def test_what_is_no_longer_watched_is_forgotten() -> None:
    found = board()
    found.put_book(BookTicker("A", 99.0, 1.0, 101.0, 1.0, 5))
    found.watch(("B",))
    assert found.watches("B")
    assert not found.watches("A")
    assert found.books.newest("A") is None

"""Made-up files in the shape of the original bot's."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.brain import Brain
from services.advisor.logic.documents import CURRENT, DRAFT, IMPORTS, review
from services.advisor.logic.learner import Learner
from services.commands.original import Trade, read
from services.commands.taught import fresh, taught

CONTEXT = {"rsi": 55.0, "adx": 31.0, "atr_pct": 0.004, "bb_position": 0.7, "spread_bps": 0.0002, "mystery": 3.0, "trend": 1.0}


def record(**changes: Any) -> dict[str, Any]:
    fields = {
        "symbol": "SOLUSDT",
        "side": "BUY",
        "qty": 2.0,
        "entry": 100.0,
        "exit": 101.5,
        "pnl": 3.0,
        "pnl_r": 1.5,
        "opened_at": 1_762_000_000.5,
        "closed_at": 1_762_003_600.25,
        "bucket": "S",
        "context": CONTEXT,
    }
    return fields | changes


def only(found: dict[str, Any]) -> Trade:
    (trade,) = read({"trade_history": [found]}).trades
    return trade


def test_a_trade_is_taken_over_with_what_means_the_same() -> None:
    trade = only(record(symbol="solusdt"))
    assert (trade.symbol, trade.sign, trade.closed_ms) == ("SOLUSDT", 1, 1_762_003_600_250)
    # The stop was 1 away (3 for 2 pieces at 1.5 R): fees of both ways and the spread are 0.12 R.
    assert trade.net_r == pytest.approx(1.5 - 0.12)
    known = {"rsi": 55.0, "adx": 31.0, "atr_ratio": 0.004, "bb_position": 0.7, "spread_ratio": 0.0002}
    assert trade.raw == {**known, "cost_r": pytest.approx(0.12)}
    assert only(record(side="SELL")).sign == -1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pnl_r": 0.0}, "its risk is unknown"),
        ({"pnl": 0.0}, "its risk is unknown"),
        ({"pnl_r": 1e-6}, "its risk is unknown"),
        ({"context": {"rsi": 50.0}}, "the features at its entry are unknown"),
        ({"context": {**CONTEXT, "rsi": "x", "adx": None, "atr_pct": True, "bb_position": 1e12}}, "the features at its entry are unknown"),
        ({"synthetic": True}, "made up from income, without an entry"),
        ({"side": "BOTH"}, "no usable side"),
        ({"entry": -1}, "no usable entry"),
        ({"qty": "many"}, "no usable qty"),
        ({"closed_at": None}, "no usable closed_at"),
        ({"closed_at": 1e20}, "no usable closed_at"),
        ({"pnl_r": float("nan")}, "no usable pnl_r"),
        ({"symbol": "../etc"}, "no usable symbol"),
    ],
)
def test_what_carries_too_little_is_counted_by_reason(changes: dict[str, Any], why: str) -> None:
    found = read({"trade_history": [record(**changes), record()]})
    assert found.left_out == {why: 1}
    assert len(found.trades) == 1


def test_junk_in_the_history_and_other_parts_are_named_and_counted() -> None:
    found = read(
        {
            "trade_history": [record(), record(), 7, None],
            "live_trades": {"BTCUSDT": {}},
            "policy": {"A": [[1.0]]},
            "something_new": [1, 2, 3],
            "flag": True,
        }
    )
    assert found.left_out == {"twice in the file": 1, "not a record": 2}
    parts = {part.name: (part.count, part.why) for part in found.parts}
    assert parts["something_new"] == (3, "unknown here")
    assert parts["live_trades"] == (1, "open positions are read from the venue")
    assert parts["flag"] == (1, "unknown here")
    assert read({"trade_history": "none"}).trades == ()


def test_trades_teach_the_policy_once() -> None:
    trades = read({"trade_history": [record(closed_at=1_762_000_000.0 + n, pnl=-2.0, pnl_r=-1.0) for n in range(30)]}).trades
    first = taught({}, trades[:20])
    assert review(first).problems == ()
    assert review(first).policy == 10
    assert len(fresh(first, trades)) == 10
    second = taught(first, trades)
    assert review(second).policy == 15
    assert taught(second, trades)[IMPORTS] == second[IMPORTS]
    assert review(taught(second, trades)).policy == 15
    both = json.loads(json.dumps(second))
    assert review(both) == review(second)


def test_the_rest_of_what_was_learned_stays() -> None:
    learner = Learner()
    learner.clock_ms = 77
    before: dict[str, dict[str, Any]] = {DRAFT: learner.draft(), "report": {"x": 1}}
    after = taught(before, read({"trade_history": [record()]}).trades)
    assert after["report"] == {"x": 1}
    assert after[DRAFT]["clock_ms"] == 77
    assert after[DRAFT]["edition"] == after[CURRENT]["number"] == 1
    assert review(after).problems == ()


def test_nothing_is_added_to_what_cannot_be_read() -> None:
    broken: dict[str, dict[str, Any]] = {CURRENT: {"number": 1}, "edition-1": {"number": 1, "brain": {**Brain().to_dict(), "bandit": {}}}}
    with pytest.raises(ValueError, match="bandit starts neutral"):
        taught(broken, read({"trade_history": [record()]}).trades)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
odd = st.dictionaries(st.sampled_from(sorted(record())), junk).map(lambda changes: record(**changes))


@given(st.lists(junk | odd, max_size=6), st.dictionaries(st.text(max_size=5), junk, max_size=3))
def test_whatever_is_in_the_file_every_entry_is_accounted_for(history: list[Any], rest: dict[str, Any]) -> None:
    found = read({**rest, "trade_history": history})
    assert len(found.trades) + sum(found.left_out.values()) == len(history)
    assert {part.name for part in found.parts} == set(rest) - {"trade_history"}
    assert review(taught({}, found.trades)).problems == ()

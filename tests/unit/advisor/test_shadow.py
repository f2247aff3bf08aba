import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.report import FilterBook, Worth, bootstrap
from services.advisor.logic.shadow import LONGEST, OFFERED, End, Followed, Outcome, ShadowLedger, follow, step
from shared.contracts.market import CandleClosed
from shared.contracts.signal import Skip, SkipReason
from shared.domain.order import Direction
from tests.unit.advisor.cases import CLOSE_MS, candidate

STEP = 300_000


def candle(
    number: int, low: float, high: float, *, opened: float | None = None, close: float | None = None, symbol: str = "SOLUSDT"
) -> CandleClosed:
    """Candle `number` (1 = the first after the signal)."""
    open_ms = CLOSE_MS + 1 + (number - 1) * STEP
    middle = (low + high) / 2
    return CandleClosed(
        symbol=symbol, interval="5m", open_ms=open_ms, close_ms=open_ms + STEP - 1, open=opened if opened is not None else middle,
        high=high, low=low, close=close if close is not None else middle, volume=1, quote_volume=1, trades=1,
    )  # fmt: skip


def followed(**changes: Any) -> Followed:
    """A trade at 100 with stop 99, target 102, costs 0.1 R."""
    fields = {"price": 100.0, "atr": 1.0, "stop_distance": 1.0, "target_distance": 2.0, "cost_r": 0.1}
    found = follow(candidate(**(fields | changes)), "idea", {})
    assert found is not None
    return found


def end(first: Followed, *candles: CandleClosed) -> Outcome:
    now: Followed | Outcome = first
    for one in candles:
        assert isinstance(now, Followed)
        now = step(now, one)
    assert isinstance(now, Outcome)
    return now


def test_the_target_pays_its_distance_less_costs() -> None:
    outcome = end(followed(), candle(1, 99.5, 100.5), candle(2, 100.0, 102.5))
    assert (outcome.end, outcome.gross_r) == (End.TARGET, 2.0)
    assert outcome.net_r == pytest.approx(1.9)
    assert (outcome.followed.candles, outcome.followed.worst_r, outcome.followed.best_r) == (2, -0.5, 2.5)


def test_a_candle_that_touches_both_is_a_stop() -> None:
    outcome = end(followed(), candle(1, 98.9, 102.1, opened=100.0))
    assert (outcome.end, outcome.gross_r) == (End.STOP, -1.0)


def test_a_candle_that_opens_beyond_the_stop_fills_there() -> None:
    assert end(followed(), candle(1, 97.0, 98.0, opened=97.5)).gross_r == -2.5
    short = followed(direction=Direction.SHORT)
    assert end(short, candle(1, 102.0, 103.0, opened=102.5)).gross_r == -2.5


def test_after_forty_eight_candles_it_ends_at_the_close() -> None:
    outcome = end(followed(), *(candle(n, 99.5, 101.0, close=100.5) for n in range(1, LONGEST + 1)))
    assert (outcome.end, outcome.gross_r, outcome.followed.candles) == (End.TIME, 0.5, LONGEST)


def test_a_missing_candle_means_nobody_knows() -> None:
    assert end(followed(), candle(1, 99.5, 100.5), candle(3, 98.0, 103.0)).end is End.GAP


def test_old_and_repeated_candles_change_nothing() -> None:
    first = followed()
    assert step(first, candle(0, 90.0, 110.0)) is first
    after = step(first, candle(1, 99.5, 100.5))
    assert isinstance(after, Followed)
    assert step(after, candle(1, 90.0, 110.0)) is after


def test_a_signal_without_an_atr_is_not_followed() -> None:
    numbers = dict.fromkeys(("atr", "stop_distance", "target_distance", "cost_r", "edge_r", "p_prior", "p"))
    skip = Skip.model_validate(candidate().model_dump() | numbers | {"reason": "missing_atr", "value": None, "limit": None, "gap": None})
    assert follow(skip, "idea", {}) is None


def test_skips_are_followed_under_their_reason() -> None:
    skip = Skip.model_validate(candidate().model_dump() | {"reason": SkipReason.SPREAD, "value": 0.004, "limit": 0.003, "gap": 0.3})
    found = follow(skip, "idea", {"sentinel_risk": 0.2})
    assert found is not None
    assert found.reason == "spread"
    assert followed().reason == OFFERED
    assert found.raw == {"rsi": 58.0, "sentinel_risk": 0.2}


paths = st.lists(st.tuples(st.floats(97, 103), st.floats(0, 2), st.floats(0, 1)), min_size=LONGEST, max_size=LONGEST)


@given(paths=paths, sign=st.sampled_from(list(Direction)))
def test_every_path_ends_once_with_a_result_within_reach(paths: list[tuple[float, float, float]], sign: Direction) -> None:
    now: Followed | Outcome = followed(direction=sign)
    for number, (low, height, place) in enumerate(paths, 1):
        if isinstance(now, Outcome):
            break
        now = step(now, candle(number, low, low + height, opened=low + place * height, close=low + place * height))
    assert isinstance(now, Outcome)
    assert -5 <= now.gross_r <= 2
    assert (now.gross_r <= -1) == (now.end is End.STOP)
    assert now.net_r == now.gross_r - 0.1


def test_the_ledger_follows_each_idea_once_and_survives_a_restart() -> None:
    ledger = ShadowLedger()
    first = followed()
    assert ledger.add(first)
    assert not ledger.add(first)
    ledger.candle(candle(1, 99.5, 100.5))
    again = ShadowLedger.from_dict(json.loads(json.dumps(ledger.to_dict())))
    assert again.to_dict() == ledger.to_dict()
    assert again.candle(candle(2, 95.0, 96.0, symbol="ETHUSDT")) == []
    (outcome,) = again.candle(candle(2, 99.5, 102.5))
    assert outcome.end is End.TARGET
    assert len(again) == 0
    with pytest.raises(ValueError, match="kind"):
        ShadowLedger.from_dict({})


def test_a_full_ledger_gives_up_the_oldest_and_counts_it() -> None:
    ledger = ShadowLedger(most=2)
    for name in ("a", "b", "c"):
        found = follow(candidate(), name, {})
        assert found is not None
        ledger.add(found)
    assert (len(ledger), ledger.given_up) == (2, 1)


def outcomes(values: list[float], reason: str = "spread") -> FilterBook:
    book = FilterBook()
    for number, value in enumerate(values):
        first = followed(close_ms=CLOSE_MS + number * 5 * 3_600_000)
        fields = {name: getattr(first, name) for name in first.__dataclass_fields__} | {"reason": reason}
        book.note(Outcome(Followed(**fields), End.TIME, value, value, CLOSE_MS))
    return book


@pytest.mark.parametrize(
    ("values", "worth"),
    [([-1.0, 0.2] * 40, Worth.SAVES), ([1.0, -0.2] * 40, Worth.COSTS), ([1.0, -1.0] * 40, Worth.UNCLEAR), ([-1.0] * 29, Worth.TOO_FEW)],
)
def test_the_report_says_what_a_filter_was_worth(values: list[float], worth: Worth) -> None:
    (row,) = outcomes(values).rows(np.random.default_rng(1))
    assert (row.reason, row.trades, row.worth) == ("spread", len(values), worth)
    assert row.net_r == pytest.approx(sum(values))


def test_the_same_dice_give_the_same_report_and_the_book_round_trips() -> None:
    book = outcomes([0.3, -1.1, 0.9] * 20)
    again = FilterBook.from_dict(json.loads(json.dumps(book.to_dict())))
    assert again.rows(np.random.default_rng(5)) == book.rows(np.random.default_rng(5))
    with pytest.raises(ValueError, match="kind"):
        FilterBook.from_dict({"kind": "filters"})


def test_signals_of_one_hour_do_not_count_as_many() -> None:
    dice = np.random.default_rng(2)
    values = dice.normal(0.3, 1.0, 400)
    apart = bootstrap(list(values), [n * 5 * 3_600_000 for n in range(400)], dice)
    together = bootstrap(list(np.repeat(values[:20], 20)), [n // 20 * 5 * 3_600_000 for n in range(400)], dice)
    assert None not in (apart.low, apart.high, together.low, together.high)
    assert (together.high or 0) - (together.low or 0) > 3 * ((apart.high or 0) - (apart.low or 0))
    assert bootstrap([], [], dice).low is None
    assert bootstrap([1.0, 2.0], [0, 1], dice).low is None


def test_a_gap_is_not_a_result() -> None:
    book = FilterBook()
    book.note(Outcome(followed(), End.GAP, 0.0, 0.0, CLOSE_MS))
    assert book.rows(np.random.default_rng(1)) == []

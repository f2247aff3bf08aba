import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.advisor.logic.edition import HOUR_MS, due, wanted
from services.advisor.logic.learner import Edition, Learner
from services.advisor.logic.summary import report
from shared.contracts.market import CandleClosed
from shared.contracts.signal import Candidate, Signal, Skip, SkipReason, decision_id
from shared.domain.order import Direction
from tests.unit.advisor.cases import candidate
from tests.unit.advisor.test_brain import trade

STEP = 300_000
T0 = 1_764_590_400_000 // HOUR_MS * HOUR_MS
NAMES = [f"S{n}USDT" for n in range(6)]


def close_of(bar: int) -> int:
    """Last millisecond of candle `bar`."""
    return T0 + (bar + 1) * STEP - 1


def market(bars: int, seed: int = 1) -> dict[str, list[CandleClosed]]:
    """Random walks, by symbol."""
    dice = np.random.default_rng(seed)
    found: dict[str, list[CandleClosed]] = {}
    for name in NAMES:
        price = 100.0
        found[name] = []
        for bar in range(bars):
            opened, price = price, price * (1 + dice.normal(0, 0.004))
            low, high = min(opened, price) * (1 - 0.001), max(opened, price) * (1 + 0.001)
            found[name].append(
                CandleClosed(
                    symbol=name, interval="5m", open_ms=T0 + bar * STEP, close_ms=close_of(bar), open=opened, high=high, low=low,
                    close=price, volume=1, quote_volume=1, trades=1,
                )
            )  # fmt: skip
    return found


def signal(name: str, candle: CandleClosed, bar: int) -> Signal:
    """A candidate or a skip at a candle."""
    fields: dict[str, Any] = {"symbol": name, "close_ms": candle.close_ms, "price": candle.close, "atr": 0.6, "stop_distance": 0.8}
    fields |= {"target_distance": 1.2, "direction": Direction.LONG if bar % 2 else Direction.SHORT}
    offered = candidate(**fields)
    if bar % 3:
        return offered
    reason = {"reason": SkipReason.WICKINESS, "value": 1.0, "limit": 0.9, "gap": 0.1}
    return Skip.model_validate(offered.model_dump() | reason)


def idea(found: Signal) -> str:
    return decision_id(found.symbol, found.interval, found.close_ms, found.direction)


def teach(learner: Learner, first: int, last: int, bars: dict[str, list[CandleClosed]], *, mixed: bool = False) -> list[Edition]:
    """Candles `first` to `last` with a signal every fourth; `mixed` turns the order within a candle around."""
    made: list[Edition] = []
    for bar in range(first, last):
        for name in reversed(NAMES) if mixed else NAMES:
            candle = bars[name][bar]
            if mixed and bar % 4 == 0:
                found = signal(name, candle, bar)
                learner.signal(found, idea(found), {"market_risk": 0.1})
            edition = learner.candle(candle)
            made += [edition] if edition else []
            if not mixed and bar % 4 == 0:
                found = signal(name, candle, bar)
                learner.signal(found, idea(found), {"market_risk": 0.1})
    return made


def test_an_edition_is_used_only_when_it_is_ready() -> None:
    made_at = {due(close_of(bar), close_of(bar + 1), STEP): bar + 1 for bar in range(200)}
    assert set(made_at) - {None} == {T0 // HOUR_MS + n for n in range(1, 17)}
    for bar in range(200):
        number = wanted(close_of(bar), STEP)
        if number in made_at:
            assert made_at[number] < bar


@given(bar=st.integers(0, 10_000))
def test_the_wanted_edition_never_goes_back(bar: int) -> None:
    assert wanted(close_of(bar), STEP) <= wanted(close_of(bar + 1), STEP) <= wanted(close_of(bar), STEP) + 1


def test_an_edition_holds_exactly_the_lessons_that_ended_before_it() -> None:
    editions = teach(Learner(), 0, 160, market(160))
    assert len(editions) == 13
    assert all(second.number == first.number + 1 for first, second in pairwise(editions))
    assert sum(edition.learned for edition in editions) > 150
    for edition in editions:
        assert edition.brain.until_ms < edition.number * HOUR_MS
    last = editions[-1].brain
    assert last.bandit.outcomes == pytest.approx(0.5 * last.calibration.outcomes)
    assert {row.reason for row in last.filters.rows(np.random.default_rng(1))} == {"offered", "wickiness"}


def test_the_order_within_a_candle_does_not_matter() -> None:
    bars = market(120)
    one, other = teach(Learner(), 0, 120, bars), teach(Learner(), 0, 120, bars, mixed=True)
    assert [(e.number, e.learned) for e in one] == [(e.number, e.learned) for e in other]
    assert one[-1].brain.bandit.to_dict() == other[-1].brain.bandit.to_dict()
    assert one[-1].brain.alpha.to_dict() == other[-1].brain.alpha.to_dict()


def test_a_restart_goes_on_from_the_draft() -> None:
    bars = market(120)
    straight, stopped = Learner(), Learner()
    teach(straight, 0, 120, bars)
    teach(stopped, 0, 50, bars)
    document = json.loads(json.dumps(stopped.draft()))
    again = Learner.from_draft(document, stopped.edition)
    teach(again, 50, 120, bars)
    assert again.edition.number == straight.edition.number
    assert again.edition.brain.bandit.to_dict() == straight.edition.brain.bandit.to_dict()
    assert again.funnel == straight.funnel


def test_lessons_that_are_in_the_edition_already_are_not_learned_twice() -> None:
    learner = Learner()
    teach(learner, 0, 30, market(60))
    draft = learner.draft()
    assert draft["lessons"]
    later = Edition(learner.edition.number + 1, learner.edition.brain)
    assert Learner.from_draft(draft, later).lessons == []
    for broken in ({}, {"kind": "draft", "version": 1}, draft | {"ledger": {}}):
        with pytest.raises(ValueError, match=r"expected|kind"):
            Learner.from_draft(broken, later)


def test_a_signal_that_is_heard_late_catches_up() -> None:
    bars = market(60)
    learner = Learner()
    teach(learner, 1, 40, {name: bars[name] for name in NAMES})
    before = learner.funnel.followed + len(learner.ledger)
    found = signal(NAMES[0], bars[NAMES[0]][5], 5)
    learner.signal(found, idea(found), {})
    assert learner.funnel.followed + len(learner.ledger) == before + 1
    assert learner.funnel.unknown == 0


def test_a_signal_that_comes_again_is_not_learned_from_twice() -> None:
    bars = market(80)
    learner = Learner()
    teach(learner, 0, 80, bars)
    before = (learner.funnel.signals, learner.funnel.followed, len(learner.ledger))
    again = Learner.from_draft(learner.draft(), learner.edition)
    for one in (learner, again):
        found = signal(NAMES[0], bars[NAMES[0]][4], 4)
        one.signal(found, idea(found), {})
        assert (one.funnel.signals, one.funnel.followed, len(one.ledger)) == before


def test_a_trade_is_learned_from_once_and_its_shadow_only_calibrates() -> None:
    bars = market(160)
    learner = Learner()
    candles = bars[NAMES[0]]
    learner.candle(candles[0])
    found = signal(NAMES[0], candles[0], 1)
    assert isinstance(found, Candidate)
    learner.signal(found, idea(found), {})
    learner.opened(idea(found))
    learner.opened("unknownnnn")
    closed = trade(symbol=NAMES[0], position_id=idea(found), closed_ms=candles[5].close_ms)
    lesson = learner.closed(closed)
    assert lesson is not None
    assert learner.closed(closed) is None
    for candle in candles[1:120]:
        learner.candle(candle)
    assert learner.edition.brain.bandit.outcomes == 1.0
    assert learner.edition.brain.calibration.outcomes == 1
    assert (learner.funnel.entered, learner.funnel.closed) == (1, 1)


def test_another_timeline_begins_again_but_keeps_what_was_learned() -> None:
    bars = market(100)
    learner = Learner()
    teach(learner, 0, 100, bars)
    knew = learner.edition.brain.bandit.outcomes
    past = bars[NAMES[0]][0].model_copy(update={"open_ms": T0 - 10 * 86_400_000, "close_ms": T0 - 10 * 86_400_000 + STEP - 1})
    learner.candle(past)
    assert learner.clock_ms == past.close_ms
    assert len(learner.ledger) == 0
    assert learner.edition.brain.bandit.outcomes == knew > 0


def test_the_report_can_be_sent_and_says_what_it_is() -> None:
    learner = Learner()
    edition = teach(learner, 0, 160, market(160))[-1]
    found = json.loads(json.dumps(report(learner, edition)))
    assert found["hypothetical"] is True
    assert found == json.loads(json.dumps(report(learner, edition)))
    assert found["funnel"]["signals"] == 40 * len(NAMES)
    assert found["playbook"]["regime"] != "unknown"

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.logic.documents import intent_document, intent_from
from services.executor.logic.entry_events import entry_event
from services.executor.logic.intent import Intent, Outcome, Step, advance, tell
from shared.contracts.order import OrderEventKind
from shared.domain.order import Direction
from shared.domain.units import Price, Qty, Usd


def intent() -> Intent:
    return Intent(
        intent_id="abcdefghij",
        symbol="BTCUSDT",
        direction=Direction.LONG,
        client_id="mr-abcdefghij-e",
        quantity=Qty(Decimal("0.5")),
        price=Price(Decimal(100)),
        stop_distance=Decimal("1.25"),
        target_distance=Decimal(2),
        risk=Usd(Decimal("0.625")),
        leverage=10,
        setup="trend_cross",
        interval="5m",
        edge_r=0.1,
        decision_id="abcdefghij",
        cause_id="plan:x",
        epoch=3,
        created_ms=1,
    )


def test_an_intent_goes_from_reserved_to_sent_to_filled_to_done() -> None:
    sent = advance(intent(), Step.SENT, sent_wall_ms=77)
    done = advance(advance(sent, Step.FILLED), Step.DONE, outcome=Outcome.OPENED)
    assert (done.step, done.outcome, done.sent_wall_ms) == (Step.DONE, Outcome.OPENED, 77)


@pytest.mark.parametrize("step", [Step.RESERVED, Step.FILLED])
def test_steps_are_not_skipped_or_repeated(step: Step) -> None:
    with pytest.raises(ValueError, match="does not follow"):
        advance(intent(), step)


def test_nothing_follows_done() -> None:
    done = advance(intent(), Step.DONE, outcome=Outcome.REFUSED)
    for step in Step:
        with pytest.raises(ValueError, match="does not follow"):
            advance(done, step, outcome=Outcome.OPENED if step is Step.DONE else None)


def test_done_needs_an_outcome() -> None:
    with pytest.raises(ValueError, match="outcome"):
        advance(intent(), Step.DONE)


def test_an_intent_survives_its_document() -> None:
    assert intent_from(intent_document(advance(intent(), Step.SENT, sent_wall_ms=5))) == advance(intent(), Step.SENT, sent_wall_ms=5)


KINDS = st.lists(st.tuples(st.sampled_from(OrderEventKind), st.sampled_from(["", "1", "2"])), max_size=30)


@given(KINDS)
def test_whatever_is_told_and_how_often_each_event_is_kept_once_in_the_order_of_its_first_time(
    told: list[tuple[OrderEventKind, str]],
) -> None:
    one = intent()
    for kind, serial in told:
        one = tell(one, entry_event(one, kind).model_copy(update={"serial": serial}))
    names = [entry.event.identity() for entry in one.told]
    assert names == list(dict.fromkeys(f"{one.client_id}:{kind}:{serial}" for kind, serial in told))
    assert intent_from(intent_document(one)) == one


@given(st.lists(st.sampled_from(Step), max_size=12))
def test_no_sequence_of_steps_leads_back_or_past_the_end_or_to_a_second_send(steps: list[Step]) -> None:
    order = list(Step)
    one, seen = intent(), [Step.RESERVED]
    for step in steps:
        try:
            one = advance(one, step, outcome=Outcome.OPENED if step is Step.DONE else None, sent_wall_ms=len(seen))
        except ValueError:
            continue
        seen.append(step)
    ranks = [order.index(step) for step in seen]
    assert ranks == sorted(set(ranks))
    assert seen.count(Step.SENT) <= 1
    assert Step.FILLED not in seen or Step.SENT in seen

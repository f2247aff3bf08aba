from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.logic import announce
from services.executor.logic.documents import record_document, record_from
from services.executor.logic.record import Phase, Planned, Record, apply_fill, apply_mark, canonical
from shared.contracts.order import ExitReason, PositionEventKind, TradeClosed
from shared.domain.order import Direction, Fill, Side, client_id
from shared.domain.units import Price, Qty, Usd

POSITION = "abcdefghij"


def opening(direction: Direction = Direction.LONG) -> Record:
    return Record(
        position_id=POSITION,
        symbol="BTCUSDT",
        direction=direction,
        phase=Phase.OPENING,
        opened_ms=1_000,
        planned=Planned(setup="trend_cross", interval="5m", stop_distance=Decimal(10), target_distance=Decimal(16), decision_id=POSITION),
        stop_price=Price(Decimal(90)),
        initial_risk=Usd(Decimal(10)),
    )


def fill(trade_id: int, side: Side, price: str, quantity: str, leg: str = "e", *, realised: str = "0") -> Fill:
    return Fill(
        symbol="BTCUSDT",
        trade_id=trade_id,
        order_id=trade_id,
        client_id=client_id(POSITION, leg),
        side=side,
        price=Price(Decimal(price)),
        quantity=Qty(Decimal(quantity)),
        fee=Usd(Decimal("0.05")),
        fee_asset="USDT",
        realised=Usd(Decimal(realised)),
        maker=False,
        time_ms=1_000 + trade_id,
    )


def test_a_round_trip_is_net_of_both_fees_and_measured_against_the_initial_risk() -> None:
    record = apply_fill(opening(), fill(1, Side.BUY, "100", "1"))
    record = apply_fill(record, fill(2, Side.SELL, "116", "1", "t", realised="16"))
    assert record.phase is Phase.CLOSED
    assert [record.gross, record.fees, record.net] == [Decimal(16), Decimal("0.10"), Decimal("15.90")]
    assert record.r_multiple == Decimal("1.5900")
    assert [record.entry_price, record.exit_price] == [Decimal(100), Decimal(116)]


def test_the_initial_risk_counts_even_when_the_stop_has_moved() -> None:
    record = replace(apply_fill(opening(), fill(1, Side.BUY, "100", "1")), stop_price=Price(Decimal(99)))
    record = apply_fill(record, fill(2, Side.SELL, "99", "1", "s", realised="-1"))
    assert record.r_multiple == Decimal("-0.1100")


def test_partial_fills_add_up_to_an_average_entry() -> None:
    record = apply_fill(opening(), fill(1, Side.BUY, "100", "1"))
    record = apply_fill(record, fill(2, Side.BUY, "104", "3"))
    assert record.entry_price == 103
    assert record.quantity == 4
    assert record.phase is Phase.OPEN


def test_the_same_execution_twice_changes_nothing() -> None:
    once = apply_fill(opening(), fill(1, Side.BUY, "100", "1"))
    assert apply_fill(once, fill(1, Side.BUY, "100", "1")) is once


@given(st.permutations(range(5)), st.lists(st.integers(0, 4), max_size=5))
def test_any_order_and_repetition_of_events_ends_in_the_same_record(order: list[int], again: list[int]) -> None:
    fills = [fill(1, Side.BUY, "100", "2"), fill(2, Side.BUY, "101", "3"), fill(3, Side.SELL, "99", "1", "s", realised="-1.6")]
    fills += [fill(4, Side.SELL, "103", "2", "t", realised="4.8"), fill(5, Side.BUY, "102", "1")]
    straight = opening()
    for one in fills:
        straight = apply_fill(straight, one)
    shuffled = opening()
    for index in [*order, *again]:
        shuffled = apply_fill(shuffled, fills[index])
    assert shuffled.fills == straight.fills
    assert (shuffled.net, shuffled.quantity, shuffled.entry_price) == (straight.net, straight.quantity, straight.entry_price)


def test_worst_and_best_prices_are_those_of_the_direction() -> None:
    short = apply_fill(opening(Direction.SHORT), fill(1, Side.SELL, "100", "1"))
    for n, mark in enumerate(("120", "103", "96", "99"), 1_001):
        short = apply_mark(short, Price(Decimal(mark)), n)
    assert (short.mae_r, short.mfe_r) == (Decimal("-0.3000"), Decimal("0.4000")), "the first was not after the entry"


@pytest.mark.parametrize("mark_first", [True, False])
def test_a_mark_of_the_same_millisecond_as_the_exit_counts_on_neither_way(mark_first: bool) -> None:  # noqa: FBT001 - a parameter
    record = apply_mark(apply_fill(opening(), fill(1, Side.BUY, "100", "1")), Price(Decimal(105)), 1_500)
    out = fill(900, Side.SELL, "92", "1", "s", realised="-8")
    if mark_first:
        record = apply_mark(record, Price(Decimal(80)), out.time_ms)
    record = apply_fill(record, out)
    if not mark_first:
        record = apply_mark(record, Price(Decimal(80)), out.time_ms)
    assert (record.mae_r, record.mfe_r) == (Decimal("-0.8000"), Decimal("0.5000"))


@pytest.mark.parametrize(
    ("leg", "hint", "reason"),
    [
        ("s", "", ExitReason.STOP),
        ("t", "", ExitReason.TARGET),
        ("x", "flatten", ExitReason.FLATTEN),
        ("x", "emergency", ExitReason.EMERGENCY),
        ("x", "", ExitReason.MANUAL),
        ("s1100", "", ExitReason.FAST_TP),
    ],
)
def test_the_exit_reason_is_read_from_the_closing_order(leg: str, hint: str, reason: ExitReason) -> None:
    record = apply_fill(replace(opening(), exit_hint=hint), fill(1, Side.BUY, "100", "1"))
    name = client_id(POSITION, leg[0], int(leg[1:]) if leg[1:] else None)
    record = apply_fill(record, replace(fill(2, Side.SELL, "101", "1", realised="1"), client_id=name))
    assert announce.exit_reason(record) is reason


def test_an_execution_of_somebody_else_is_an_external_exit_and_the_venues_own_a_liquidation() -> None:
    open_ = apply_fill(opening(), fill(1, Side.BUY, "100", "1"))
    manual = apply_fill(open_, replace(fill(2, Side.SELL, "101", "1"), client_id="web_123"))
    forced = apply_fill(open_, replace(fill(2, Side.SELL, "101", "1"), client_id="autoclose-77"))
    assert announce.exit_reason(manual) is ExitReason.EXTERNAL
    assert announce.exit_reason(forced) is ExitReason.LIQUIDATION


def test_events_name_the_position_and_the_decision() -> None:
    before = opening()
    opened = apply_fill(before, fill(1, Side.BUY, "100", "1"))
    closed = apply_fill(opened, fill(2, Side.SELL, "116", "1", "t", realised="16"))
    assert announce.kind_of(before, opened) is PositionEventKind.OPENED
    assert announce.kind_of(opened, closed) is PositionEventKind.CLOSED
    message = announce.trade_closed(closed)
    assert message.decision_id == POSITION
    assert isinstance(message.payload, TradeClosed)
    assert message.payload.net_usd == closed.net
    assert message.ts_ms == 1_002


def test_a_trade_is_not_told_before_it_is_closed() -> None:
    with pytest.raises(ValueError, match="expected a closed one"):
        announce.trade_closed(apply_fill(opening(), fill(1, Side.BUY, "100", "1")))


def test_a_record_survives_its_document() -> None:
    record = apply_fill(apply_fill(opening(), fill(1, Side.BUY, "100.5", "1")), fill(2, Side.SELL, "101", "0.4", "s"))
    assert record_from(record_document(record)) == record


def test_an_execution_reads_the_same_whichever_way_it_came() -> None:
    by_stream = replace(fill(1, Side.BUY, "100.50", "10.000"), fee=Usd(Decimal("4.97925000")), realised=Usd(Decimal("0E-8")))
    by_rest = replace(fill(1, Side.BUY, "100.5", "10"), fee=Usd(Decimal("4.97925")), realised=Usd(Decimal(0)))
    one, two = apply_fill(opening(), canonical(by_stream)), apply_fill(opening(), canonical(by_rest))
    assert record_document(one) == record_document(two)


def test_an_exit_that_is_heard_before_the_entry_does_not_hide_it() -> None:
    record = apply_fill(opening(), fill(9, Side.SELL, "99", "1", "x", realised="-1"))
    assert record.opened_ms == 1_000  # executions are read from here on
    record = apply_fill(record, fill(2, Side.BUY, "100", "1"))
    assert record.phase is Phase.CLOSED
    assert record.opened_ms == 1_002
    assert [record.entry_price, record.exit_price] == [Decimal(100), Decimal(99)]

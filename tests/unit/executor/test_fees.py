from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.executor.logic import announce
from services.executor.logic.documents import record_document, record_from
from services.executor.logic.fees import paid, priced, unpriced_assets, worth
from services.executor.logic.record import Phase, Planned, Record, apply_fill, shown
from shared.contracts.order import OrderEvent, TradeClosed
from shared.domain.order import Direction, Fill, Side, client_id
from shared.domain.units import Price, Qty, Usd

POSITION = "abcdefghij"


def opening() -> Record:
    return Record(
        position_id=POSITION,
        symbol="ETHUSDT",
        direction=Direction.LONG,
        phase=Phase.OPENING,
        opened_ms=1,
        planned=Planned(decision_id=POSITION),
        initial_risk=Usd(Decimal(10)),
    )


def fill(trade_id: int, side: Side, price: str, fee: str, asset: str, quantity: str = "1") -> Fill:
    return Fill(
        symbol="ETHUSDT",
        trade_id=trade_id,
        order_id=trade_id,
        client_id=client_id(POSITION, "e" if side is Side.BUY else "t"),
        side=side,
        price=Price(Decimal(price)),
        quantity=Qty(Decimal(quantity)),
        fee=Usd(Decimal(fee)),
        fee_asset=asset,
        realised=Usd(Decimal(0)),
        maker=False,
        time_ms=trade_id,
    )


def booked(record: Record, one: Fill, price: str | None = None) -> Record:
    return apply_fill(record, one, paid(one, "USDT", None if price is None else Price(Decimal(price))))


def test_a_fee_in_quote_money_counts_as_it_is() -> None:
    assert paid(fill(1, Side.BUY, "100", "0.05", "USDT"), "USDT", None) is None
    assert booked(opening(), fill(1, Side.BUY, "100", "0.05", "USDT")).fees == Decimal("0.05")


def test_a_fee_in_another_asset_counts_at_its_price() -> None:
    record = booked(opening(), fill(1, Side.BUY, "100", "0.0001", "BNB"), "612.5")
    assert record.fees == Decimal("0.06125")
    assert record.unpriced_fees == ()


def test_without_a_price_it_is_unknown_and_every_message_says_so() -> None:
    one = fill(1, Side.BUY, "100", "0.0001", "BNB")
    record = booked(opening(), one)
    event = announce.fill_event(record, one, 1).payload
    assert isinstance(event, OrderEvent)
    assert event.fee_usd is None
    record = booked(record, fill(2, Side.SELL, "101", "0.05", "USDT"))
    trade = announce.trade_closed(record).payload
    assert isinstance(trade, TradeClosed)
    assert (trade.fees_usd, trade.unpriced_fees) == (Decimal("0.05"), ("0.0001 BNB",))
    assert record_document(record)["unpriced_fees"] == ["0.0001 BNB"]


def test_a_price_that_comes_later_settles_it_once() -> None:
    record = booked(booked(opening(), fill(1, Side.BUY, "100", "0.1", "ASTER", "2")), fill(2, Side.BUY, "100", "0.1", "XYZ"))
    assert unpriced_assets(record) == {"ASTER", "XYZ"}
    after = priced(record, {"ASTER": Price(Decimal("1.5"))})
    assert (after.fees, after.unpriced_fees) == (Decimal("0.15"), ("0.1 XYZ",))
    assert priced(after, {"ASTER": Price(Decimal(9))}) is after
    assert record_from(record_document(after)) == after


@given(st.decimals("0.00000001", "10", places=8), st.decimals("0.0001", "100000", places=4))
def test_a_worth_is_exact_to_eight_decimals(amount: Decimal, price: Decimal) -> None:
    found = worth(amount, Price(price))
    assert abs(found - amount * price) <= Decimal("5e-9")


def test_average_prices_are_told_with_twelve_digits_and_kept_exact() -> None:
    record = booked(booked(opening(), fill(1, Side.BUY, "100", "0", "USDT", "1")), fill(2, Side.BUY, "101", "0", "USDT", "2"))
    assert str(record_document(record)["entry_price"]) == "100.666666667"
    assert len(str(record.entry_price)) > 20
    assert shown(Decimal("0.000012345678912345")) == Decimal("0.0000123456789123")
    assert str(shown(Decimal(43000))) == "43000"

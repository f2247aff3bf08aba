"""What orders may carry, and the code of each way to be wrong."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paper_exchange.logic.params import Params
from services.paper_exchange.logic.reject import MESSAGES, Reject
from services.paper_exchange.logic.spec import Dialect, read_spec
from tests.unit.paper_exchange.bench_desk import Bench

LIMIT = {"quantity": "1", "price": "100"}


@pytest.mark.parametrize(
    ("kind", "side", "words", "code"),
    [
        ("LIMIT", "BUY", {"quantity": "1"}, -1102),
        ("LIMIT", "BUY", {"quantity": "1", "price": "0"}, -4001),
        ("LIMIT", "BUY", {**LIMIT, "timeInForce": "XXX"}, -1115),
        ("LIMIT", "BUY", {**LIMIT, "price": "100.05"}, -1111),
        ("LIMIT", "BUY", {**LIMIT, "price": "0.1e3"}, -1100),
        ("LIMIT", "BUY", {**LIMIT, "price": "9999999"}, -4002),
        ("LIMIT", "BUY", {**LIMIT, "price": "106"}, -4016),
        ("LIMIT", "SELL", {**LIMIT, "price": "94"}, -4024),
        ("LIMIT", "BUY", {**LIMIT, "quantity": "0.0001"}, -1111),
        ("LIMIT", "BUY", {**LIMIT, "quantity": "0"}, -4003),
        ("LIMIT", "BUY", {**LIMIT, "quantity": "1e3"}, -1100),
        ("LIMIT", "BUY", {**LIMIT, "quantity": "1000000"}, -4005),
        ("LIMIT", "BUY", {**LIMIT, "quantity": "0.01"}, -4164),
        ("LIMIT", "BUY", {**LIMIT, "newClientOrderId": "a b"}, -4015),
        ("LIMIT", "BUY", {**LIMIT, "newClientOrderId": "a" * 37}, -4015),
        ("LIMIT", "BUY", {**LIMIT, "positionSide": "LONG"}, -4061),
        ("LIMIT", "BUY", {**LIMIT, "positionSide": "UP"}, -1130),
        ("LIMIT", "BUY", {**LIMIT, "reduceOnly": "maybe"}, -1102),
        ("LIMIT", "HOLD", LIMIT, -1117),
        ("FANCY", "BUY", LIMIT, -1116),
        ("LIQUIDATION", "BUY", LIMIT, -1116),
        ("MARKET", "BUY", {"quantity": "1", "timeInForce": "GTC"}, -1106),
        ("MARKET", "BUY", {"quantity": "1", "price": "100"}, -1106),
        ("MARKET", "BUY", {}, -1102),
        ("STOP_MARKET", "SELL", {"quantity": "1", "stopPrice": "98"}, -4120),
    ],
)
def test_codes_of_ordinary_orders(kind: str, side: str, words: dict[str, str], code: int) -> None:
    bench = Bench()
    with pytest.raises(Reject) as refused:
        bench.order(kind, side, **words)
    assert refused.value.code == code
    assert not bench.account.orders
    assert bench.desk.counters["order"] == 1_000_000_000


@pytest.mark.parametrize(
    ("kind", "words", "code"),
    [
        ("STOP_MARKET", {"quantity": "1"}, -1102),
        ("STOP_MARKET", {"quantity": "1", "triggerPrice": "98", "closePosition": "true"}, -4137),
        ("STOP_MARKET", {"reduceOnly": "true", "triggerPrice": "98", "closePosition": "true"}, -1106),
        ("STOP", {"quantity": "1", "triggerPrice": "98"}, -1102),
        ("STOP", {"quantity": "1", "triggerPrice": "98", "price": "80"}, -4184),
        ("TRAILING_STOP_MARKET", {"quantity": "1"}, -1102),
        ("TRAILING_STOP_MARKET", {"quantity": "1", "callbackRate": "11"}, -1130),
        ("TRAILING_STOP_MARKET", {"quantity": "1", "callbackRate": "1", "activatePrice": "99"}, -2021),
        ("LIMIT", {"quantity": "1", "price": "100"}, -1116),
    ],
)
def test_codes_of_conditional_orders(kind: str, words: dict[str, str], code: int) -> None:
    with pytest.raises(Reject) as refused:
        Bench().algo(kind, "SELL", **words)
    assert refused.value.code == code


def test_aster_takes_conditional_orders_on_the_order_endpoint() -> None:
    bench = Bench(dialect=Dialect.ASTER)
    bench.order("MARKET", "BUY", quantity="1")
    stop = bench.order("STOP_MARKET", "SELL", stopPrice="98", closePosition="true")
    bench.move("97")
    assert (stop.status.value, stop.type.value, stop.original.value) == ("FILLED", "MARKET", "STOP_MARKET")
    assert bench.amount == 0


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "symbol",
                "side",
                "type",
                "quantity",
                "price",
                "timeInForce",
                "stopPrice",
                "reduceOnly",
                "newClientOrderId",
                "goodTillDate",
                "priceMatch",
                "closePosition",
                "workingType",
            ]
        ),
        st.text(max_size=12),
    )
)
def test_any_text_is_an_order_or_a_refusal(words: dict[str, str]) -> None:
    codes = set(MESSAGES)
    try:
        read_spec(Params(words), Dialect.ASTER)
    except Reject as refused:
        codes.add(refused.code)
    assert codes == set(MESSAGES)


def test_a_market_order_needs_a_counterparty_near_the_mark() -> None:
    bench = Bench()
    bench.mark = Decimal(90)
    with pytest.raises(Reject) as refused:
        bench.order("MARKET", "BUY", quantity="1")
    assert refused.value.code == -4131
    assert bench.order("MARKET", "SELL", quantity="1").status.value == "FILLED"

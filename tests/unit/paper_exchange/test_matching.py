"""Orders meet prices."""

from collections.abc import Callable

import pytest

from services.paper_exchange.logic.filling import expire_due
from services.paper_exchange.logic.reject import Reject
from shared.domain.order import OrderStatus
from tests.unit.paper_exchange.bench_desk import Bench, D


def code_of(call: Callable[[], object]) -> int:
    with pytest.raises(Reject) as refused:
        call()
    return refused.value.code


def test_market_orders_take_the_book_and_pay_the_taker_fee() -> None:
    bench = Bench()
    bought = bench.order("MARKET", "BUY", quantity="2")
    assert (bought.status, bought.average) == (OrderStatus.FILLED, D("100.1"))
    assert bench.account.wallet == D(10000) - D("0.1001")
    sold = bench.order("MARKET", "SELL", quantity="2")
    assert sold.average == D("99.9")
    assert bench.amount == 0
    assert bench.account.wallet == D(10000) - D("0.1001") - D("0.0999") - D("0.4")


def test_events_of_a_market_order_in_their_order() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    assert bench.events() == [
        ("ORDER_TRADE_UPDATE", "NEW/NEW"),
        ("TRADE_LITE", ""),
        ("ACCOUNT_UPDATE", ""),
        ("ORDER_TRADE_UPDATE", "TRADE/FILLED"),
    ]


def test_large_market_orders_walk_the_book() -> None:
    bench = Bench(depth="1")
    order = bench.order("MARKET", "BUY", quantity="4")
    prices = [(trade.price, trade.quantity) for trade in bench.account.trades]
    assert prices == [(D("100.1"), D(1)), (D("100.2"), D("1.5")), (D("100.3"), D("1.5"))]
    assert order.status.value == "FILLED"


def test_a_resting_limit_order_fills_at_its_price_as_maker() -> None:
    bench = Bench()
    order = bench.order("LIMIT", "BUY", quantity="1", price="99")
    bench.move("99.2")
    assert order.status.value == "NEW"
    bench.move("98.5", traded="100000")
    assert (order.status, order.average) == (OrderStatus.FILLED, D(99))
    assert bench.account.trades[-1].maker
    assert bench.account.trades[-1].commission == D("0.0198")


def test_a_marketable_limit_order_takes_what_is_there_and_rests() -> None:
    bench = Bench(depth="1")
    order = bench.order("LIMIT", "BUY", quantity="3", price="100.2")
    assert (order.status, order.executed) == (OrderStatus.PARTIALLY_FILLED, D("2.5"))


def test_ioc_fok_and_post_only() -> None:
    bench = Bench(depth="1")
    ioc = bench.order("LIMIT", "BUY", quantity="3", price="100.1", timeInForce="IOC")
    assert (ioc.status, ioc.executed) == (OrderStatus.EXPIRED, D(1))
    assert code_of(lambda: bench.order("LIMIT", "BUY", quantity="3", price="100.1", timeInForce="FOK")) == -5021
    assert code_of(lambda: bench.order("LIMIT", "BUY", quantity="1", price="100.1", timeInForce="GTX")) == -5022
    assert bench.order("LIMIT", "BUY", quantity="1", price="100", timeInForce="GTX").status is OrderStatus.NEW


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "way", "fill"),
    [
        ("STOP_MARKET", "SELL", "98", ["99", "97"], "97.9"),
        ("STOP_MARKET", "BUY", "102", ["101", "103"], "102.1"),
        ("TAKE_PROFIT_MARKET", "SELL", "103", ["102", "104"], "102.9"),
        ("TAKE_PROFIT_MARKET", "BUY", "97", ["98", "96"], "97.1"),
    ],
)
def test_a_trigger_fills_where_the_path_crosses_it(kind: str, side: str, trigger: str, way: list[str], fill: str) -> None:
    bench = Bench()
    algo = bench.algo(kind, side, quantity="1", triggerPrice=trigger)
    bench.move(way[0])
    assert algo.status.value == "NEW"
    bench.move(way[1])
    assert algo.status.value == "FINISHED"
    assert bench.account.trades[-1].price == D(fill)


def test_a_jump_over_the_trigger_fills_at_the_new_price() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true")
    bench.move("95", jump=True)
    assert bench.account.trades[-1].price == D("94.9")
    assert bench.amount == 0


def test_the_life_of_a_stop() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    bench.events()
    stop = bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true", clientAlgoId="mine")
    bench.move("97")
    assert bench.events() == [
        ("ALGO_UPDATE", "NEW"),
        ("ALGO_UPDATE", "TRIGGERING"),
        ("ALGO_UPDATE", "TRIGGERED"),
        ("ORDER_TRADE_UPDATE", "NEW/NEW"),
        ("TRADE_LITE", ""),
        ("ACCOUNT_UPDATE", ""),
        ("ORDER_TRADE_UPDATE", "TRADE/FILLED"),
        ("ALGO_UPDATE", "FINISHED"),
    ]
    actual = bench.account.orders[stop.actual_id]
    assert (actual.client_id, actual.quantity) == ("mine", D(1))


def test_the_nearer_level_reacts_first() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    bench.algo("STOP_MARKET", "SELL", triggerPrice="97", quantity="1", reduceOnly="true")
    near = bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true")
    bench.move("96")
    assert near.status.value == "FINISHED"
    assert bench.amount == 0
    assert [order.reason for order in bench.account.algos.values()] == ["Reduce Only reject", ""]


def test_a_closing_order_outlives_its_position_and_expires_when_it_triggers() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    stop = bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true")
    bench.order("MARKET", "SELL", quantity="1")
    assert stop.status.value == "NEW"
    bench.move("97")
    assert stop.status.value == "EXPIRED"
    assert bench.amount == 0
    assert stop.actual_id == 0


def test_one_closing_order_per_direction_and_kind() -> None:
    bench = Bench()
    bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true")
    bench.algo("TAKE_PROFIT_MARKET", "SELL", triggerPrice="103", closePosition="true")
    bench.algo("STOP_MARKET", "BUY", triggerPrice="103", closePosition="true")
    assert code_of(lambda: bench.algo("STOP_MARKET", "SELL", triggerPrice="97", closePosition="true")) == -4130


def test_a_trigger_that_is_met_already_is_refused() -> None:
    bench = Bench()
    assert code_of(lambda: bench.algo("STOP_MARKET", "SELL", triggerPrice="100", quantity="1")) == -2021
    assert code_of(lambda: bench.algo("TAKE_PROFIT_MARKET", "SELL", triggerPrice="100", quantity="1")) == -2021


def test_a_stop_limit_rests_at_its_price_after_the_trigger() -> None:
    bench = Bench()
    algo = bench.algo("STOP", "BUY", triggerPrice="102", price="101.5", quantity="1")
    bench.move("102.5")
    order = bench.account.orders[algo.actual_id]
    assert (algo.status, order.status, order.price) == (OrderStatus.TRIGGERED, OrderStatus.NEW, D("101.5"))
    bench.cancel(order)
    assert algo.status.value == "FINISHED"


def test_a_trailing_stop_follows_and_fires() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    algo = bench.algo("TRAILING_STOP_MARKET", "SELL", quantity="1", callbackRate="2", reduceOnly="true")
    bench.move("110")
    bench.move("108")
    assert algo.status.value == "NEW"
    bench.move("107")
    assert algo.status.value == "FINISHED"
    assert bench.account.trades[-1].price == D("107.7")


def test_a_trailing_stop_waits_for_its_activation_price() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    algo = bench.algo("TRAILING_STOP_MARKET", "SELL", quantity="1", callbackRate="1", activatePrice="105", reduceOnly="true")
    bench.move("103")
    bench.move("100")
    assert algo.status.value == "NEW"
    bench.move("106")
    bench.move("104")
    assert algo.status.value == "FINISHED"


def test_reduce_only_shrinks_to_the_position_and_needs_one() -> None:
    bench = Bench()
    assert code_of(lambda: bench.order("MARKET", "SELL", quantity="1", reduceOnly="true")) == -2022
    bench.order("MARKET", "BUY", quantity="1")
    order = bench.order("MARKET", "SELL", quantity="5", reduceOnly="true")
    assert (order.executed, bench.amount) == (D(1), D(0))


def test_resting_reduce_only_orders_go_with_the_position() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    resting = bench.order("LIMIT", "SELL", quantity="1", price="104", reduceOnly="true")
    bench.order("MARKET", "SELL", quantity="1")
    assert resting.status.value == "EXPIRED"


def test_crossing_zero_opens_the_rest_at_the_fill_price() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    bench.order("MARKET", "SELL", quantity="3")
    assert (bench.amount, bench.entry) == (D(-2), D("99.9"))


def test_client_ids_are_unique_among_open_orders_only() -> None:
    bench = Bench()
    first = bench.order("LIMIT", "BUY", quantity="1", price="99", newClientOrderId="x1")
    assert code_of(lambda: bench.order("LIMIT", "BUY", quantity="1", price="99", newClientOrderId="x1")) == -4116
    bench.cancel(first)
    assert bench.order("LIMIT", "BUY", quantity="1", price="99", newClientOrderId="x1").status is OrderStatus.NEW


def test_margin_and_position_limits() -> None:
    bench = Bench(balance="100")
    assert code_of(lambda: bench.order("MARKET", "BUY", quantity="21")) == -2019
    bench.order("MARKET", "BUY", quantity="10")
    rich = Bench(balance="100000000", depth="10000000")
    assert code_of(lambda: rich.order("LIMIT", "BUY", quantity="10001", price="100")) == -2027


def test_price_protect_waits_until_mark_and_price_agree() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    stop = bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true", priceProtect="true")
    bench.mark = D(110)
    bench.move("97")
    assert stop.status.value == "NEW"
    bench.mark = D(97)
    bench.move("96.9")
    assert stop.status.value == "FINISHED"


def test_mark_price_triggers_watch_the_mark() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="1")
    stop = bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true", workingType="MARK_PRICE")
    bench.mark = D(100)
    bench.move("97")
    assert stop.status.value == "NEW"
    bench.mark = D("97.5")
    bench.move("97")
    assert stop.status.value == "FINISHED"


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "NEW", "FILLED"),
    ],
)
def test_self_trade_prevention(mode: str, maker: str, taker: str) -> None:
    bench = Bench()
    resting = bench.order("LIMIT", "SELL", quantity="1", price="100.1", timeInForce="GTX")
    order = bench.order("MARKET", "BUY", quantity="1", selfTradePreventionMode=mode)
    assert (resting.status.value, order.status.value) == (maker, taker)


def test_an_order_with_a_date_expires_on_it() -> None:
    bench = Bench()
    words = {"quantity": "1", "price": "99", "timeInForce": "GTD"}
    assert code_of(lambda: bench.order("LIMIT", "BUY", **words, goodTillDate=1_600_000)) == -1130
    order = bench.order("LIMIT", "BUY", **words, goodTillDate=1_700_000)
    bench.desk.time_ms = 1_700_000
    expire_due(bench.desk)
    assert order.status.value == "EXPIRED"
    assert not bench.account.open_ids

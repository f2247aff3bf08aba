"""Funding, margin calls, liquidation, and resting orders in a queue."""

from services.paper_exchange.logic.margin import liquidation_price, of_account
from services.paper_exchange.logic.settling import Fall, check_margins, pay_funding
from tests.unit.paper_exchange.bench_desk import SYMBOL, Bench, D


def fall(bench: Bench, price: str, *, jump: bool = False) -> None:
    start = bench.price
    bench.move(price, jump=jump)
    check_margins(bench.desk, Fall({} if jump else {SYMBOL: start}))


def test_funding_is_paid_by_longs_when_the_rate_is_positive() -> None:
    bench = Bench()
    bench.order("MARKET", "BUY", quantity="2")
    wallet = bench.account.wallet
    pay_funding(bench.desk, SYMBOL, D("0.0001"))
    assert bench.account.wallet - wallet == D("-0.02")
    assert bench.account.incomes[-1].kind == "FUNDING_FEE"
    event = bench.desk.take_events()[-1][1]
    assert (event["a"]["m"], event["a"]["P"]) == ("FUNDING_FEE", [])
    bench.order("MARKET", "SELL", quantity="4")
    pay_funding(bench.desk, SYMBOL, D("0.0001"))
    assert bench.account.incomes[-1].amount == D("0.02")


def test_the_liquidation_price_is_where_margin_meets_maintenance() -> None:
    bench = Bench(balance="100")
    bench.order("MARKET", "BUY", quantity="15")
    position = bench.account.held()[0]
    price = liquidation_price(bench.desk, bench.account, position, of_account(bench.desk, bench.account))
    bench.price = price
    margins = of_account(bench.desk, bench.account)
    assert abs(margins.balance - margins.maintenance) < D("0.0001")


def test_a_long_is_liquidated_at_its_price_when_the_path_crosses_it() -> None:
    bench = Bench(balance="100")
    bench.order("MARKET", "BUY", quantity="15")
    resting = bench.order("LIMIT", "SELL", quantity="1", price="104")
    stop = bench.algo("STOP_MARKET", "SELL", triggerPrice="50", closePosition="true")
    position = bench.account.held()[0]
    level = liquidation_price(bench.desk, bench.account, position, of_account(bench.desk, bench.account))
    bench.events()
    fall(bench, "90")
    assert bench.amount == 0
    last = bench.account.trades[-1]
    assert last.price == level.quantize(D("0.1"), rounding="ROUND_FLOOR")
    assert bench.account.wallet >= 0
    assert resting.status.value == "CANCELED"
    assert stop.status.value == "NEW"
    assert ("ORDER_TRADE_UPDATE", "CALCULATED/FILLED") in bench.events()
    assert list(bench.account.orders.values())[-1].client_id.startswith("autoclose-")
    assert sum((row.amount for row in bench.account.incomes), D(0)) == bench.account.wallet
    assert len(bench.desk.take_forced()) == 1


def test_a_jump_beyond_bankruptcy_is_taken_over_by_the_insurance_fund() -> None:
    bench = Bench(balance="100")
    bench.order("MARKET", "BUY", quantity="15")
    fall(bench, "50", jump=True)
    assert (bench.amount, bench.account.wallet) == (D(0), D(0))
    assert [row.kind for row in bench.account.incomes[-2:]] == ["INSURANCE_CLEAR", "INSURANCE_CLEAR"]


def test_an_isolated_position_loses_no_more_than_its_wallet() -> None:
    bench = Bench(balance="1000")
    bench.account.setting(SYMBOL).isolated = True
    bench.order("MARKET", "BUY", quantity="10")
    wallet = bench.account.held()[0].isolated_wallet
    assert wallet == D("50.05")
    before = bench.account.wallet
    fall(bench, "50", jump=True)
    assert bench.amount == 0
    assert bench.account.wallet == before - wallet


def test_one_margin_call_per_approach() -> None:
    bench = Bench(balance="100")
    bench.order("MARKET", "BUY", quantity="15")
    bench.events()
    for price in ("94.6", "94.7", "94.6"):
        fall(bench, price)
    calls = [event for event, _ in bench.events() if event == "MARGIN_CALL"]
    assert len(calls) == 1
    assert bench.amount > 0


def test_a_resting_order_waits_behind_those_who_came_before() -> None:
    bench = Bench(depth="10")
    order = bench.order("LIMIT", "BUY", quantity="5", price="99.9")
    assert order.queue == D(10)
    bench.move("99.9", traded="4")
    assert (order.executed, order.queue) == (D(0), D(8))
    bench.move("99.9", traded="10")
    assert (order.executed, order.status.value) == (D(2), "PARTIALLY_FILLED")
    bench.move("99.7", traded="100")
    assert order.status.value == "FILLED"
    assert {trade.price for trade in bench.account.trades} == {D("99.9")}


def test_a_jump_through_the_price_fills_it_whole() -> None:
    bench = Bench(depth="10")
    order = bench.order("LIMIT", "SELL", quantity="5", price="101", reduceOnly="false")
    bench.move("103", jump=True)
    assert (order.status.value, order.average) == ("FILLED", D(101))

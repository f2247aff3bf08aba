"""Accounting over random orders and prices."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.paper_exchange.logic.margin import of_account
from services.paper_exchange.logic.reject import Reject
from tests.unit.paper_exchange.bench_desk import SYMBOL, Bench, D

PRICE = st.integers(min_value=900, max_value=1100).map(lambda ticks: str(D(ticks) / 10))
QTY = st.integers(min_value=60, max_value=40_000).map(lambda steps: str(D(steps) / 1000))
SIDE = st.sampled_from(["BUY", "SELL"])
ACTION = st.one_of(
    st.tuples(st.just("move"), PRICE, st.booleans()),
    st.tuples(st.just("market"), SIDE, QTY, st.booleans()),
    st.tuples(st.just("limit"), SIDE, QTY, PRICE),
    st.tuples(st.just("stop"), st.sampled_from(["STOP_MARKET", "TAKE_PROFIT_MARKET"]), SIDE, QTY, PRICE, st.booleans()),
    st.tuples(st.just("cancel"), st.integers(min_value=0, max_value=9)),
)


def act(bench: Bench, action: tuple[Any, ...]) -> None:
    kind, *rest = action
    if kind == "move":
        bench.move(rest[0], jump=rest[1], traded="5")
    elif kind == "market":
        bench.order("MARKET", rest[0], quantity=rest[1], reduceOnly=rest[2])
    elif kind == "limit":
        bench.order("LIMIT", rest[0], quantity=rest[1], price=rest[2])
    elif kind == "stop":
        words = {"closePosition": "true"} if rest[4] else {"quantity": rest[2]}
        bench.algo(rest[0], rest[1], triggerPrice=rest[3], **words)
    else:
        pending = [*bench.account.open_orders(), *bench.account.open_algos()]
        if rest[0] < len(pending):
            bench.cancel(pending[rest[0]])


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTION, max_size=30))
def test_money_and_positions_add_up(actions: list[tuple[Any, ...]]) -> None:
    bench = Bench(balance="3000", depth="3")
    low = high = bench.price
    for action in actions:
        before = bench.price
        done = len(bench.account.trades)
        try:
            act(bench, action)
        except Reject:
            continue
        low, high = min(before, bench.price), max(before, bench.price)
        for trade in bench.account.trades[done:]:
            assert low - D(10) <= trade.price <= high + D(10)
            took = any(item.order_id == trade.order_id and not item.maker for item in bench.account.trades)
            if trade.maker and not took:
                assert low <= trade.price <= high
        check(bench)


def check(bench: Bench) -> None:
    account = bench.account
    margins = of_account(bench.desk, account)
    incomes = sum((row.amount for row in account.incomes), D(0))
    assert account.wallet == incomes
    signed = sum((trade.quantity * trade.side.sign for trade in account.trades), D(0))
    assert bench.amount == signed
    assert margins.balance == incomes + margins.unrealised
    cash = sum((-trade.quantity * trade.side.sign * trade.price - trade.commission for trade in account.trades), D(0))
    value = D(3000) + cash + signed * bench.price
    assert abs(value - (account.wallet + sum((p.unrealised(bench.price) for p in account.held()), D(0)))) < D("0.000001")
    for order in account.orders.values():
        filled = sum((trade.quantity for trade in account.trades if trade.order_id == order.order_id), D(0))
        assert filled == order.executed <= order.quantity
    assert set(account.open_ids.values()) == {o.order_id for o in account.orders.values() if o.status.open}
    waiting = bench.desk.working.get(SYMBOL, {}).keys()
    pending = {(False, number) for number in account.open_ids.values()} | {(True, number) for number in account.open_algo_ids.values()}
    assert waiting == pending

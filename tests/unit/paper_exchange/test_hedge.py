"""Hedge mode: two legs per contract, sides that only close, and a shared liquidation price."""

import pytest

from services.paper_exchange.logic.margin import liquidation_price, of_account
from services.paper_exchange.logic.reject import Reject
from tests.unit.paper_exchange.bench_desk import Bench, D


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.account.hedge = True
    return made


def legs(bench: Bench) -> dict[str, object]:
    return {position.side.value: position.amount for position in bench.account.held()}


def test_both_legs_stand_side_by_side(bench: Bench) -> None:
    bench.order("MARKET", "BUY", quantity="2", positionSide="LONG")
    bench.order("MARKET", "SELL", quantity="3", positionSide="SHORT")
    assert legs(bench) == {"LONG": D(2), "SHORT": D(-3)}
    bench.order("MARKET", "BUY", quantity="1", positionSide="SHORT")
    assert legs(bench) == {"LONG": D(2), "SHORT": D(-2)}


@pytest.mark.parametrize(
    ("side", "words", "code"),
    [
        ("BUY", {}, -4061),
        ("BUY", {"positionSide": "LONG", "reduceOnly": "true"}, -1106),
        ("SELL", {"positionSide": "LONG"}, -2022),
        ("BUY", {"positionSide": "SHORT"}, -2022),
    ],
)
def test_what_hedge_mode_refuses(bench: Bench, side: str, words: dict[str, str], code: int) -> None:
    with pytest.raises(Reject) as refused:
        bench.order("MARKET", side, quantity="1", **words)
    assert refused.value.code == code


def test_a_closing_stop_closes_its_leg_only(bench: Bench) -> None:
    bench.order("MARKET", "BUY", quantity="2", positionSide="LONG")
    bench.order("MARKET", "SELL", quantity="1", positionSide="SHORT")
    with pytest.raises(Reject) as refused:
        bench.algo("STOP_MARKET", "BUY", triggerPrice="103", closePosition="true", positionSide="LONG")
    assert refused.value.code == -1128
    bench.algo("STOP_MARKET", "SELL", triggerPrice="98", closePosition="true", positionSide="LONG")
    bench.move("97")
    assert legs(bench) == {"SHORT": D(-1)}


def test_legs_share_one_liquidation_price(bench: Bench) -> None:
    bench.order("MARKET", "BUY", quantity="700", positionSide="LONG")
    bench.order("MARKET", "SELL", quantity="100", positionSide="SHORT")
    margins = of_account(bench.desk, bench.account)
    prices = {liquidation_price(bench.desk, bench.account, position, margins) for position in bench.account.held()}
    assert len(prices) == 1
    bench.price = prices.pop()
    after = of_account(bench.desk, bench.account)
    assert abs(after.balance - after.maintenance) < D("0.5")

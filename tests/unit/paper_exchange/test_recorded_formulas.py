"""The venue's own numbers, recorded: brackets, margins, fees, entry prices."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.paper_exchange.logic import brackets
from services.paper_exchange.logic.entities import Position
from services.paper_exchange.logic.ledger import move
from services.paper_exchange.logic.margin import liquidation_price, of_account
from services.paper_exchange.logic.money import cut
from services.paper_exchange.logic.settling import pay_funding
from services.paper_exchange.sources.funding_file import load_fundings
from shared.domain.order import PositionSide
from tests.unit.paper_exchange.bench_desk import SYMBOL, Bench

pytestmark = pytest.mark.recorded


@pytest.fixture
def body(recordings: Path) -> Any:
    folder = next(path for path in (recordings / "fixtures" / "rest", recordings.parent / "fixtures" / "rest") if path.is_dir())
    return lambda name: json.loads((folder / f"{name}.json").read_text())["response"]["body"]


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT", "SOLUSDT"])
def test_cum_follows_from_caps_and_ratios(body: Any, symbol: str) -> None:
    ladder = brackets.read_ladder(body(f"leverageBracket_{symbol}")[0])
    built = brackets.build((int(step.cap), step.leverage, str(step.ratio)) for step in ladder)
    assert [step.cum for step in built] == [step.cum for step in ladder]


def test_margins_of_a_recorded_position(body: Any) -> None:
    row = next(item for item in body("account_v3_BTCUSDT_long")["positions"] if Decimal(item["positionAmt"]))
    notional = Decimal(row["notional"])
    step = brackets.at(brackets.read_ladder(body("leverageBracket_BTCUSDT")[0]), notional)
    assert cut(notional * step.ratio - step.cum) == Decimal(row["maintMargin"])
    leverage = round(notional / Decimal(row["initialMargin"]))
    assert cut(notional / leverage) == Decimal(row["initialMargin"])


def test_liquidation_price_of_a_recorded_account(body: Any) -> None:
    """The venue showed 64846.79 to 64846.99 while the value of the account's other asset drifted."""
    account = body("account_v3_BTCUSDT_long")
    row = next(item for item in account["positions"] if Decimal(item["positionAmt"]))
    amount, notional, gain = (Decimal(row[name]) for name in ("positionAmt", "notional", "unrealizedProfit"))
    mark = notional / amount
    others_gain = Decimal(account["totalUnrealizedProfit"]) - gain
    others_margin = Decimal(account["totalMaintMargin"]) - Decimal(row["maintMargin"])
    bench = Bench(balance=str(Decimal(account["totalCrossWalletBalance"]) + others_gain - others_margin))
    bench.price, bench.mark = mark, mark
    bench.desk.market = replace(bench.desk.market, ladders={SYMBOL: brackets.read_ladder(body("leverageBracket_BTCUSDT")[0])})
    position = bench.account.position(SYMBOL, PositionSide.BOTH)
    position.amount, position.entry = amount, mark - gain / amount
    found = liquidation_price(bench.desk, bench.account, position, of_account(bench.desk, bench.account))
    assert Decimal("64846.79") <= found <= Decimal("64846.99")


def test_recorded_fundings_are_paid_as_position_times_mark_times_rate(recordings: Path) -> None:
    folder = recordings / "data" if (recordings / "data").is_dir() else recordings
    path = folder / "funding.parquet"
    track = load_fundings([path], ("BTCUSDT",))["BTCUSDT"]
    paid = 0
    for rate, mark in zip(track.rates[:200], track.marks[:200], strict=True):
        if mark is None:
            continue
        bench = Bench()
        bench.price = Decimal(repr(mark))
        bench.account.position(SYMBOL, PositionSide.BOTH).amount = Decimal("-0.5")
        pay_funding(bench.desk, SYMBOL, Decimal(repr(rate)))
        assert bench.account.incomes[-1].amount == cut(Decimal("0.5") * Decimal(repr(mark)) * Decimal(repr(rate)))
        paid += 1
    assert paid


def test_maintenance_of_another_recorded_position(body: Any) -> None:
    row = body("positionRisk_v3_WLDUSDT")[0]
    amount, mark, entry = (Decimal(row[name]) for name in ("positionAmt", "markPrice", "entryPrice"))
    assert cut(amount * mark) == Decimal(row["notional"])
    assert cut((mark - entry) * amount) == Decimal(row["unRealizedProfit"])
    taker = Decimal(row["breakEvenPrice"]) / entry - 1
    assert round(taker, 6) in {Decimal("0.00045"), Decimal("0.0005")}


def test_realised_pnl_and_commission_of_recorded_trades(body: Any) -> None:
    position = Position(symbol="ETHUSDT", side=PositionSide.BOTH)
    for row in body("userTrades_ETHUSDT"):
        price, quantity = Decimal(row["price"]), Decimal(row["qty"])
        realised = move(position, quantity if row["buyer"] else -quantity, price)
        assert realised == Decimal(row["realizedPnl"])
        assert cut(price * quantity * Decimal("0.0004")) == Decimal(row["commission"])

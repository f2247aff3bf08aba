"""A recorded stretch through the whole product, time standing still until everything is handled."""

import asyncio
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.order import ExitReason
from tests.fakes.account_reader import AccountReader
from tests.fakes.product import Product, Stepper
from tests.fakes.tape import Tape, differences, read_tape

pytestmark = [pytest.mark.integration, pytest.mark.recorded]

SYMBOLS = "WIFUSDT,TIAUSDT,HYPEUSDT,TAOUSDT,PUMPUSDT,HUSDT,ICPUSDT,WALUSDT,ZRXUSDT,LIGHTUSDT"
HOURS = int(os.environ.get("MRASTER_LOCK_STEP_HOURS", "12"))  # noqa: TID251 - the tests' own switch
SPAN_MS = HOURS * 3_600_000
OPENING = Decimal(10_000)


@dataclass
class Run:
    """What one replay left behind."""

    tape: Tape
    account: dict[str, Any]
    positions: list[dict[str, Any]]
    income: list[dict[str, Any]]


async def replay(home: Path, data: Path, span_ms: int) -> Run:
    """Replay a span of venue time, step by step."""
    product = Product(home, ["--market", f"replay:{data}", "--symbols", SYMBOLS, "--lock-step"])
    try:
        await asyncio.to_thread(product.start)
        async with httpx.AsyncClient(timeout=30) as client:
            stepper = Stepper(product, client)
            await stepper.settle(calm_s=0.5)
            start_ms = now_ms = (await stepper.step())["time_ms"]
            while now_ms < start_ms + span_ms:
                now_ms = (await stepper.step())["time_ms"]
            await stepper.probe.close()
            run = product.run()
            reader = AccountReader(client, run["venue"])
            tape = await read_tape(run["nats_url"])
            return Run(tape, await reader.account(), await reader.positions(), await reader.income())
    finally:
        await asyncio.to_thread(product.stop)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> tuple[Run, Run]:
    """The same hours twice, side by side."""
    folder = tmp_path_factory.mktemp("lockstep")
    data = recordings / "data" / "klines_5m.parquet"

    async def both() -> tuple[Run, Run]:
        first, second = await asyncio.gather(replay(folder / "a", data, SPAN_MS), replay(folder / "b", data, SPAN_MS))
        return first, second

    return asyncio.run(both())


def test_the_same_hours_twice_give_the_same_decisions_and_trades_to_the_last_digit(runs: tuple[Run, Run]) -> None:
    first, second = runs
    assert first.tape.trades
    for kind in ("signal.candidate", "signal.skip", "sentinel", "plan", "trade.closed"):
        assert differences(first.tape.facts(kind), second.tape.facts(kind)) == []
    # ids of orders that are placed side by side (stop and target) may be dealt either way
    assert differences(first.tape.facts("order", without=("order_id",)), second.tape.facts("order", without=("order_id",))) == []
    assert first.account["totalWalletBalance"] == second.account["totalWalletBalance"]


def test_every_trade_had_a_stop_and_a_target_from_entry_to_exit_and_ended_at_one_of_them(runs: tuple[Run, Run]) -> None:
    for trade in runs[0].tape.trades:
        assert trade.exit_reason in {ExitReason.STOP, ExitReason.TARGET, ExitReason.FAST_TP}
        assert trade.stop_price is not None
        assert trade.target_price is not None
        sign = trade.direction.sign
        assert (trade.entry_price - trade.stop_price) * sign > 0  # the planned stop, wherever FastTP moved it to
        assert (trade.target_price - trade.entry_price) * sign > 0
    assert not runs[0].tape.messages["dlq"]


def test_equity_is_the_opening_balance_plus_trades_plus_open_pnl(runs: tuple[Run, Run]) -> None:
    run = runs[0]
    closed = sum((t.net_usd for t in run.tape.trades), Decimal(0))
    unrealised = sum((Decimal(p["unRealizedProfit"]) for p in run.positions), Decimal(0))
    entry_fees = _fees_of_open_positions(run)
    equity = Decimal(run.account["totalMarginBalance"])
    assert abs(equity - (OPENING + closed + unrealised - entry_fees)) < Decimal("0.01")


def _fees_of_open_positions(run: Run) -> Decimal:
    """Fees already paid for positions that are still open, from the position events."""
    last: dict[str, Any] = {}
    for payload, _ in run.tape.messages["position"]:
        body = payload.model_dump()
        last[body["position_id"]] = body
    return sum((body["fees_usd"] - body["realised_usd"] for body in last.values() if body["event"] != "closed"), Decimal(0))


def test_trades_are_net_of_fees_and_measured_in_initial_risk(runs: tuple[Run, Run]) -> None:
    for trade in runs[0].tape.trades:
        assert trade.fees_usd > 0
        assert trade.net_usd == trade.gross_usd - trade.fees_usd + trade.funding_usd
        assert trade.initial_risk_usd
        assert trade.r == (trade.net_usd / trade.initial_risk_usd).quantize(Decimal("0.0001"))


def test_the_venues_income_is_the_sum_of_the_trades(runs: tuple[Run, Run]) -> None:
    run = runs[0]
    booked = sum(
        (Decimal(row["income"]) for row in run.income if row["incomeType"] in {"REALIZED_PNL", "COMMISSION", "FUNDING_FEE"}), Decimal(0)
    )
    closed = sum((t.net_usd for t in run.tape.trades), Decimal(0))
    assert abs(booked - (closed - _fees_of_open_positions(run))) < Decimal("0.01")

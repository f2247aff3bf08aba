"""kill -9 of any service in the middle of a replay: it comes back, nothing is doubled, nothing stays naked."""

import asyncio
from pathlib import Path

import httpx
import pytest

from shared.contracts.order import OrderEvent, PositionEvent
from tests.fakes.account_reader import AccountReader
from tests.fakes.product import Product, Stepper
from tests.fakes.tape import read_tape
from tests.integration.product.test_lock_step import SYMBOLS

pytestmark = [pytest.mark.integration, pytest.mark.recorded]

HOURS = 2
CANDLE_MS = 300_000


@pytest.mark.parametrize("victim", ["scanner", "sentinel", "advisor", "executor", "bracket_guard", "paper_exchange", "nats", "redis"])
async def test_killed_in_the_middle_everything_goes_on(victim: str, tmp_path: Path, recordings: Path) -> None:
    data = recordings / "data" / "klines_5m.parquet"
    product = Product(tmp_path / "home", ["--market", f"replay:{data}", "--symbols", SYMBOLS, "--lock-step"])
    try:
        await asyncio.to_thread(product.start)
        async with httpx.AsyncClient(timeout=30) as client:
            stepper = Stepper(product, client)
            await stepper.settle(calm_s=0.5)
            start_ms = now_ms = (await stepper.step())["time_ms"]
            kills = [start_ms + n * CANDLE_MS * 12 * HOURS // 4 for n in (1, 3)]
            while now_ms < start_ms + HOURS * 12 * CANDLE_MS:
                if kills and now_ms >= kills[0]:
                    kills.pop(0)
                    await stepper.advance()
                    product.kill(victim)
                    await stepper.settle()
                now_ms = (await stepper.step())["time_ms"]
            await stepper.probe.close()
            run = product.run()
            assert run["processes"][victim]["restarts"] >= 2
            reader = AccountReader(client, run["venue"])
            positions, stops = await reader.positions(), await reader.open_stops()
            tape = await read_tape(run["nats_url"])
        opened = [p for p, _ in tape.messages["position"] if isinstance(p, PositionEvent) and p.event == "opened"]
        fills = [p for p, _ in tape.messages["order"] if isinstance(p, OrderEvent) and p.event == "filled" and p.leg == "entry"]
        entries = {(p.client_id, p.order_id) for p in fills}
        assert len(entries) == len({p.client_id for p in fills}) == len(opened) == len({p.position_id for p in opened})
        assert len({t.position_id for t in tape.trades}) == len(tape.trades)
        for position in positions:
            assert stops[position["symbol"]] == 1, f"{position['symbol']} has {stops[position['symbol']]} stops"
    finally:
        await asyncio.to_thread(product.stop)

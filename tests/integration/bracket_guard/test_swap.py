"""A stop at the wrong price on a venue that holds one closing stop of a side: swapped without a moment in between."""

from decimal import Decimal

import pytest

from tests.chaos.guard_stack import GuardStack
from tests.fakes.eventually import eventually

pytestmark = [pytest.mark.integration]

TAG = "abcdefghij"
SYMBOL = "BTCUSDT"


async def test_a_wrong_stop_is_swapped_over_a_bridge_and_others_are_left_alone() -> None:
    async with GuardStack([SYMBOL, "ETHUSDT"]) as stack:
        venue = stack.venue
        await venue.open_by_hand(SYMBOL, "0.1", GuardStack.entry_name(TAG))
        await venue.foreign_stop(SYMBOL, f"mr-{TAG}-s0", share=0.8)
        price = await venue.price(SYMBOL)
        wanted, target = await venue.tick(SYMBOL, price * 0.9), await venue.tick(SYMBOL, price * 1.3)
        sell = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL"}
        foreign = {"type": "TAKE_PROFIT_MARKET", "triggerPrice": target, "closePosition": "true", "clientAlgoId": "web_1"}
        await venue.call("POST", "/fapi/v1/algoOrder", **sell, **foreign)
        record = {"position_id": TAG, "direction": "long", "phase": "open", "owned": True, "opened_ms": await venue.time_ms()}
        planned = {"interval": "5m", "epoch": 1}
        await stack.state.put(stack.keys.positions, SYMBOL, {**record, "stop_price": wanted, "target_price": target, "planned": planned})
        guard = stack.guard("guard-1")
        await guard.start()

        async def swapped() -> bool:
            return [Decimal(row["triggerPrice"]) for row in await venue.stops(SYMBOL)] == [Decimal(wanted)]

        await eventually(swapped, within_s=20, every_s=0.1, what="one stop at the planned price")
        await eventually(lambda: _calm(stack), within_s=20, every_s=0.1, what="nothing is left to repair")
        rows = {row["clientAlgoId"]: row for row in await venue.algos(SYMBOL)}
        bridge, wrong, final = (rows[f"mr-{TAG}-s{n}"] for n in (100, 0, 101))
        assert bridge["closePosition"] is False
        assert int(bridge["createTime"]) <= int(wrong["updateTime"]) <= int(final["createTime"]) <= int(bridge["updateTime"])
        assert [rows[name]["algoStatus"] for name in ("web_1", f"mr-{TAG}-s101")] == ["NEW", "NEW"]
        assert len(rows) == 4


async def _calm(stack: GuardStack) -> bool:
    document = await stack.state.get(stack.keys.brackets, SYMBOL)
    return document is not None and document["repairs"] == [] and document["desired"]["position_id"] == TAG

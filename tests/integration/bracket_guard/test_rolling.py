"""Both guards are restarted one after the other: somebody protects all the time, and never twice."""

from decimal import Decimal

import pytest

from tests.chaos.guard_stack import GuardProcess, GuardStack
from tests.fakes.eventually import eventually

pytestmark = [pytest.mark.integration]

TAG = "abcdefghij"
SYMBOL = "BTCUSDT"
TAKEN_OVER_S = 8.0


async def test_a_rolling_restart_keeps_the_stop_and_brings_it_back() -> None:
    async with GuardStack([SYMBOL]) as stack:
        first, second = stack.guard("guard-1"), stack.guard("guard-2")
        await first.start()
        await second.start("standby")
        await stack.venue.open_by_hand(SYMBOL, "0.1", GuardStack.entry_name(TAG))
        (stop,) = await eventually(lambda: stack.venue.stops(SYMBOL), within_s=20, every_s=0.1, what="the first stop")
        await _handed_over(stack, first, second)
        await _handed_over(stack, second, first)
        (last,) = await stack.venue.stops(SYMBOL)
        assert Decimal(last["triggerPrice"]) == Decimal(stop["triggerPrice"])


async def _handed_over(stack: GuardStack, active: GuardProcess, standby: GuardProcess) -> None:
    """The active one is asked to end: the stop rests meanwhile; one that vanishes then is put back by the other."""
    (before,) = await stack.venue.stops(SYMBOL)
    assert await active.end() == 0
    await eventually(lambda: standby.is_in("ready"), within_s=TAKEN_OVER_S, every_s=0.05, what=f"{standby.instance} is active")
    assert [row["algoId"] for row in await stack.venue.stops(SYMBOL)] == [before["algoId"]]
    await active.start("standby")
    await stack.venue.cancel_by_hand(SYMBOL)
    (after,) = await eventually(lambda: stack.venue.stops(SYMBOL), within_s=TAKEN_OVER_S, every_s=0.05, what="the stop is back")
    assert Decimal(after["triggerPrice"]) == Decimal(before["triggerPrice"])
    metrics = await active.metrics()
    assert "mraster_bracket_guard_ready_info 0.0" in metrics

"""The kill switch in a flood of plans: healthy, without NATS, without Redis. The bound is one second."""

import asyncio

import pytest

from tests.chaos.stack import Stack
from tests.chaos.storm import Case, Storm
from tests.fakes.eventually import eventually

pytestmark = pytest.mark.integration

BOUND_MS = 1_000
PRESSES = 3


@pytest.mark.parametrize("case", list(Case))
async def test_the_last_entry_is_accepted_within_a_second_of_the_press_and_none_follows(case: Case) -> None:
    async with Stack() as stack:
        executor = stack.executor()
        await executor.start()
        storm = Storm(stack)
        for _ in range(PRESSES):
            press = await storm.press(case)
            assert press.before > 0, "the press met no entries: the test shows nothing"
            assert press.late_ms < BOUND_MS, press
            assert executor.process is not None
            assert executor.process.poll() is None, "the executor lives through it"
            if case is Case.NO_REDIS:
                assert await stack.venue.positions() == {}, "flattened at the venue, and nothing was entered behind its back"
            else:
                await eventually(lambda: _guarded(stack), within_s=10, what="what was entered before the press is protected")
            await storm.recover(case)


async def _guarded(stack: Stack) -> bool:
    """Each open position has its stop."""
    open_ = set(await stack.venue.positions())
    rows = await asyncio.gather(*(stack.venue.algos(symbol) for symbol in open_))
    return open_ == {row["symbol"] for symbol in rows for row in symbol if row["orderType"] == "STOP_MARKET" and row["algoStatus"] == "NEW"}

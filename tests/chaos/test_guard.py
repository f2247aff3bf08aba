"""Everything around the guard fails in turn: how long is a position without a stop?

Long when the folder is asked for (`make chaos`), short as a part of the whole suite.
"""

import asyncio
import time

import pytest

from tests.chaos.guard_rounds import GuardRounds, GuardTally, quantile
from tests.chaos.guard_stack import GuardStack

pytestmark = [pytest.mark.integration, pytest.mark.patience(3600)]

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "BNBUSDT", "DOGEUSDT", "ADAUSDT", "LINKUSDT"]
HEALTHY_P99_MS = 3_000
DEAD_P99_MS = 10_000
MOST_MS = 60_000
LAPS = 3
WITHOUT_BUS_S = 60.0


async def test_never_naked_for_long(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    long = any(str(argument).rstrip("/").endswith("tests/chaos") for argument in request.config.invocation_params.args)
    tally = GuardTally()
    started = time.monotonic()
    try:
        for lap in range(LAPS if long else 1):  # fresh stacks: after a hundred losing trades in a row the executor pauses entries
            async with GuardStack(SYMBOLS if long else SYMBOLS[:3]) as stack:
                await _all_troubles(stack, tally, long=long, last=lap == LAPS - 1)
    finally:
        with capsys.disabled():
            notes = "".join(f"{note}\n" for note in tally.notes)
            print(f"\n{notes}{tally.table()}\n{time.monotonic() - started:.0f} s\n{tally.last_line()}")  # noqa: T201 - the result
    assert quantile(tally.of("healthy"), 0.99) < HEALTHY_P99_MS
    assert quantile(tally.of("executor_killed", "placing_fails") or [0], 0.99) < DEAD_P99_MS
    assert tally.of()[-1] < MOST_MS
    assert not tally.duplicates.total(), tally.notes
    assert not tally.wrong_cancels.total(), tally.notes


async def _all_troubles(stack: GuardStack, tally: GuardTally, *, long: bool, last: bool) -> None:
    executor, guard = stack.executor(), stack.guard("guard-1")
    await asyncio.gather(executor.start(), guard.start())
    rounds = GuardRounds(stack, executor, guard, tally)
    await rounds.plant()
    await rounds.healthy()
    await rounds.executor_killed()
    await rounds.nats_stopped(WITHOUT_BUS_S if long and last else 0.5)
    await rounds.redis_flushed()
    await rounds.stale_orders()
    await rounds.key_expired()
    if long:
        await rounds.stop_rejected()
        await rounds.algo_failing(8)
        await rounds.placing_fails()
        await rounds.redis_stopped()
    if long and last:
        other = stack.guard("guard-2")
        await other.start("standby")
        await rounds.replicas_restarted(other)

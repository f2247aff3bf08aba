"""kill -9 of the executor at every moment of an entry, with the venue misbehaving in every way.

The suite does a few hundred of these; `make chaos` (this folder alone) does a thousand.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from services.executor.steps import Moment
from tests.chaos.matrix import Matrix, Tally
from tests.chaos.stack import Stack
from tests.fakes.flaky_proxy import Fault

pytestmark = [pytest.mark.integration, pytest.mark.patience(3600)]

IN_THE_SUITE, ALONE = 210, 1_000
SIDE_BY_SIDE = 2
ROUNDS_PER_STACK = 5
RESTING_SHARE = 0.2
"""Runs with post-only entries, added to the others: these rest for seconds and may fill, in part or whole, or not at all."""
RESTING = {"ASTER_ENTRY_TYPE": "limit", "ASTER_ENTRY_LIMIT_SECONDS": "7", "ASTER_RISK_PER_TRADE": "0.002"}
ENOUGH_TO_FILL = 100
"""So many resting entries surely see some fill."""
FAULTS = [Fault.NONE, Fault.LOST_ANSWER, Fault.UNKNOWN_503, Fault.STREAM_CUT, Fault.LOST_REQUEST, Fault.BUSY_503, Fault.UNKNOWN_503_NOT]


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> int:
    """How many; the environment may say another number."""
    alone = any(Path(argument).name == "chaos" for argument in request.config.args)
    return int(os.environ.get("MRASTER_CHAOS_RUNS", ALONE if alone else IN_THE_SUITE))  # noqa: TID251 - the tests' own switch


async def campaign(tally: Tally, runs: int, number: int, **settings: str) -> None:
    """Deaths until all campaigns together have enough; a fresh stack now and then, before fees make a streak of losses."""
    turn = number
    while tally.begun < runs:
        async with Stack(None, **settings) as stack:
            executor = stack.executor()
            await executor.start()
            matrix = Matrix(stack, executor, tally)
            for _ in range(ROUNDS_PER_STACK):
                if tally.begun >= runs:
                    break
                tally.begun += len(stack.symbols)
                moments = list(Moment)
                shift = turn // len(FAULTS) % len(moments)
                await matrix.round([*moments[shift:], *moments[:shift]], FAULTS[turn % len(FAULTS)])
                turn += SIDE_BY_SIDE


async def campaigns(runs: int, **settings: str) -> tuple[Tally, float]:
    """All of them, and how many seconds they took."""
    tally, started = Tally(), time.monotonic()
    await asyncio.gather(*(campaign(tally, runs, number, **settings) for number in range(SIDE_BY_SIDE)))
    return tally, time.monotonic() - started


def show(capsys: pytest.CaptureFixture[str], *lines: str) -> None:
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))
        sys.stdout.flush()


def judge(tally: Tally, runs: int) -> None:
    assert tally.runs.total() >= runs
    assert not tally.duplicates.total(), tally.notes
    assert not tally.lost.total(), tally.notes
    assert not tally.naked.total(), tally.notes


async def test_entries_that_rest_survive_every_death_too(runs: int, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = int(runs * RESTING_SHARE)
    tally, took_s = await campaigns(wanted, **RESTING)
    show(capsys, "resting entries", *tally.notes, tally.table(resting=True), f"{took_s:.0f} s")
    judge(tally, wanted)
    assert tally.opened.total() or wanted < ENOUGH_TO_FILL


async def test_no_order_twice_none_lost_none_without_a_stop(runs: int, capsys: pytest.CaptureFixture[str]) -> None:
    tally, took_s = await campaigns(runs)
    show(capsys, *tally.notes, tally.table(), f"{took_s:.0f} s", tally.last_line())
    judge(tally, runs)
    assert tally.opened.total() >= 0.9 * tally.expected(), "most entries were refused: the matrix shows less than it says"

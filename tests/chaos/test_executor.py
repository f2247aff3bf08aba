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

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("chaos")]

IN_THE_SUITE, ALONE = 210, 1_000
SIDE_BY_SIDE = 2
ROUNDS_PER_STACK = 5
FAULTS = [Fault.NONE, Fault.LOST_ANSWER, Fault.UNKNOWN_503, Fault.STREAM_CUT, Fault.LOST_REQUEST, Fault.BUSY_503, Fault.UNKNOWN_503_NOT]


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> int:
    """How many; the environment may say another number."""
    alone = any(Path(argument).name == "chaos" for argument in request.config.args)
    return int(os.environ.get("MRASTER_CHAOS_RUNS", ALONE if alone else IN_THE_SUITE))  # noqa: TID251 - the tests' own switch


async def campaign(tally: Tally, runs: int, number: int) -> None:
    """Deaths until all campaigns together have enough; a fresh stack now and then, before fees make a streak of losses."""
    turn = number
    while tally.begun < runs:
        async with Stack() as stack:
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


async def test_no_order_twice_none_lost_none_without_a_stop(runs: int, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    started = time.monotonic()
    await asyncio.gather(*(campaign(tally, runs, number) for number in range(SIDE_BY_SIDE)))
    with capsys.disabled():
        for note in tally.notes:
            sys.stdout.write(f"{note}\n")
        sys.stdout.write(f"\n{tally.table()}\n{time.monotonic() - started:.0f} s\n{tally.last_line()}\n")
        sys.stdout.flush()
    assert tally.runs.total() >= runs
    assert not tally.duplicates.total(), tally.notes
    assert not tally.lost.total(), tally.notes
    assert not tally.naked.total(), tally.notes
    assert tally.opened.total() >= 0.9 * tally.expected(), "most entries were refused: the matrix shows less than it says"

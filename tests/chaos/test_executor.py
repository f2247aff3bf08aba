"""kill -9 of the executor at every moment of an entry, with the venue misbehaving in every way. `make chaos` does more of it."""

import os
import sys
import time
from itertools import cycle

import pytest

from services.executor.steps import Moment
from tests.chaos.matrix import Matrix, Tally
from tests.chaos.stack import Stack
from tests.fakes.flaky_proxy import Fault

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("chaos")]

RUNS = int(os.environ.get("MRASTER_CHAOS_RUNS", "210"))  # noqa: TID251 - the tests' own switch
FAULTS = [Fault.NONE, Fault.LOST_ANSWER, Fault.UNKNOWN_503, Fault.STREAM_CUT, Fault.LOST_REQUEST, Fault.BUSY_503, Fault.UNKNOWN_503_NOT]


async def test_no_order_twice_none_lost_none_without_a_stop() -> None:
    tally = Tally()
    moments = list(Moment)
    started = time.monotonic()
    async with Stack() as stack:
        executor = stack.executor()
        await executor.start()
        matrix = Matrix(stack, executor, tally)
        faults = cycle(FAULTS)
        while tally.runs.total() < RUNS:
            await matrix.round(moments, next(faults))
            moments = [*moments[1:], moments[0]]
        for name in tally.notes:
            sys.stdout.write(f"{name}\n")
        sys.stdout.write(f"\n{tally.table()}\n{time.monotonic() - started:.0f} s\n{tally.last_line()}\n")
        sys.stdout.flush()
    assert not tally.duplicates.total(), tally.notes
    assert not tally.lost.total(), tally.notes
    assert not tally.naked.total(), tally.notes
    assert tally.opened.total() > RUNS / 2

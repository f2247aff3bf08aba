"""The executor between real servers and the paper venue: plan to accepted order, a hundred plans at once, the kill switch.

Prints `bench <name> <value> <unit>` lines. Times are from the publish of the plan (or the press of the switch) to the venue's own time of
the order. `--presses 50 --only kill_switch` measures the switch alone and well.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.chaos.stack import Stack  # noqa: E402 - found only with the root on the path
from tests.chaos.storm import Case, Press, Storm  # noqa: E402
from tests.fakes.eventually import eventually  # noqa: E402

ROUNDS = 4
AT_ONCE = 100
PRESSES = 3
PER_STACK = 5


def show(name: str, value: float, unit: str) -> None:
    """One figure."""
    sys.stdout.write(f"bench {name} {value:.1f} {unit}\n")
    sys.stdout.flush()


async def settled(stack: Stack, names: list[str]) -> bool:
    """Whether all of these plans have an outcome."""
    intents = await stack.intents()
    return all(intents.get(name, {}).get("outcome") for name in names)


async def clear(stack: Stack) -> None:
    """Close everything and wait until it is forgotten."""
    for symbol, amount in (await stack.venue.positions()).items():
        await stack.venue.close(symbol, amount)

    async def free() -> bool:
        return not await stack.state.exposure_entries() and not await stack.state.get_all(stack.keys.positions)

    await eventually(free, within_s=30)


async def one_by_one(stack: Stack) -> None:
    """Plan to accepted order, and fill to resting stop, when nothing else is in the way."""
    waits, naked = [], []
    for _ in range(ROUNDS):
        for symbol in stack.symbols:
            plan = await stack.plan(symbol)
            published_ms = time.time_ns() / 1e6
            await stack.bus.publish(plan)
            await eventually(partial(settled, stack, [plan.decision_id]), within_s=20, every_s=0.02)
            order = (await stack.venue.entries(symbol))[-1]
            waits.append(int(order["time"]) - published_ms)
            stops = [row for row in await stack.venue.algos(symbol) if row["orderType"] == "STOP_MARKET"]
            naked.append(int(stops[-1]["createTime"]) - int(order["updateTime"]))
        await clear(stack)
    for name, values in (("plan_to_accepted", waits), ("fill_to_stop", naked)):
        cuts = quantiles(values, n=100)
        show(f"executor_{name}_p50", cuts[49], "ms")
        show(f"executor_{name}_p99", cuts[98], "ms")


async def at_once(stack: Stack) -> None:
    """Many plans in the same moment: as many as there are symbols are entered, the others refused, all are answered."""
    plans = [await stack.plan(stack.symbols[i % len(stack.symbols)]) for i in range(AT_ONCE)]
    started, started_ms = time.monotonic(), time.time_ns() / 1e6
    await asyncio.gather(*(stack.bus.publish(plan) for plan in plans))
    await eventually(lambda: settled(stack, [plan.decision_id for plan in plans]), within_s=60, every_s=0.02)
    show("executor_100_plans_all_answered", (time.monotonic() - started) * 1000, "ms")
    last = max([int((await stack.venue.entries(symbol))[-1]["time"]) for symbol in stack.symbols])
    show("executor_100_plans_last_entry_accepted", last - started_ms, "ms")
    await clear(stack)


async def kill_switch(case: Case, presses: int) -> None:
    """From the press to the last entry that the venue took, plans pouring in; a fresh stack now and then, for its request budget.

    `to_flat`: until the command line says that nothing is open, its last looks over a second and a half included.
    """
    done: list[Press] = []
    while len(done) < presses:
        async with running() as stack:
            storm = Storm(stack, seed=len(done))
            for _ in range(min(PER_STACK, presses - len(done))):
                done.append(await storm.press(case))
                await storm.recover(case)
    name = f"executor_kill_switch_{case.value}"
    show(f"{name}_presses", len(done), "presses")
    show(f"{name}_entries_before", sum(press.before for press in done), "entries")
    show(f"{name}_entries_after", sum(press.after for press in done), "entries")
    spread(f"{name}_to_last_entry", [press.late_ms for press in done])
    flat = [press.flat_ms for press in done if press.flat_ms is not None]
    if flat:
        spread(f"{name}_to_flat", flat)


def spread(name: str, values: list[float]) -> None:
    """p50, p99 and the worst, in milliseconds. With fewer than a hundred values the p99 is between the two worst."""
    cuts = quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    for label, value in (("p50", cuts[49]), ("p99", cuts[98]), ("max", max(values))):
        show(f"{name}_{label}", value, "ms")


@asynccontextmanager
async def running() -> AsyncIterator[Stack]:
    """Everything around one executor that is ready; a stack of its own for each part, so that none starts with a used-up rate limit."""
    async with Stack() as stack:
        await stack.executor().start()
        yield stack


async def main(presses: int, only: str) -> None:
    """All parts, or those whose name holds a word."""
    for part in (one_by_one, at_once):
        if only in part.__name__:
            async with running() as stack:
                await part(stack)
    for case in Case:
        if only in f"kill_switch_{case.value}":
            await kill_switch(case, presses)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--presses", type=int, default=PRESSES, help="presses of the kill switch in each case; 50 or more say something about p99"
    )
    parser.add_argument("--only", default="", help="a word of the part's name: one_by_one, at_once, kill_switch, healthy, nats, redis")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.presses, arguments.only))
